import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { specNames } from '../../../src/cli/arguments/paths.ts';
import type { Finding } from '../../../src/cli/views/finding.ts';
import { FORM_NAMES, type FormName } from '../../../src/cli/views/forms.ts';
import { Output } from '../../../src/cli/views/output.ts';
import type { RememberedApproval } from '../../../src/model/plan.ts';
import { checkedLines } from '../json-lines.ts';
import { ours, planOf, routeStep, serviceStep } from '../plans.ts';
import { sessionAfter } from '../session/sessions.ts';
import { fakeTerminal } from '../terminals.ts';

const names = specNames('tunnel.yaml', '/project');
const plan = planOf({
  steps: [
    routeStep('create', { after: ours('10.96.0.0/12') }),
    serviceStep('create', 'web', [], ['10.200.0.1']),
  ],
});
const aside = planOf({ aside: [{ profile: 'second', state: 'silent', why: 'it does not answer' }] });
const done = { kind: 'done', plan, txid: 't1', diagnostics: [], left: [], watchedBy: null } as const;
const LEFT = ['10.96.0.0/12 via 192.168.39.10', 'default/web'];
const approval: RememberedApproval = {
  spec: '/project/tunnel.yaml',
  context: 'minikube',
  cluster: null,
  kind: 'gateway',
  profile: 'minikube',
  subject: '192.168.39.10',
  why: 'no Node has it',
  approvedOn: '2026-01-01T00:00:00.000Z',
};

/** What a finding is in a form: stdout, and what people read on stderr beside it. */
function told(finding: Finding, form: FormName): { readonly out: string; readonly note: string } {
  const { terminal, stdout, stderr } = fakeTerminal();
  const output = new Output(terminal, { form, color: false });
  output.tell(finding);
  return { out: stdout(), note: stderr() };
}

/** A finding, its text on stdout, what stderr says in every form, and its lines. */
const FINDINGS: readonly (readonly [Finding, string, string, readonly object[]])[] = [
  [{ type: 'applied', outcome: null }, '', 'Nothing was applied.\n', []],
  [
    { type: 'applied', outcome: done },
    '\nApplied: 1 added, 0 replaced, 0 deleted. 0 served; new Services stay pending without `mkplan watch`.\n',
    '',
    [],
  ],
  [
    { type: 'applied', outcome: { ...done, watchedBy: 7 } },
    '\nApplied: 1 added, 0 replaced, 0 deleted. 0 served; the session (pid 7) serves new Services.\n',
    '',
    [],
  ],
  [{ type: 'applied', outcome: { ...done, kind: 'nothing' } }, '', '', []],
  [
    { type: 'applied', outcome: { ...done, kind: 'rolled-back' } },
    '',
    'Rolled back: routes and Services are as they were before.\n',
    [],
  ],
  [
    { type: 'applied', outcome: { ...done, kind: 'residue', left: LEFT } },
    '',
    'Not everything could be put right; 2 things left:\n  10.96.0.0/12 via 192.168.39.10\n  default/web\n',
    [{ type: 'left', left: LEFT }],
  ],
  [{ type: 'carried-out', plan }, '', '', []],
  [
    { type: 'carried-out', plan: aside },
    '',
    'Set aside, left as it is: second (silent). Run this again once it is reachable.\n',
    [],
  ],
  [
    { type: 'confirmed', end: null },
    '',
    'Whether it was confirmed is not known here: `mkplan status` tells.\n',
    [],
  ],
  [
    { type: 'confirmed', end: { txid: 't1', outcome: 'committed', left: [] } },
    'Confirmed: what was applied stays.\n',
    '',
    [{ type: 'confirmation', txid: 't1', outcome: 'committed', left: [] }],
  ],
  [
    { type: 'confirmed', end: { txid: 't1', outcome: 'undone', left: [] } },
    '',
    'Not confirmed, so it was undone: routes and Services are as they were before.\n',
    [{ type: 'confirmation', txid: 't1', outcome: 'undone', left: [] }],
  ],
  [
    { type: 'confirmed', end: { txid: 't1', outcome: 'undone', left: ['default/web'] } },
    '',
    'Not confirmed, and not everything could be undone; 1 thing left:\n  default/web\n',
    [{ type: 'confirmation', txid: 't1', outcome: 'undone', left: ['default/web'] }],
  ],
  [
    { type: 'unconfirmed', end: { txid: 't1', outcome: 'undone', left: ['default/web'] } },
    'The last apply was not confirmed, so it was undone.\n  left: default/web\n',
    '',
    [{ type: 'confirmation', txid: 't1', outcome: 'undone', left: ['default/web'] }],
  ],
  [
    { type: 'awaiting', txid: 't1', spec: '/project/tunnel.yaml', secondsLeft: 9 },
    'Not final yet: what was applied for /project/tunnel.yaml will be undone in 9 s unless it is confirmed: mkplan confirm\n',
    '',
    [{ type: 'awaiting', txid: 't1', spec: '/project/tunnel.yaml', secondsLeft: 9 }],
  ],
  [
    { type: 'session.left', left: [], isClean: true },
    '',
    'Stopped: what this session made was removed.\n',
    [],
  ],
  [
    { type: 'session.left', left: ['default/web'], isClean: false },
    '',
    'Not everything could be removed; 1 thing left:\n  default/web\n',
    [{ type: 'left', left: ['default/web'] }],
  ],
  [
    {
      type: 'session',
      event: { type: 'watch.held', what: 'profile two', why: 'refused' },
      session: sessionAfter(),
      names,
    },
    '',
    'Left as it is: profile two: refused\n',
    [{ type: 'watch.held', what: 'profile two', why: 'refused' }],
  ],
  [
    { type: 'nothing', spec: 'tunnel.yaml' },
    'Nothing is applied, and there is no tunnel.yaml.\n',
    '',
    [{ type: 'status', spec: 'tunnel.yaml', fulfilled: null, applied: false, gone: 0, problems: [] }],
  ],
  [
    { type: 'valid', name: 'dev', spec: 'tunnel.yaml' },
    'OK  tunnel.yaml (tunnel dev)\n',
    '',
    [{ type: 'valid', name: 'dev', spec: 'tunnel.yaml' }],
  ],
  [
    { type: 'saved', file: 'dev.plan.json' },
    '',
    'Saved to dev.plan.json: `mkplan apply dev.plan.json` applies exactly this.\n',
    [{ type: 'saved', file: 'dev.plan.json' }],
  ],
  [
    { type: 'recorded', file: 'seen.yaml' },
    '',
    'Recorded in seen.yaml: `mkplan plan --observed seen.yaml` plans from it.\n',
    [{ type: 'observed', file: 'seen.yaml' }],
  ],
  [
    { type: 'written', spec: 'tunnel.yaml', profile: 'dev', pool: '10.200.0.0/24', foreignContext: null },
    'Wrote tunnel.yaml for profile dev, with the pool 10.200.0.0/24.\nNext: `mkplan watch` makes it so and keeps it so; `mkplan plan` shows beforehand what it would change.\n',
    '',
    [{ type: 'written', spec: 'tunnel.yaml', profile: 'dev', pool: '10.200.0.0/24' }],
  ],
  [
    { type: 'printed', profile: 'dev', pool: '10.200.0.0/24', text: 'kind: Tunnel\n' },
    'kind: Tunnel\n',
    '',
    [{ type: 'printed', profile: 'dev', pool: '10.200.0.0/24', text: 'kind: Tunnel\n' }],
  ],
  [
    { type: 'remembered', approvals: [approval], names },
    '',
    'Remembered: 1 approval. Nothing was applied.\n',
    [{ type: 'remembered', ...approval, spec: 'tunnel.yaml' }],
  ],
  [{ type: 'approvals', approvals: [] }, 'No approval is remembered.\n', '', []],
  [
    { type: 'approvals', approvals: [approval] },
    '/project/tunnel.yaml\n  gateway  minikube  192.168.39.10  2026-01-01  no Node has it\n',
    '',
    [{ type: 'remembered', ...approval }],
  ],
  [
    { type: 'revoked', spec: 'tunnel.yaml', approvals: 2 },
    'Revoked: 2 approvals of tunnel.yaml.\n',
    '',
    [{ type: 'revoked', spec: 'tunnel.yaml', approvals: 2 }],
  ],
  [
    { type: 'importable', found: [], spec: 'tunnel.yaml' },
    'Nothing here can be adopted for tunnel.yaml.\n',
    '',
    [],
  ],
  [
    { type: 'runtime', version: '1.2.3', node: '20.19.0', platform: 'linux' },
    '1.2.3\n',
    '',
    [{ type: 'runtime', node: '20.19.0', platform: 'linux' }],
  ],
  [{ type: 'summary', exitCode: 4 }, '', '', [{ type: 'summary', exitCode: 4 }]],
];

describe('a finding', () => {
  it.each(FINDINGS)('is text for people: $type', (finding, out, note) => {
    expect(told(finding, 'text')).toEqual({ out, note });
  });

  it.each(FINDINGS)(
    'is lines for programs, and the same beside them for people: $type',
    (finding, _, note, lines) => {
      const ran = told(finding, 'json');
      // A session's happenings are on stdout, so people hear of them only in a form for people.
      expect(ran.note).toBe(finding.type === 'session' ? '' : note);
      const bare = checkedLines(ran.out, null).map(({ seq: _seq, time: _time, ...line }) => line);
      expect(bare.slice(1)).toEqual(lines);
    },
  );
});

it.each(FORM_NAMES)('a plan is told in the form %s', (form) => {
  expect(told({ type: 'plan', plan, names }, form).out).toContain('10.96.0.0/12');
});

it('no command asks in which form it is told', () => {
  const folders = ['commands', 'transaction'].map(
    (name) => new URL(`../../../src/cli/${name}/`, import.meta.url),
  );
  const asking = folders.flatMap((folder) =>
    readdirSync(folder).filter((file) =>
      /output\.json|isForPrograms|\.form\b/.test(readFileSync(new URL(file, folder), 'utf8')),
    ),
  );
  expect(asking).toEqual([]);
});
