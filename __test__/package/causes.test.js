'use strict';

// What a diagnosis can find stands in one file, and says the same wherever it is told.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { before, describe, test } = require('node:test');
const { ROOT } = require('../support/program.js');

const read = (file) => fs.readFileSync(path.join(ROOT, file), 'utf8');

/** What is generated of a document. */
const partOf = (file) => /<!-- causes:start -->\n([^]*?)<!-- causes:end -->/.exec(read(file))[1];

describe('The causes of a diagnosis', () => {
  let causes;
  before(async () => {
    const { readCauses } = await import('../../scripts/causes.mjs');
    causes = readCauses();
  });

  test('each have a section in docs/doctor.md, with what they mean and what to do', () => {
    const [, ...sections] = partOf('docs/doctor.md').split('\n#### ');
    const byCode = new Map(sections.map((section) => [/^`(.*)`/.exec(section)[1], section]));
    assert.ok(causes.length > 70);
    assert.deepEqual([...byCode.keys()].sort(), causes.map(({ code }) => code).sort());
    for (const { code, means, remedy, answers } of causes) {
      const texts = means === '' ? answers : [{ means, remedy }];
      assert.ok(texts.length > 0, code);
      for (const text of texts) {
        assert.match(text.means, /\.$/, code);
        assert.ok(byCode.get(code).includes(text.means), code);
        assert.ok(byCode.get(code).includes(text.remedy), code);
      }
      assert.doesNotMatch(byCode.get(code), /\{\w+\|/);
    }
  });

  test('have a word each for the faults 1 to 72', async () => {
    const { readRecords } = await import('../../scripts/records.mjs');
    const records = readRecords(read('src/diagnose/causes.txt'));
    const numbers = records.flatMap(({ one }) => one('number').split(', ').filter(Boolean).map(Number));
    assert.deepEqual(
      numbers.sort((a, b) => a - b),
      Array.from({ length: 72 }, (_, index) => index + 1),
    );
  });

  test('that come up first are in the README', () => {
    const often = causes.filter(({ isOften }) => isOften);
    assert.ok(often.length > 5);
    for (const { means, remedy } of often) {
      assert.ok(partOf('README.md').includes(`| ${means} | ${remedy} |`), means);
    }
    for (const code of ['ECONNREFUSED', 'ENOTFOUND', '28P01', '3D000']) {
      assert.ok(partOf('README.md').includes(`\`${code}\``), code);
    }
  });

  test('are named by the answers of poolers in words that there are', async () => {
    const { readAnswers } = await import('../../scripts/answers.mjs');
    const codes = causes.map(({ code }) => code);
    const named = readAnswers().flatMap(({ cause }) => (cause === '' ? [] : [cause]));
    assert.ok(named.length > 20);
    assert.deepEqual(
      named.filter((cause) => !codes.includes(cause)),
      [],
    );
  });

  test('have places in their texts for facts alone that a check finds', () => {
    const folder = path.join(ROOT, 'src/diagnose');
    const rust = fs.readdirSync(folder).filter((file) => file.endsWith('.rs'));
    const sources = rust.map((file) => read(`src/diagnose/${file}`)).join('');
    const table = read('src/diagnose/causes.txt').replace(/^#.*$/gm, '');
    const facts = new Set(Array.from(table.matchAll(/\{(\w+)\|/g), ([, fact]) => fact));
    assert.ok(facts.size > 20);
    for (const fact of facts) assert.ok(sources.includes(`"${fact}"`), fact);
  });

  test('have no place in a document without marks', async () => {
    const { withPart } = await import('../../scripts/records.mjs');
    assert.throws(
      () => withPart('no table', 'causes', ''),
      /^Error: a document has no place for what is generated/,
    );
  });
});
