import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { RememberedApproval } from '../../../src/model/plan.ts';
import { createApprovals } from '../../../src/registry/approvals-file.ts';
import { ensureStateDirectory } from '../../../src/registry/state-directory.ts';
import { temporaryDirectory } from '../../fakes/temporary.ts';
import { checkedLines } from '../json-lines.ts';
import { mkplan } from '../run-program.ts';

const FIRST: RememberedApproval = {
  spec: '/home/me/first/tunnel.yaml',
  profile: 'minikube',
  context: 'minikube',
  cluster: null,
  kind: 'gateway',
  subject: '192.168.39.10',
  why: 'not known to be a node',
  approvedOn: '2026-01-02T03:04:05.678Z',
};
const SECOND: RememberedApproval = { ...FIRST, spec: '/home/me/second/tunnel.yaml', kind: 'wide' };

/** A user who has approved these. */
async function userWith(...approvals: readonly RememberedApproval[]) {
  const home = await temporaryDirectory();
  const file = createApprovals(join(home, 'mkplan'));
  await ensureStateDirectory(join(home, 'mkplan'));
  await file.write(approvals);
  return { file, options: { cwd: '/', env: { HOME: home, XDG_STATE_HOME: home } } };
}

test('--list shows what is remembered, spec by spec', async () => {
  const { options } = await userWith(FIRST, SECOND);
  const { code, stdout } = await mkplan(['allow', '--list'], options);
  expect(code).toBe(0);
  expect(stdout).toMatch(
    /^\/home\/me\/first\/tunnel.yaml\n {2}gateway {2}minikube {2}192.168.39.10 {2}2026-01-02 {2}not/,
  );
  expect(stdout).toContain('\n\n/home/me/second/tunnel.yaml\n  wide');
});

test('--list tells each by a line of --json, and nothing where there is none', async () => {
  const { options, file } = await userWith(FIRST, SECOND);
  const told = await mkplan(['allow', '--list', '--json'], options);
  expect(checkedLines(told.stdout, told.code).slice(1, -1)).toMatchObject([FIRST, SECOND]);
  await file.write([]);
  expect((await mkplan(['allow', '--list'], options)).stdout).toBe('No approval is remembered.\n');
});

test('a remembered value cannot drive a terminal', async () => {
  const { options } = await userWith({ ...FIRST, subject: '\u001b[2J', spec: '/a\n/b' });
  const { stdout } = await mkplan(['allow', '--list'], options);
  expect(stdout).not.toContain('\u001b[2J');
  expect(stdout.split('\n')[0]).toBe('/a\\u000a/b');
});

test('--revoke forgets those of one spec, which may be gone', async () => {
  const { options, file } = await userWith(FIRST, SECOND);
  const told = await mkplan(['allow', '--revoke', FIRST.spec, '--json'], options);
  expect(checkedLines(told.stdout, told.code)[1]).toMatchObject({ type: 'revoked', approvals: 1 });
  expect(await file.read()).toEqual([SECOND]);
  const again = await mkplan(['allow', '--revoke', FIRST.spec], options);
  expect(again).toMatchObject({ code: 0, stdout: `Revoked: 0 approvals of ${FIRST.spec}.\n` });
});

test.each([[['--list', '--revoke']], [['--list', '--allow', 'wide']], [['--revoke', '--allow', 'wide']]])(
  'takes one of %j at a time',
  async (flags) => {
    const { options, file } = await userWith(FIRST);
    expect((await mkplan(['allow', ...flags], options)).code).toBe(64);
    expect(await file.read()).toEqual([FIRST]);
  },
);
