//! Built-in functions without effects.

/// Functions of `pg_catalog` that write nothing, wait for nothing, read no files and run no SQL of their own, in
/// alphabetic order. Those whose answer is another one each time (`random`, `clock_timestamp`) are among them: it can't
/// be noticed how often they were called. What tells or changes the state of a sequence, the session or the transaction
/// is not.
#[rustfmt::skip]
const HARMLESS: [&str; 379] = [
    "abs", "acos", "acosd", "acosh", "age", "any_value", "array_agg", "array_append", "array_cat", "array_dims",
    "array_fill", "array_length", "array_lower", "array_ndims", "array_position", "array_positions", "array_prepend",
    "array_remove", "array_replace", "array_to_json", "array_to_string", "array_to_tsvector", "array_upper", "ascii",
    "asin", "asind", "asinh", "atan", "atan2", "atan2d", "atand", "atanh", "avg", "bit_and", "bit_count",
    "bit_length", "bit_or", "bit_xor", "bool", "bool_and", "bool_or", "box", "bpchar", "broadcast", "btrim",
    "cardinality", "cbrt", "ceil", "ceiling", "char_length", "character_length", "chr", "circle", "clock_timestamp",
    "col_description", "concat", "concat_ws", "convert", "convert_from", "convert_to", "corr", "cos", "cosd", "cosh",
    "cot", "cotd", "count", "covar_pop", "covar_samp", "cume_dist", "current_database", "current_schema",
    "current_schemas", "current_setting", "date", "date_add", "date_bin", "date_part", "date_subtract", "date_trunc",
    "datemultirange", "daterange", "decode", "degrees", "dense_rank", "diagonal", "div", "encode", "enum_first",
    "enum_last", "enum_range", "erf", "erfc", "every", "exp", "factorial", "family", "first_value", "float4",
    "float8", "floor", "format", "format_type", "gcd", "gen_random_uuid", "generate_series", "generate_subscripts",
    "get_bit", "get_byte", "get_current_ts_config", "has_column_privilege", "has_database_privilege",
    "has_schema_privilege", "has_sequence_privilege", "has_table_privilege", "height", "host", "hostmask",
    "inet_merge", "inet_same_family", "initcap", "int2", "int4", "int4multirange", "int4range", "int8",
    "int8multirange", "int8range", "isempty", "isfinite", "json_agg", "json_array_elements",
    "json_array_elements_text", "json_array_length", "json_build_array", "json_build_object", "json_each",
    "json_each_text", "json_extract_path", "json_extract_path_text", "json_object", "json_object_agg",
    "json_object_keys", "json_populate_record", "json_populate_recordset", "json_strip_nulls", "json_to_record",
    "json_to_recordset", "json_typeof", "jsonb_agg", "jsonb_array_elements", "jsonb_array_elements_text",
    "jsonb_array_length", "jsonb_build_array", "jsonb_build_object", "jsonb_concat", "jsonb_contained",
    "jsonb_contains", "jsonb_delete", "jsonb_delete_path", "jsonb_each", "jsonb_each_text", "jsonb_exists",
    "jsonb_exists_all", "jsonb_exists_any", "jsonb_extract_path", "jsonb_extract_path_text", "jsonb_insert",
    "jsonb_object", "jsonb_object_agg", "jsonb_object_keys", "jsonb_path_exists", "jsonb_path_exists_tz",
    "jsonb_path_match", "jsonb_path_match_tz", "jsonb_path_query", "jsonb_path_query_array",
    "jsonb_path_query_array_tz", "jsonb_path_query_first", "jsonb_path_query_first_tz", "jsonb_path_query_tz",
    "jsonb_populate_record", "jsonb_populate_recordset", "jsonb_pretty", "jsonb_set", "jsonb_set_lax",
    "jsonb_strip_nulls", "jsonb_to_record", "jsonb_to_recordset", "jsonb_typeof", "justify_days", "justify_hours",
    "justify_interval", "lag", "last_value", "lcm", "lead", "left", "length", "like", "ln", "log", "log10", "lower",
    "lower_inc", "lower_inf", "lpad", "ltrim", "make_date", "make_interval", "make_time", "make_timestamp",
    "make_timestamptz", "masklen", "max", "md5", "min", "min_scale", "mod", "mode", "multirange", "netmask",
    "network", "normalize", "now", "nth_value", "ntile", "num_nonnulls", "num_nulls", "numeric", "nummultirange",
    "numnode", "numrange", "obj_description", "octet_length", "overlaps", "parse_ident", "path", "percent_rank",
    "percentile_cont", "percentile_disc", "pg_backend_pid", "pg_get_constraintdef", "pg_get_expr", "pg_get_indexdef",
    "pg_get_serial_sequence", "pg_get_userbyid", "pg_get_viewdef", "pg_postmaster_start_time", "pg_table_is_visible",
    "pg_type_is_visible", "pg_typeof", "phraseto_tsquery", "pi", "plainto_tsquery", "point", "polygon", "pow",
    "power", "quote_ident", "quote_literal", "quote_nullable", "radians", "radius", "random", "range_agg",
    "range_intersect_agg", "range_merge", "rank", "regexp_count", "regexp_instr", "regexp_like", "regexp_match",
    "regexp_matches", "regexp_replace", "regexp_split_to_array", "regexp_split_to_table", "regexp_substr",
    "regr_avgx", "regr_avgy", "regr_count", "regr_intercept", "regr_r2", "regr_slope", "regr_sxx", "regr_sxy",
    "regr_syy", "repeat", "replace", "reverse", "right", "round", "row_number", "row_to_json", "rpad", "rtrim",
    "scale", "set_bit", "set_byte", "set_masklen", "setweight", "sha224", "sha256", "sha384", "sha512", "sign", "sin",
    "sind", "sinh", "slope", "split_part", "sqrt", "starts_with", "statement_timestamp", "stddev", "stddev_pop",
    "stddev_samp", "string_agg", "string_to_array", "string_to_table", "strip", "strpos", "substr", "sum", "tan",
    "tand", "tanh", "text", "timeofday", "timestamptz", "timetz", "to_ascii", "to_char", "to_date", "to_hex",
    "to_json", "to_jsonb", "to_number", "to_regclass", "to_regnamespace", "to_regproc", "to_regrole", "to_regtype",
    "to_timestamp", "to_tsquery", "to_tsvector", "transaction_timestamp", "translate", "trim_array", "trim_scale",
    "trunc", "ts_delete", "ts_filter", "ts_headline", "ts_rank", "ts_rank_cd", "tsmultirange", "tsquery_phrase",
    "tsrange", "tstzmultirange", "tstzrange", "tsvector_to_array", "unistr", "unnest", "upper", "upper_inc",
    "upper_inf", "uuid_extract_timestamp", "uuid_extract_version", "uuidv4", "uuidv7", "var_pop", "var_samp",
    "varbit", "variance", "version", "websearch_to_tsquery", "width", "width_bucket",
];

/// Whether all built-in functions of this name are without effects. The name is one as the server keeps it: in small
/// letters unless it was quoted.
pub(super) fn is_harmless(name: &str) -> bool {
    HARMLESS.binary_search(&name).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_in_order() {
        assert!(HARMLESS.is_sorted());
    }

    #[test]
    fn what_writes_waits_or_reads_files_is_not_among_them() {
        for name in [
            "nextval",
            "setval",
            "currval",
            "lastval",
            "set_config",
            "setseed",
            "pg_sleep",
            "pg_sleep_for",
            "pg_advisory_lock",
            "pg_advisory_xact_lock",
            "pg_try_advisory_lock",
            "pg_terminate_backend",
            "pg_cancel_backend",
            "pg_notify",
            "pg_read_file",
            "pg_ls_dir",
            "pg_current_xact_id",
            "txid_current",
            "lo_create",
            "lo_unlink",
            "lowrite",
            "dblink",
            "query_to_xml",
            "ts_stat",
            "ts_rewrite",
            "pg_switch_wal",
            "pg_logical_emit_message",
        ] {
            assert!(!is_harmless(name), "{name}");
        }
    }
}
