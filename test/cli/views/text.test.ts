import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { paletteFor } from '../../../src/cli/views/color.ts';
import { displayWidth, shorten, wrapCommand, wrapLine, wrapText } from '../../../src/cli/views/text.ts';

describe('displayWidth', () => {
  it.each([
    ['', 0],
    ['default/nginx', 13],
    ['名前', 4],
    ['e\u0301', 1],
    ['👩‍👩‍👧', 2],
    ['…', 1],
    [paletteFor(true).alarm('missing'), 7],
  ])('of %j is %d', (text, width) => {
    expect(displayWidth(text)).toBe(width);
  });
});

describe('shorten', () => {
  it.each([
    ['default/nginx', 13, 'default/nginx'],
    ['default/nginx', 9, 'defa…ginx'],
    ['default/nginx', 8, 'defa…inx'],
    ['名前名前名前', 7, '名…前'],
    ['ab', 1, '…'],
  ])('%j to %d columns is %j', (text, columns, shown) => {
    expect(shorten(text, columns)).toBe(shown);
  });
});

describe('wrapLine', () => {
  it('breaks at blanks and indents what follows', () => {
    expect(wrapLine('  why  the pool is exhausted by now', 20, 7)).toEqual([
      '  why  the pool is',
      '       exhausted by',
      '       now',
    ]);
  });

  it('breaks a word that is longer than a line, and loses nothing of it', () => {
    expect(wrapLine('see /a/very/long/path/to/tunnel.yaml', 12, 2).join('').replaceAll(' ', '')).toBe(
      'see/a/very/long/path/to/tunnel.yaml',
    );
  });

  it('takes colours for nothing, and breaks none of them', () => {
    const { alarm } = paletteFor(true);
    const lines = wrapLine(`${alarm('refused:')} ${alarm('abcdefghijklmnop')}`, 10);
    expect(lines.map(displayWidth)).toEqual([8, 10, 6]);
    expect(lines.join('')).toBe(`${alarm('refused:')}${alarm('abcdefghijklmnop')}`);
  });

  it('leaves a line alone where there is no terminal', () => {
    const line = 'x '.repeat(500);
    expect(wrapLine(line, null)).toEqual([line]);
  });

  it('keeps every word, and every line within the columns', () => {
    const word = fc.oneof(fc.stringMatching(/^[!-~]{1,50}$/), fc.constantFrom('名前', '🦊'));
    fc.assert(
      fc.property(
        fc.array(word, { minLength: 1, maxLength: 20 }),
        fc.integer({ min: 20, max: 120 }),
        fc.integer({ min: 0, max: 12 }),
        (words, columns, hang) => {
          const lines = wrapLine(words.join(' '), columns, hang);
          for (const line of lines) expect(displayWidth(line)).toBeLessThanOrEqual(columns);
          expect(lines.join('').replaceAll(' ', '')).toBe(words.join(''));
        },
      ),
    );
  });
});

describe('wrapCommand', () => {
  it('breaks between words so that the command can be pasted', () => {
    expect(wrapCommand("kubectl --context='a b' auth can-i list nodes", 30)).toEqual([
      "kubectl --context='a b' auth \\",
      'can-i list nodes',
    ]);
  });

  it.each(["echo it's what it is, and not more", 'echo a "b c d e f g h i j k'])(
    'does not break what is not closed: %s',
    (line) => {
      expect(wrapCommand(line, 20)).toEqual([line]);
    },
  );
});

describe('wrapText', () => {
  it.each([
    ['one two three\nfour\n', 8, 'one two\nthree\nfour\n'],
    ['  one two three\n', 9, '  one two\n    three\n'],
    ['one two three\n', null, 'one two three\n'],
  ])('%j in %j columns is %j', (text, columns, shown) => {
    expect(wrapText(text, columns)).toBe(shown);
  });
});
