import { describe, expect, it } from 'vitest';
import { PLAIN, paletteFor, wantsColor } from '../../../src/cli/views/color.ts';

const ON_TERMINAL = { forPrograms: false, color: true, env: {}, isTerminal: true };

describe('wantsColor', () => {
  it.each([
    ['a terminal', {}, true],
    ['a pipe', { isTerminal: false }, false],
    ['--no-color', { color: false }, false],
    ['NO_COLOR', { env: { NO_COLOR: '1' } }, false],
    ['an empty NO_COLOR, which says nothing', { env: { NO_COLOR: '' } }, true],
    ['FORCE_COLOR on a pipe', { env: { FORCE_COLOR: '1' }, isTerminal: false }, true],
    ['FORCE_COLOR=0 on a terminal', { env: { FORCE_COLOR: '0' } }, false],
    ['NO_COLOR against FORCE_COLOR', { env: { NO_COLOR: '1', FORCE_COLOR: '1' } }, false],
    ['--no-color against FORCE_COLOR', { color: false, env: { FORCE_COLOR: '1' } }, false],
    ['--json against FORCE_COLOR', { forPrograms: true, env: { FORCE_COLOR: '1' } }, false],
    ['TERM=dumb', { env: { TERM: 'dumb' } }, false],
    ['FORCE_COLOR against TERM=dumb', { env: { TERM: 'dumb', FORCE_COLOR: '1' } }, true],
  ])('with %s', (_name, inputs, expected) => {
    expect(wantsColor({ ...ON_TERMINAL, ...inputs })).toBe(expected);
  });
});

describe('palette', () => {
  it('adds nothing where there is no colour', () => {
    for (const paint of Object.values(PLAIN)) expect(paint('word')).toBe('word');
  });

  it('paints every style where there is', () => {
    for (const paint of Object.values(paletteFor(true))) expect(paint('word')).not.toBe('word');
  });
});
