'use strict';

// Values from all over the range of a type. `h` is a bigint that looks random and depends on n alone.
const ROWS = 1500;

const columns = {
  integers: [
    ['int2', '(h % 32768)::int2'],
    ['int4', '(h % 2147483648)::int4'],
    ['small', '(h % 1000)::int4'],
    ['int8', 'h'],
    ['middle', 'h / 4294967296'],
    ['oid', '(h & 4294967295)::oid'],
    ['odd', 'h % 2 = 0'],
  ],
  fractions: [
    ['float8', "h::float8 * ('1e' || (n % 560 - 300))::float8"],
    ['near', 'h::float8 / 9223372036854775807'],
    ['third', 'n::float8 / 3'],
    ['float4', "(h::float8 / 1e18)::float4 * ('1e' || (n % 70 - 38))::float4"],
    ['numeric', "h::numeric * ('1e' || (n % 60 - 30))::numeric"],
    ['cents', '(h % 100000)::numeric / 100'],
  ],
  times: [
    ['soon', "'2000-01-01'::timestamp + (h / 50) * interval '1 microsecond'"],
    ['soonz', "'2000-01-01'::timestamptz + (h / 100) * interval '1 microsecond' / 10"],
    ['late', "'2000-01-01'::timestamp + abs(h / 2) * interval '1 microsecond'"],
    ['latez', "'2000-01-01'::timestamptz + abs(h / 3) * interval '1 microsecond'"],
    ['early', "'2000-01-01'::timestamp + (h % 200000000000) * interval '1 second'"],
    ['earlyz', "'2000-01-01'::timestamptz + (h % 200000000000) * interval '1 second'"],
    ['lately', "'1985-01-01'::timestamptz + (h % 2000000000) * interval '1 second'"],
    ['latelytoo', "'1985-01-01'::timestamp + (h % 2000000000) * interval '1 second'"],
    ['day', "'2000-01-01'::date + (h % 2400000)::int4"],
    ['farday', "'2000-01-01'::date + abs(h % 100000000)::int4"],
    ['span', "(h / 1000000) * interval '1 microsecond' + (h % 1000)::int4 * interval '1 day 1 month'"],
  ],
  texts: [
    ['short', 'substr(md5(n::text), 1, abs(h % 33)::int4)'],
    ['letter', 'chr((32 + abs(h % 55000))::int4)'],
    ['wide', 'repeat(chr((160 + abs(h % 50000))::int4), abs(h % 60)::int4)'],
    [
      'mixed',
      "repeat('x', abs(h % 40)::int4) || CASE WHEN h % 3 = 0 THEN chr((128000 + abs(h % 500))::int4) ELSE '' END",
    ],
    ['maybe', 'CASE WHEN h % 4 = 0 THEN NULL ELSE n::text END'],
    ['bytes', "decode(repeat(md5(n::text), abs(h % 9)::int4), 'hex')"],
    ['identity', 'md5(n::text)::uuid'],
  ],
  documents: [
    ['flat', "json_build_object('n', n, 'h', h, 't', 'text ' || n, 'b', h % 2 = 0, 'z', NULL)"],
    ['keyed', "jsonb_build_object('k' || (abs(h) % 50), n, 'k' || (abs(h) % 7), 'x', 'fixed', h % 5)"],
    ['listed', 'to_jsonb(ARRAY[h % 10, n, NULL])'],
    [
      'scalar',
      "CASE abs(h % 4) WHEN 0 THEN to_json(n) WHEN 1 THEN to_json('é' || n) WHEN 2 THEN to_json(h % 2 = 0) ELSE 'null'::json END",
    ],
    [
      'nested',
      "json_build_object('a', json_build_array(json_build_object('b', n), CASE WHEN h % 2 = 0 THEN json_build_object('c', repeat('é', abs(h % 50)::int4)) END))",
    ],
    [
      'numbers',
      "('[' || h || ',' || n || '.5e' || (n % 30) || ',-0,' || (h % 100)::float8 / 7 || ']')::jsonb",
    ],
  ],
};

const list = (group) => columns[group].map(([name, expression]) => `${expression} AS ${name}`).join(', ');

/** One query a group: [name, text]. */
module.exports = Object.keys(columns).map((group) => [
  group,
  `SELECT ${list(group)} FROM (SELECT n, hashint8extended(n, 0) AS h FROM generate_series(1, ${ROWS}) n) spread`,
]);
