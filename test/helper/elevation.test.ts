import { expect, test } from 'vitest';
import { elevatedCommand, hasNetAdmin, refuseSudo } from '../../src/helper/elevation.ts';

test.each([
  ['Name:\tnode\nCapEff:\t0000000000001000\n', true],
  ['Name:\tnode\nCapEff:\t000001ffffffffff\nCapBnd:\t0\n', true],
  ['Name:\tnode\nCapEff:\t0000000000000800\n', false],
  ['Name:\tnode\nCapInh:\t0000000000001000\nCapEff:\t0000000000000000\n', false],
  ['Name:\tCapEff:\n', false],
])('%j has the right: %s', (status, has) => {
  expect(hasNetAdmin(status)).toBe(has);
});

test('sudo is refused, root by itself and a user with a stale variable are not', () => {
  expect(() => refuseSudo({ SUDO_UID: '1000' }, 0)).toThrow(
    expect.objectContaining({ diagnostics: [expect.objectContaining({ code: 'started-by-sudo' })] }),
  );
  expect(() => refuseSudo({}, 0)).not.toThrow();
  expect(() => refuseSudo({ SUDO_UID: '1000' }, 1000)).not.toThrow();
  expect(() => refuseSudo({}, undefined)).not.toThrow();
});

test('what sudo is given starts with no option of its own', () => {
  expect(elevatedCommand('/usr/bin/node', '/opt/mkplan/dist/helper.js')).toEqual([
    'sudo',
    '--',
    '/usr/bin/node',
    '/opt/mkplan/dist/helper.js',
  ]);
});
