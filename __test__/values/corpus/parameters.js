'use strict';

const vm = require('node:vm');

// What programs pass as query values, in groups. Each entry makes a fresh value, so that nothing that one
// driver does to it is seen by the other.

const elsewhere = (source) => vm.runInNewContext(source);

class Price {
  constructor(cents) {
    this.cents = cents;
  }
  toPostgres() {
    return `${this.cents / 100}`;
  }
}

const circular = () => {
  const value = { name: 'circle' };
  value.self = value;
  return value;
};

const circularToPostgres = () => {
  const first = { toPostgres: () => second, toString: () => 'first' };
  const second = { toPostgres: () => first, toString: () => 'second' };
  return first;
};

const yearOf = (year) => {
  const date = new Date(2001, 5, 7, 8, 9, 10, 11);
  date.setFullYear(year);
  return date;
};

const scalars = {
  null: () => null,
  undefined: () => undefined,
  true: () => true,
  false: () => false,
  zero: () => 0,
  'negative zero': () => -0,
  one: () => 1,
  'a fraction': () => -1.5,
  'the sum of 0.1 and 0.2': () => 0.1 + 0.2,
  '1e21': () => 1e21,
  '1e-7': () => 1e-7,
  'the largest number': () => Number.MAX_VALUE,
  'the smallest number': () => Number.MIN_VALUE,
  'the largest safe integer': () => Number.MAX_SAFE_INTEGER,
  NaN: () => NaN,
  Infinity: () => Infinity,
  'negative Infinity': () => -Infinity,
  'a bigint': () => 9223372036854775807n,
  'a negative bigint': () => -9223372036854775808n,
  'a huge bigint': () => 10n ** 40n,
  'an empty text': () => '',
  'a text': () => 'plain text',
  'a text with quotes': () => `it's "quoted"`,
  'a text with backslashes': () => 'back\\slash \\n \\x41',
  'a text in several scripts': () => 'é 日本 😀 עברית e\u0301',
  'a long text': () => 'x'.repeat(100000),
  'a long text of wide characters': () => '日'.repeat(100000),
  'a text that says null': () => 'NULL',
  'a text with a zero character': () => 'a\0b',
  'a text with half a pair of surrogates': () => 'a\ud83db\ude00c',
  'a boxed text': () => new String('boxed'),
  'a boxed number': () => new Number(5),
  'a boxed boolean': () => new Boolean(false),
  'a boxed bigint': () => Object(5n),
  'a symbol': () => Symbol('sign'),
  'a boxed symbol': () => Object(Symbol('sign')),
  'a function': () => function named(argument) { return argument; }, // prettier-ignore
  'an arrow function': () => () => 1,
  'a class': () => class Empty {}, // prettier-ignore
};

const dates = {
  'the epoch': () => new Date(0),
  'a date of today': () => new Date(2024, 1, 29, 12, 34, 56, 789),
  'a date in winter': () => new Date(2024, 0, 15, 1, 2, 3, 4),
  'a date in summer': () => new Date(2024, 6, 15, 1, 2, 3, 4),
  'an hour that the clock skips': () => new Date(Date.UTC(2024, 2, 10, 7, 30)),
  'an hour that comes twice': () => new Date(Date.UTC(2024, 10, 3, 5, 30)),
  'the same hour the second time': () => new Date(Date.UTC(2024, 10, 3, 6, 30)),
  'a date from before standard time': () => new Date(Date.UTC(1850, 5, 15)),
  'a date when Monrovia had seconds in its offset': () => new Date(Date.UTC(1971, 5, 15)),
  'the year 999': () => yearOf(999),
  'the year 99': () => yearOf(99),
  'the year 1': () => yearOf(1),
  'the year 0, which is 1 BC': () => yearOf(0),
  'the year -1, which is 2 BC': () => yearOf(-1),
  'the year -4000': () => yearOf(-4000),
  'the year 9999': () => yearOf(9999),
  'the year 10000': () => yearOf(10000),
  'the year 200000': () => yearOf(200000),
  'the last date there is': () => new Date(8.64e15),
  'the first date there is': () => new Date(-8.64e15),
  'an invalid date': () => new Date(NaN),
  'a date of another realm': () => elsewhere('new Date(1700000000123)'),
  'a date of a subclass': () => new (class Day extends Date {})(1700000000123),
  'a date with toPostgres, which is not asked': () =>
    Object.assign(new Date(1700000000123), { toPostgres: () => 'no' }),
  'dates in an array': () => [new Date(0), null, yearOf(-1)],
};

const bytes = {
  'an empty buffer': () => Buffer.alloc(0),
  'a buffer': () => Buffer.from([0, 1, 2, 39, 92, 127, 128, 255]),
  'a buffer of text': () => Buffer.from('some text é'),
  'a slice of a buffer': () => Buffer.from('0123456789').subarray(3, 6),
  'a long buffer': () => Buffer.alloc(200000, 'abc'),
  'a Uint8Array': () => Uint8Array.of(1, 2, 255),
  'a Uint8Array of a part': () => new Uint8Array(Uint8Array.of(1, 2, 3, 4, 5).buffer, 1, 3),
  'a Uint8ClampedArray': () => Uint8ClampedArray.of(1, 2, 255),
  'an Int8Array': () => Int8Array.of(-1, 2),
  'a Uint16Array': () => Uint16Array.of(1, 65535),
  'a Float64Array': () => Float64Array.of(1.5),
  'a BigInt64Array': () => BigInt64Array.of(-1n),
  'a DataView': () => new DataView(Uint8Array.of(1, 2, 3, 4).buffer, 1, 2),
  'a DataView of nothing': () => new DataView(new ArrayBuffer(0)),
  'an ArrayBuffer, which is an object like others': () => Uint8Array.of(1, 2).buffer,
  'a Uint8Array on shared memory': () => new Uint8Array(new SharedArrayBuffer(3)),
  'a Uint8Array of another realm': () => elsewhere('Uint8Array.of(1, 2, 255)'),
  'buffers in an array': () => [
    Buffer.from([0, 92, 255]),
    null,
    Uint8Array.of(1, 2),
    new DataView(new ArrayBuffer(1)),
  ],
  'buffers in an array of arrays': () => [[Buffer.from('a')], [Buffer.from('b')]],
};

const arrays = {
  'an empty array': () => [],
  'an array of numbers': () => [1, 2.5, -3],
  'an array with nulls': () => [1, null, undefined, 4],
  'an array with holes': () => [1, , 3], // prettier-ignore
  'an array of texts': () => ['a', '', 'NULL', 'null', 'with space', 'é日😀'],
  'an array of texts to be escaped': () => ['"', '\\', ',', '{', '}', "'", '\\"', 'new\nline', '\t'],
  'an array of booleans': () => [true, false],
  'an array of bigints': () => [1n, -9223372036854775808n],
  'an array of arrays': () => [[1, 2], [3, 4]], // prettier-ignore
  'an array of arrays of arrays': () => [
    [['a'], [null]],
    [['c'], ['"d"']],
  ],
  'an array of empty arrays': () => [[], []],
  'an array of arrays of different lengths': () => [[1], [2, 3]],
  'an array of objects': () => [{ a: 1 }, { b: 'x"y\\z' }],
  'an array of objects with toPostgres': () => [new Price(150), new Price(5)],
  'an array of NaN and Infinity': () => [NaN, Infinity, -0],
  'an array of symbols': () => [Symbol('a')],
  'an array with an object whose toPostgres gives null': () => [{ toPostgres: () => null }],
  'an array with an object that JSON leaves out': () => [{ toJSON: () => undefined }],
  'an array with a circular object': () => [circular()],
  'an array of a subclass': () => new (class List extends Array {})(1, 2, 3),
  'an array of another realm': () => elsewhere('[1, [2, null]]'),
  'an array with toPostgres, which is not asked': () => Object.assign([1], { toPostgres: () => 'no' }),
  'a frozen array': () => Object.freeze([1, 2]),
  'a long array': () => Array.from({ length: 20000 }, (_, index) => index),
};

const objects = {
  'an empty object': () => ({}),
  'an object': () => ({ a: 1, b: 'two', c: null, d: undefined, e: [1, { f: true }] }),
  'an object with odd keys': () => ({ '': 1, "it's": 2, '"': 3, '\\': 4, é: 5, 1: 6 }),
  'an object without a prototype': () => Object.assign(Object.create(null), { a: 1 }),
  'an object with toJSON': () => ({ toJSON: () => ({ chosen: true }) }),
  'an object whose toJSON gives undefined': () => ({ toJSON: () => undefined }),
  'an object whose toJSON throws': () => ({
    toJSON() {
      throw new RangeError('no JSON of this');
    },
  }),
  'an object with a date': () => ({ at: new Date(0) }),
  'an object with a bigint': () => ({ large: 1n }),
  'an object with a buffer': () => ({ bytes: Buffer.from([1, 2]) }),
  'a circular object': circular,
  'an object with toPostgres': () => new Price(1234),
  'an object whose toPostgres gives a date': () => ({ toPostgres: () => new Date(0) }),
  'an object whose toPostgres gives a buffer': () => ({ toPostgres: () => Buffer.from([1, 2]) }),
  'an object whose toPostgres gives an array': () => ({ toPostgres: () => [1, new Price(5)] }),
  'an object whose toPostgres gives an object': () => ({ toPostgres: () => ({ a: 1 }) }),
  'an object whose toPostgres gives another one': () => ({ toPostgres: () => new Price(99) }),
  'an object whose toPostgres gives null': () => ({ toPostgres: () => null }),
  'an object whose toPostgres gives undefined': () => ({ toPostgres: () => undefined }),
  'an object whose toPostgres uses the function it is given': () => ({
    toPostgres: (prepareValue) => `[${prepareValue([1, 'a'])},${prepareValue(true)}]`,
  }),
  'an object whose toPostgres uses this': () => ({
    word: 'mine',
    toPostgres() {
      return this.word;
    },
  }),
  'an object whose toPostgres throws': () => ({
    toPostgres() {
      throw new RangeError('not for PostgreSQL');
    },
  }),
  'objects whose toPostgres go in a circle': circularToPostgres,
  'an object whose toPostgres gives itself': () => {
    const value = { toPostgres: () => value };
    return value;
  },
  'an object whose toPostgres is no function': () => ({ toPostgres: 'text' }),
  'a toPostgres that is inherited': () => Object.create({ toPostgres: () => 'inherited' }),
  'a map': () => new Map([['a', 1]]),
  'a set': () => new Set([1]),
  'an error': () => new Error('message'),
  'a regular expression': () => /a+/g,
  'a URL': () => new URL('http://localhost/a?b=c'),
  'a promise': () => Promise.resolve(1),
  'a proxy': () => new Proxy({ a: 1 }, {}),
  'an object of another realm': () => elsewhere('({ a: 1, b: [null] })'),
  'an object of another realm with toPostgres': () => elsewhere('({ toPostgres: () => "from afar" })'),
  'an interval as a result gives it': () =>
    require('pg').types.getTypeParser(1186)('1 year 2 days 03:04:05.678'),
};

module.exports = { scalars, dates, bytes, arrays, objects };
