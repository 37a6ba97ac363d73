import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { elevatedCommand, hasNetAdmin, otherElevators, refuseElevated } from '../../src/helper/elevation.ts';
import { temporaryDirectory } from '../fakes/temporary.ts';

test.each([
  ['Name:\tnode\nCapEff:\t0000000000001000\n', true],
  ['Name:\tnode\nCapEff:\t000001ffffffffff\nCapBnd:\t0\n', true],
  ['Name:\tnode\nCapEff:\t0000000000000800\n', false],
  ['Name:\tnode\nCapInh:\t0000000000001000\nCapEff:\t0000000000000000\n', false],
  ['Name:\tCapEff:\n', false],
])('%j has the right: %s', (status, has) => {
  expect(hasNetAdmin(status)).toBe(has);
});

test.each([
  ['SUDO_UID', '1000', 'sudo'],
  ['DOAS_USER', 'ann', 'doas'],
  ['PKEXEC_UID', '1000', 'pkexec'],
])('root is refused where %s is %s, by the name of %s', (variable, value, program) => {
  const env = { [variable]: value };
  const diagnostic = expect.objectContaining({
    code: 'started-by-sudo',
    summary: `mkplan does not run under ${program}`,
  });
  expect(() => refuseElevated(env, 0)).toThrow(expect.objectContaining({ diagnostics: [diagnostic] }));
  expect(() => refuseElevated(env, 1000)).not.toThrow();
  expect(() => refuseElevated(env, undefined)).not.toThrow();
});

test('root by itself is not refused', () => {
  expect(() => refuseElevated({}, 0)).not.toThrow();
});

test('what elevates programs is found where PATH leads, and nowhere else', async () => {
  const folder = await temporaryDirectory();
  for (const name of ['doas', 'run0', 'sudo']) await writeFile(join(folder, name), '');
  expect(otherElevators(`/nonexistent:${folder}`)).toEqual(['doas', 'run0']);
  expect(otherElevators('/nonexistent')).toEqual([]);
  expect(otherElevators('')).toEqual([]);
  expect(otherElevators(undefined)).toEqual([]);
});

test('what sudo is given starts with no option of its own', () => {
  expect(elevatedCommand('/usr/bin/node', '/opt/mkplan/dist/helper.js')).toEqual([
    'sudo',
    '--',
    '/usr/bin/node',
    '/opt/mkplan/dist/helper.js',
  ]);
});
