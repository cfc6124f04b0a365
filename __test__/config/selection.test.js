'use strict';

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');
const { failure } = require('../support/failure.js');

const DatabaseManager = require('../..');
const { select } = require('../../lib/manager/selection.js');

const DATABASES = {
  app3: { tags: ['eu', 'old'], groups: ['paid'] },
  app1: { tags: ['eu-west'], groups: ['paid', 'b2b'] },
  'web.shop': { tags: [], groups: [] },
  app10: { tags: ['us'], groups: ['free'] },
};

async function manager() {
  return await DatabaseManager.fromConfig({ databases: DATABASES });
}

describe('a selection of databases', () => {
  const CASES = [
    ['all', ['app3', 'app1', 'web.shop', 'app10']],
    [['all'], ['app3', 'app1', 'web.shop', 'app10']],
    ['app1', ['app1']],
    [
      ['app10', 'app3', 'app10'],
      ['app3', 'app10'],
    ],
    ['app*', ['app3', 'app1', 'app10']],
    ['app?', ['app3', 'app1']],
    ['*.sh?p', ['web.shop']],
    ['tag:eu', ['app3']],
    ['tag:eu*', ['app3', 'app1']],
    ['group:paid', ['app3', 'app1']],
    ['group:*', ['app3', 'app1', 'app10']],
    ['!app1', ['app3', 'web.shop', 'app10']],
    [
      ['!app1', '!tag:us'],
      ['app3', 'web.shop'],
    ],
    [
      ['app*', '!group:b2b'],
      ['app3', 'app10'],
    ],
    [['!app10', 'tag:us', 'app3'], ['app3']],
    [['tag:none', 'app1'], ['app1']],
    [['all', '!app*'], ['web.shop']],
  ];
  for (const [selection, expected] of CASES) {
    test(`${JSON.stringify(selection)} is ${expected.join(', ')}`, async () => {
      assert.deepEqual(await (await manager())._select(selection), expected);
    });
  }

  test('may be a function of each database', async () => {
    const fleet = await manager();
    const seen = [];
    const chosen = await fleet._select((database) => {
      seen.push(database);
      // What it does to the lists changes nothing.
      database.tags.push('x');
      return database.groups.includes('paid');
    });
    assert.deepEqual(chosen, ['app3', 'app1']);
    assert.deepEqual(Object.keys(seen[0]), ['name', 'config', 'tags', 'groups']);
    assert.deepEqual(
      seen.map(({ name }) => name),
      Object.keys(DATABASES),
    );
    assert.deepEqual(await fleet._select(({ tags }) => tags.includes('x') || tags.includes('us')), ['app10']);
  });

  const REFUSED = [
    ['app2', 'Unknown connection "app2". Known connections: "app3", "app1", "web.shop", "app10".'],
    [['app1', '!app2'], /^Unknown connection "app2"/],
    ['web-shop', /^Unknown connection "web-shop"/],
    [
      'db*',
      'The selection "db*" matches no database. Known connections: "app3", "app1", "web.shop", "app10".',
    ],
    ['tag:none', /^The selection "tag:none" matches no database/],
    [['app1', '!app1'], /^The selection "app1", "!app1" matches no database/],
    ['!all', /matches no database/],
    [[], /^The selection of no names matches no database/],
    [() => false, /^The selection by a function matches no database/],
  ];
  for (const [selection, message] of REFUSED) {
    test(`${JSON.stringify(selection) ?? 'a function that takes none'} rejects`, async () => {
      const error = await failure((await manager())._select(selection));
      assert.ok(!(error instanceof TypeError));
      if (typeof message === 'string') assert.equal(error.message, message);
      else assert.match(error.message, message);
    });
  }

  for (const selection of [undefined, null, 5, {}, '', '!', [''], [5], ['app1', null], async () => true]) {
    test(`${typeof selection} ${JSON.stringify(selection)} is no selection`, async () => {
      assert.ok((await failure((await manager())._select(selection))) instanceof TypeError);
    });
  }

  test('rejects with what its function throws', async () => {
    const thrown = new RangeError('mine');
    const selection = () => {
      throw thrown;
    };
    assert.equal(await failure((await manager())._select(selection)), thrown);
  });

  test('answers a pattern of many stars, however many ways there are to fit it', () => {
    const database = (name) => ({ name, config: {}, tags: [name], groups: [] });
    const databases = [database('a'.repeat(60)), database('a'.repeat(60) + 'b')];
    const stars = `${'*a'.repeat(20)}b`;
    for (const word of [stars, `tag:${stars}`]) assert.deepEqual(select(word, databases), [databases[1]]);
  });

  test('names thousands of databases, which stand in groups by thousands', async () => {
    const names = Array.from({ length: 20_000 }, (_, number) => `tenant_${number}`);
    const fleet = await DatabaseManager.fromConfig({
      databases: Object.fromEntries(names.map((name) => [name, {}])),
      groups: { odd: names.filter((_, number) => number % 2 === 1), all_of_them: names },
    });
    assert.deepEqual(await fleet._select(names), names);
    assert.equal((await fleet._select(['group:odd', '!tenant_1'])).length, 9_999);
  });

  test('names at most twenty of a thousand known ones', async () => {
    const names = Array.from({ length: 1000 }, (_, number) => `tenant ${number}`);
    const fleet = await DatabaseManager.fromConfig({
      databases: Object.fromEntries(names.map((name) => [name, {}])),
    });
    assert.match((await failure(fleet._select('x'))).message, /"tenant 19", and 980 more\.$/);
  });
});

/** A small generator of numbers, so that a failure can be had again. */
function numbers(seed) {
  let state = seed;
  return (limit) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
}

/** Whether a pattern fits, letter by letter. */
function fits(whole, given) {
  const [pattern, text] = [[...whole], [...given]];
  if (pattern.length === 0) return text.length === 0;
  const rest = (letters) => letters.slice(1).join('');
  if (pattern[0] === '*') return fits(rest(pattern), given) || (text.length > 0 && fits(whole, rest(text)));
  return text.length > 0 && ['?', text[0]].includes(pattern[0]) && fits(rest(pattern), rest(text));
}

/** What a selection means, in the most roundabout way: one database and one word at a time. */
function model(words, databases) {
  const isPlain = (word) => !/[*?]/.test(word) && !/^(tag|group):./.test(word) && word !== 'all';
  const bare = words.map((word) => word.replace(/^!/, ''));
  if (bare.some((word) => isPlain(word) && !databases.some(({ name }) => name === word))) return 'unknown';
  const means = (word, { name, tags, groups }) => {
    if (word === 'all') return true;
    if (word.startsWith('tag:')) return tags.some((tag) => fits(word.slice(4), tag));
    if (word.startsWith('group:')) return groups.some((group) => fits(word.slice(6), group));
    return fits(word, name);
  };
  const chosen = [];
  for (const database of databases) {
    let isIn = words.length > 0 && words.every((word) => word.startsWith('!'));
    for (const word of words) if (!word.startsWith('!') && means(word, database)) isIn = true;
    for (const word of words) if (word.startsWith('!') && means(word.slice(1), database)) isIn = false;
    if (isIn) chosen.push(database.name);
  }
  return chosen.length === 0 ? 'none' : chosen;
}

describe('any selection of any databases', () => {
  const RUNS = 4000;

  test(`is what a naive model says (${RUNS} of them)`, () => {
    const seed = Number(process.env.PGFLEET_SEED ?? 20);
    const below = numbers(seed);
    const pick = (list) => list[below(list.length)];
    const letters = ['a', 'b', '.', '+', '[', '$', '^', '\\', '(', 'ä', '😀'];
    const word = (marks = []) =>
      Array.from({ length: 1 + below(3) }, () =>
        pick([...letters.slice(0, 2 + below(letters.length)), ...marks]),
      ).join('');
    const outcomes = { none: 0, unknown: 0, some: 0 };
    for (let run = 0; run < RUNS; run += 1) {
      const names = [...new Set(Array.from({ length: below(7) }, () => word()))];
      const labels = () => Array.from({ length: below(3) }, () => word());
      const databases = names.map((name) => ({ name, config: {}, tags: labels(), groups: labels() }));
      const words = Array.from({ length: below(4) }, () => {
        const one = pick([
          () => 'all',
          () => (names.length > 0 ? pick(names) : word()),
          () => word(['*', '?']),
          () => `tag:${word(['*'])}`,
          () => `group:${word(['?'])}`,
        ])();
        return below(3) === 0 ? `!${one}` : one;
      });
      const expected = model(words, databases);
      outcomes[Array.isArray(expected) ? 'some' : expected] += 1;
      let found;
      try {
        found = select(words, databases).map(({ name }) => name);
      } catch (error) {
        found = error.message.startsWith('Unknown') ? 'unknown' : 'none';
      }
      const what = `seed ${seed}, run ${run}: ${JSON.stringify({ words, databases })}`;
      assert.deepEqual(found, expected, what);
      if (words.length === 1) {
        // A word by itself is the list of it.
        const alone = Array.isArray(expected)
          ? select(words[0], databases).map(({ name }) => name)
          : expected;
        assert.deepEqual(alone, expected, what);
      }
    }
    for (const [outcome, count] of Object.entries(outcomes)) assert.ok(count > RUNS / 20, outcome);
  });
});
