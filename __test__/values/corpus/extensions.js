'use strict';

/** Expressions over types of the extensions that ship with PostgreSQL. */
module.exports = {
  hstore: [
    "'a=>1, b=>NULL'::hstore",
    "''::hstore",
    `'"with space"=>"quo\\"te", é=>日本'::hstore`,
    "ARRAY['a=>1'::hstore, NULL]",
    "hstore_to_json('a=>1, b=>NULL'::hstore)",
  ],
  citext: ["'MiXed'::citext", "''::citext", "ARRAY['A', NULL, 'b c']::citext[]"],
  ltree: [
    "'Top.Science.Astronomy'::ltree",
    "''::ltree",
    "ARRAY['a.b', NULL]::ltree[]",
    "'*.Astronomy.*'::lquery",
  ],
  cube: ["'(1,2,3)'::cube", "'(0,0),(1,1)'::cube", 'cube(1.5)', "ARRAY['(1)'::cube]"],
  isn: ["'978-0-393-04002-9'::isbn13"],
  seg: ["'1.5 .. 2.5'::seg"],
};
