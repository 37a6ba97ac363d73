import { expect, test } from 'vitest';
import { Failure } from '../../../../src/model/diagnostic.ts';
import { parseRules } from '../../../../src/platform/linux/parse/rules.ts';
import { fixture } from '../fixtures.ts';

const rules = parseRules(fixture('rules-4.json'), 4);

test('the three rules that every host has ask their tables of everybody', () => {
  const plain = {
    family: 4,
    action: 'lookup',
    suppressPrefixLength: null,
    to: null,
    applies: 'always',
    not: false,
    selector: '',
  };
  expect(rules.filter(({ priority }) => priority === 0 || priority > 32_000)).toEqual([
    { ...plain, priority: 0, table: 255 },
    { ...plain, priority: 32_766, table: 254 },
    { ...plain, priority: 32_767, table: 253 },
  ]);
});

test.each([
  [100, 100, 'from 10.0.0.0/8'],
  [102, 100, 'fwmark 0x10 fwmask 0xff'],
  [104, 100, 'iif v0'],
  [105, null, 'to 10.2.0.0/16 unreachable'],
  [106, 100, 'not from 10.0.0.0/8'],
  [107, null, 'goto 110'],
  [108, 100, 'uid_start 0 uid_end 0'],
  [109, null, 'nop'],
  [110, 70_000, 'tos 0x10 ipproto ipproto-6 sport_start 1000 sport_end 2000 dport 80'],
  [111, null, 'l3mdev'],
])('rule %i asks table %s where: %s', (priority, table, selector) => {
  expect(rules.find((rule) => rule.priority === priority)).toMatchObject({ table, selector });
});

test('suppress_prefixlength 0 is told apart from none', () => {
  expect(rules.find(({ priority }) => priority === 101)).toMatchObject({
    table: 254,
    suppressPrefixLength: 0,
    selector: '',
  });
});

test('IPv6 rules are of their family', () => {
  expect(parseRules(fixture('rules-6.json'), 6)[1]).toEqual({
    family: 6,
    priority: 100,
    action: 'lookup',
    table: 100,
    suppressPrefixLength: null,
    to: null,
    applies: 'never',
    not: false,
    selector: 'from fd00::/8 oif v0',
  });
});

test.each([
  [100, 'lookup', 'never', false, 'a source is not chosen yet'],
  [101, 'lookup', 'always', false, 'it asks everybody'],
  [102, 'lookup', 'never', false, 'nothing carries a mark'],
  [104, 'lookup', 'never', false, 'nothing comes in by a device'],
  [105, 'unreachable', 'always', false, 'where it applies is told by `to`'],
  [106, 'lookup', 'never', true, '`not` turns it round'],
  [107, 'other', 'always', false, 'a jump is not modelled'],
  [108, 'lookup', 'unknown', false, 'who asks is not known'],
  [109, 'other', 'never', false, 'it does nothing'],
  [110, 'lookup', 'never', false, 'nothing carries a tos'],
  [111, 'other', 'unknown', false, 'a VRF may be anything'],
] as const)(
  'rule %i (%s) applies to what this host sends: %s (not: %s), since %s',
  (priority, action, applies, not, _why) => {
    expect(rules.find((rule) => rule.priority === priority)).toMatchObject({ action, applies, not });
  },
);

test('where an address has to lie is a prefix', () => {
  const to = rules.find(({ priority }) => priority === 105)?.to;
  expect(to).toEqual({ family: 4, start: 0x0a02_0000, length: 16 });
});

test.each([
  ['{"priority":1,"src":"all","dst":{"a":1},"table":"254"}', 'a prefix that is none'],
  ['{"priority":1,"src":"10.0.0.0","srclen":99,"table":"254"}', 'a length that is none'],
  ['{"priority":1,"src":"all","table":["254"]}', 'a table that is none'],
  ['{"priority":1,"src":"all","table":"254","suppress_prefixlen":"0"}', 'a length that is text'],
])('%s is a Failure: %s', (row) => {
  expect(() => parseRules(`[${row}]`, 4)).toThrow(Failure);
});

test('a mark that is no number leaves open whether the rule applies', () => {
  const rows = ['{"toString":1}', '"moon"'].map(
    (mark) => `[{"priority":1,"src":"all","fwmark":${mark},"table":"254"}]`,
  );
  expect(rows.map((row) => parseRules(row, 4)[0]?.applies)).toEqual(['unknown', 'unknown']);
});

test('a key that nobody knows yet makes a rule conditional', () => {
  expect(parseRules('[{"priority":1,"src":"all","table":"254","moon":"full"}]', 4)[0]?.selector).toBe(
    'moon full',
  );
});

test.each(['[{"src":"all","table":"254"}]', '[{"priority":1,"table":"main"}]', '[7]', 'rules'])(
  '%s is a Failure',
  (text) => {
    expect(() => parseRules(text, 4)).toThrow(Failure);
  },
);
