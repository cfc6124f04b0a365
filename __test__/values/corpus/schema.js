'use strict';

/** The types that the corpus names and that a fresh database doesn't have. */
module.exports = `
  CREATE TYPE corpus_pair AS (number int4, word text);
  CREATE TYPE corpus_mood AS ENUM ('sad', 'in between', 'it''s "odd"');
  CREATE DOMAIN corpus_positive AS int4 CHECK (VALUE > 0);
  CREATE DOMAIN corpus_email AS text CHECK (VALUE LIKE '%@%');
  CREATE DOMAIN corpus_document AS jsonb;
  CREATE DOMAIN corpus_day AS date;
  CREATE TYPE corpus_range AS RANGE (subtype = text);
`;
