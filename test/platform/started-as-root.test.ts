import { expect, test } from 'vitest';
import { refuseElevated } from '../../src/platform/started-as-root.ts';

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
