import { once } from 'node:events';
import { open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, test } from 'vitest';
import { encodeRequest, type Response } from '../../src/helper/protocol.ts';
import type { CommandResult } from '../../src/platform/command.ts';
import { add, ours } from '../helper/routes.ts';
import { requireNamespaces } from './netns.ts';
import { type MadePolicy, policyText, underPolicy } from './policy.ts';
import { ALLOW, Rig, specOf, VM } from './rig.ts';

const refused = requireNamespaces();

const HELPER = join(dirname(dirname(dirname(fileURLToPath(import.meta.url)))), 'dist', 'helper.js');

/** Documentation's own range (RFC 5737), which no network has. */
const PUBLIC = '203.0.113.0/24';

describe.skipIf(refused !== null)(`the host’s policy${refused === null ? '' : `: ${refused}`}`, () => {
  let rig: Rig;

  beforeEach(async () => {
    rig = await Rig.create();
  });

  afterEach(async () => {
    await rig.close();
  });

  const under = (policy: MadePolicy, ...args: readonly string[]): Promise<CommandResult> =>
    rig.host.run(underPolicy(policy, rig.argv(...args)), { timeoutMs: 60_000 });

  it('lets a range be routed that is not private, which the plan says, and taken back', async () => {
    await rig.write(specOf({ cidrs: [PUBLIC] }));
    const alone = await rig.apply();
    expect(alone.code).toBe(1);
    expect(alone.stderr).toContain(`${PUBLIC} may not be routed`);
    expect(alone.stderr).toContain('/etc/mkplan/policy.json');

    const policy = { text: policyText({ ranges: ['203.0.112.0/20'] }) };
    const applied = await under(policy, 'apply', rig.spec, ...ALLOW);
    expect(applied, applied.stderr).toMatchObject({ code: 0 });
    expect(applied.stdout).toContain("routed because this host's policy allows 203.0.112.0/20");
    expect(await rig.ours()).toEqual([expect.stringContaining(PUBLIC)]);
    const destroyed = await under(policy, 'destroy', rig.spec, '--auto-approve');
    expect(destroyed).toMatchObject({ code: 0 });
    expect(await rig.ours()).toEqual([]);
  });

  it('gives approvals for good, which the plan says, and no others', async () => {
    await rig.write(specOf({ cidrs: ['10.96.0.0/12'] }));
    const some = await under(
      { text: policyText({ allow: ['gateway'] }) },
      'apply',
      rig.spec,
      '--auto-approve',
    );
    expect(some.code).toBe(4);
    expect(some.stderr).toContain('the plan needs approval: unconfirmed');
    const both = policyText({ allow: ['gateway', 'unconfirmed'] });
    const applied = await under({ text: both }, 'apply', rig.spec, '--auto-approve');
    expect(applied.stdout).toMatch(
      /Allowed by the host's policy \(\/etc\/mkplan\/policy\.json\)\n +! gateway/,
    );
    expect(applied.stdout).not.toContain('Needs approval');
    expect(applied.code).toBe(0);
  });

  it('is recorded with the host, so that a recording gives the same plan elsewhere', async () => {
    await rig.write(specOf({ cidrs: [PUBLIC] }));
    const recording = join(rig.directory, 'observed.yaml');
    const policy = { text: policyText({ ranges: [PUBLIC], allow: ['gateway'] }) };
    expect(await under(policy, 'observe', rig.spec, '--out', recording)).toMatchObject({ code: 0 });
    const there = await under(policy, 'plan', rig.spec);
    const here = await rig.plan('--observed', recording);
    expect(here.stdout).toBe(there.stdout);
    expect(here).toMatchObject({ code: 0 });
  });

  test.each<[string, MadePolicy, RegExp]>([
    [
      'that others can write to',
      { text: policyText({}), mode: '646' },
      /policy\.json is not believed[\s\S]*by others than root/,
    ],
    ['that a group can write to', { text: policyText({}), mode: '664' }, /is not believed/],
    [
      'in a directory that others can write to',
      { text: policyText({}), directoryMode: '777' },
      /\/etc\/mkplan can be written/,
    ],
    ['that is a symbolic link', { text: policyText({}), link: true }, /symbolic link/],
    ['that is no JSON', { text: 'allow: [context]' }, /is not understood/],
    [
      'with an unknown key',
      { text: '{"apiVersion":"mkplan/v1alpha1","kind":"Policy","permit":[]}' },
      /unknown key "permit"/,
    ],
    ['with the default route', { text: policyText({ ranges: ['0.0.0.0/0'] }) }, /is the default route/],
    ['of a megabyte', { text: `${policyText({})}${' '.repeat(100_000)}` }, /larger than/],
  ])('%s stops mkplan and its helper', async (_, policy, why) => {
    await rig.write(specOf({ cidrs: ['10.96.0.0/12'] }));
    const applied = await under(policy, 'apply', rig.spec, ...ALLOW);
    expect(applied.code).toBe(1);
    expect(applied.stderr).toMatch(why);
    expect(await rig.ours()).toEqual([]);
    const { responses } = await helper(policy);
    expect(responses).toEqual([expect.objectContaining({ type: 'error', code: 'unusable' })]);
  });

  /** What the helper answers to requests for these destinations, asked by hand. */
  async function helper(policy: MadePolicy, ...destinations: readonly string[]) {
    const lock = join(rig.directory, 'helper.lock');
    await (await open(lock, 'a')).close();
    const child = rig.host.spawn(underPolicy(policy, [process.execPath, HELPER, '--lock', lock]));
    const responses: Response[] = [];
    if (child.stdout !== null) {
      createInterface(child.stdout).on('line', (line) => responses.push(JSON.parse(line)));
    }
    child.stdin?.on('error', () => undefined);
    const changes = destinations.map((destination) => add(ours({ destination, gateway: VM, device: 'vm0' })));
    child.stdin?.end(encodeRequest({ type: 'change', seq: 1, changes }));
    await once(child, 'close');
    return { responses };
  }

  it('is read by the helper itself, which routes what it allows and nothing else', async () => {
    const asked = [PUBLIC, '203.0.113.128/25', '203.0.114.0/24', '8.8.8.8/32', '128.0.0.0/1', '0.0.0.0/0'];
    const { responses } = await helper({ text: policyText({ ranges: [PUBLIC] }) }, ...asked);
    const [answer] = responses;
    expect(answer).toMatchObject({
      type: 'answer',
      refused: [{ index: 2 }, { index: 3 }, { index: 4 }, { index: 5 }],
    });
    expect(await rig.ours()).toHaveLength(2);
  });
});
