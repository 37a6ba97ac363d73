import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JsonTextError, positionAt, scanJson } from '../../src/registry/json-text.ts';

function problemOf(text: string): { line: number; column: number; problem: string } | null {
  try {
    scanJson(text);
    return null;
  } catch (thrown) {
    if (!(thrown instanceof JsonTextError)) throw thrown;
    const { line, column } = positionAt('f', text, thrown.offset);
    return { line, column, problem: thrown.message };
  }
}

describe('scanJson', () => {
  it.each([
    ['{"a":1,\n "b":}', 2, 6, /a value/],
    ['{"a":1\n "b":2}', 2, 2, /comma or a closing brace/],
    ['[1 2]', 1, 4, /comma or a closing bracket/],
    ['{a:1}', 1, 2, /key in double quotes/],
    ['{"a" 1}', 1, 6, /colon/],
    ['{"a":1,}', 1, 8, /key in double quotes/],
    ['[1,]', 1, 4, /a value/],
    ['[1]\n]', 2, 1, /behind the end/],
    ['["a\nb"]', 1, 4, /line ends inside/],
    ['["\\x"]', 1, 2, /escape/],
    ['{"a":[{"b":1},', 1, 15, /ends too early/],
    ['', 1, 1, /ends too early/],
    ['"a', 1, 3, /ends too early/],
    ['{"a":1,"b":2,\n"a":3}', 2, 1, /"a" stands here twice/],
    ['{"a":{"\\u0062":1,"b":2}}', 1, 18, /"b" stands here twice/],
    ['[01]', 1, 3, /comma/],
    ['[tru]', 1, 2, /a value/],
    [`${'['.repeat(40)}${']'.repeat(40)}`, 1, 34, /nests deeper/],
  ])('%j is wrong at %i:%i', (text, line, column, problem) => {
    expect(problemOf(text)).toMatchObject({ line, column, problem: expect.stringMatching(problem) });
  });

  it('knows where each value stands', () => {
    expect([...scanJson('{"a": [10, {"b": 2}]}')]).toEqual([
      ['a', 1],
      ['a.0', 7],
      ['a.1', 11],
      ['a.1.b', 12],
    ]);
  });

  it('takes what JSON.parse takes, less equal keys and great depth', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 6 }), (text) => {
        expect(problemOf(text)).toBeNull();
      }),
    );
  });

  it('refuses what JSON.parse refuses', () => {
    const cut = fc.tuple(fc.json(), fc.nat(), fc.constantFrom('', '{', ']', ',', '"', 'x', '\n', '\\'));
    fc.assert(
      fc.property(cut, ([text, at, put]) => {
        const changed =
          text.slice(0, at % (text.length + 1)) + put + text.slice((at % (text.length + 1)) + 1);
        let parses = true;
        try {
          JSON.parse(changed);
        } catch {
          parses = false;
        }
        const problem = problemOf(changed);
        if (!parses) expect(problem).not.toBeNull();
        else if (problem !== null) expect(problem.problem).toMatch(/twice|deeper/);
      }),
      { numRuns: 2000 },
    );
  });
});
