import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { fileNames } from '../../../src/cli/arguments/paths.ts';
import { catchSignals } from '../../../src/cli/interruption.ts';
import type { CommandContext } from '../../../src/cli/run-command.ts';
import {
  type ApplyOptions,
  type ApplyRequest,
  applyPlan,
  concludeApply,
} from '../../../src/cli/transaction/apply-plan.ts';
import { Output } from '../../../src/cli/views/output.ts';
import type { ChangeAdapters } from '../../../src/cli/wiring/compose.ts';
import { NO_POLICY } from '../../../src/model/policy.ts';
import { decodeRoute } from '../../../src/model/route.ts';
import { plan as makePlan } from '../../../src/planner/plan.ts';
import { decodeSavedPlan, encodeSavedPlan } from '../../../src/planner/saved-plan.ts';
import { ProcessRunner } from '../../../src/platform/process.ts';
import type { NetworkSnapshot } from '../../../src/platform/route-table.ts';
import { createApprovals } from '../../../src/registry/approvals-file.ts';
import { createRegistry } from '../../../src/registry/claims-file.ts';
import { createJournal } from '../../../src/registry/journal-file.ts';
import type { Lock } from '../../../src/registry/registry.ts';
import { parseSpec } from '../../../src/spec/parse.ts';
import { FakeKernel } from '../../fakes/kernel.ts';
import { temporaryDirectory } from '../../fakes/temporary.ts';
import { ours, prefix, routeStep } from '../plans.ts';
import { type FakeTerminal, fakeTerminal } from '../terminals.ts';

const SPEC = '/home/me/tunnel.yaml';

/** Needs neither minikube nor a cluster, and therefore approval of its gateway and of its network. */
const TEXT = `apiVersion: mkplan/v1alpha1
kind: Tunnel
metadata: { name: dev }
spec:
  profiles:
    - name: minikube
      gateway: 192.168.39.10
      cidrs: { services: [10.96.0.0/12], pods: none }
      loadBalancer: { assign: none }
`;

const WANTED = ours('10.96.0.0/12');
const ON_LINK = decodeRoute({ destination: '192.168.39.0/24', device: 'virbr1', protocol: 2 });
const FOREIGN = decodeRoute({
  destination: '10.96.0.0/12',
  gateway: '192.168.39.99',
  device: 'virbr1',
  metric: 5,
});

class Host extends FakeKernel {
  override async snapshot(): Promise<NetworkSnapshot> {
    const network = prefix('192.168.39.0/24');
    return {
      ...(await super.snapshot()),
      links: [{ name: 'virbr1', up: true }],
      addresses: [{ address: '192.168.39.1', network, device: 'virbr1' }],
    };
  }
}

interface Rig {
  readonly kernel: Host;
  readonly fake: FakeTerminal;
  readonly stdin: PassThrough;
  readonly context: CommandContext;
  readonly request: ApplyRequest;
  readonly adapters: ChangeAdapters;
  readonly closed: () => number;
  apply(options?: Partial<ApplyOptions>, request?: Partial<ApplyRequest>): ReturnType<typeof applyPlan>;
}

/** A command on a host of its own. `onQuestion` is called when the user is asked. */
async function rig(onQuestion: (rig: Rig) => void = () => undefined): Promise<Rig> {
  const directory = await temporaryDirectory();
  const kernel = new Host([ON_LINK]);
  const stdin = new PassThrough();
  const fake = fakeTerminal({
    isTTY: true,
    stdin,
    env: { TERM: 'dumb' },
    onNote: (text) => {
      if (text.includes('will be accepted')) onQuestion(made);
    },
  });
  const { terminal } = fake;
  const names = fileNames('tunnel.yaml', SPEC);
  const output = new Output(terminal, { json: false, color: true });
  const signals = catchSignals(
    terminal.signals,
    (text) => output.note(text),
    () => 'rolling back',
  );
  let closed = 0;
  const { desired } = parseSpec(TEXT, SPEC);
  const made: Rig = {
    kernel,
    fake,
    stdin,
    closed: () => closed,
    context: {
      terminal,
      output,
      names,
      signal: signals.signal,
      onHangup: () => undefined,
      receivedSignal: () => signals.received(),
    },
    request: {
      desired,
      makePlan: (observed) => makePlan(desired, observed),
      verb: 'apply',
      words: ['apply', 'tunnel.yaml'],
      names,
      saved: null,
      guarding: null,
    },
    adapters: {
      routeTable: kernel,
      routeChanger: kernel,
      registry: createRegistry(directory),
      journal: createJournal(directory),
      approvals: createApprovals(directory),
      programs: { unapproved: async () => null, approve: () => undefined },
      lock: BUSY_LOCK,
      processes: {
        self: async () => ({ pid: 1, startTime: '1' }),
        isAlive: async () => true,
        nameOf: async () => null,
        descriptors: () => null,
      },
      routeEvents: { listen: () => ({ ready: Promise.resolve(), stop: async () => undefined }) },
      runner: new ProcessRunner(),
      host: {
        critical: async () => [],
        policy: () => NO_POLICY,
        identity: async () => ({ id: 'host', person: 'me@here' }),
      },
      profiles: {
        config: async () => null,
        ip: async () => null,
        list: async () => [],
        rest: async () => null,
        tunnels: async () => ({ tunnels: [], problems: [] }),
        current: async () => ({ profile: null, problem: null }),
        networks: async () => ({ networks: [], problem: null }),
        place: 'nowhere',
      },
      cluster: () => Promise.reject(new Error('the spec needs no cluster')),
      giveUpCluster: () => undefined,
      contexts: async () => ({ current: null, all: [] }),
      servicesIn: () => {
        throw new Error('the spec needs no cluster');
      },
      startGuard: () => Promise.reject(new Error('nothing has to be confirmed')),
      uptimeMs: () => 0,
      stateDirectory: directory,
      sessions: {
        read: async () => null,
        list: async () => [],
        write: async () => undefined,
        remove: async () => undefined,
      },
      doubtClusters: () => undefined,
      renewClusters: async () => undefined,
      filesBehind: async () => [],
      close: async () => {
        closed++;
      },
    },
    apply: (options = {}, request = {}) =>
      applyPlan(
        made.context,
        { allow: [], lockTimeout: 0, ...options },
        { ...made.request, ...request },
        async () => made.adapters,
      ),
  };
  return made;
}

const ALLOWED: Partial<ApplyOptions> = { autoApprove: true, allow: ['gateway', 'unconfirmed'] };

/** The saved form of the plan that would be made now, read back. */
async function savedNow({ adapters, request, kernel }: Rig): Promise<ApplyRequest['saved']> {
  const [network, claims, identity] = await Promise.all([
    kernel.snapshot(),
    adapters.registry.read(),
    kernel.identity(),
  ]);
  const profile = {
    name: 'minikube',
    config: null,
    minikubeIp: null,
    context: null,
    cluster: null,
    problems: [],
  };
  const answers = (await kernel.answers(['10.96.0.1', '10.111.255.255'])).filter((one) => one !== null);
  const plan = makePlan(request.desired, {
    host: {
      ...identity,
      ...network,
      capabilities: kernel.capabilities,
      answers,
      critical: [],
      minikubeTunnels: [],
      problems: [],
      policy: NO_POLICY,
    },
    registry: { claims, open: null },
    profiles: [profile],
  });
  return { saved: decodeSavedPlan(encodeSavedPlan(plan, identity), 'p.json'), shown: 'p.json' };
}

/** A lock that somebody else lets go while we wait. */
const BUSY_LOCK: Lock = {
  acquire: async ({ onWait }) => {
    onWait({ pid: 7, since: 'then', doing: 'apply elsewhere' });
    return { release: async () => undefined };
  },
};

describe('apply without a prompt', () => {
  it('shows the plan, applies it, and says what it does not do', async () => {
    const { apply, context, kernel, fake, closed } = await rig();
    const outcome = await apply(ALLOWED);
    expect(concludeApply(context, outcome)).toBe(0);
    expect(kernel.has(WANTED)).toBe(true);
    expect(fake.stdout()).toContain('Plan: 1 to add');
    // On a terminal, lines break at words.
    expect(fake.stdout().replaceAll(/\s+/g, ' ')).toMatch(
      /Applied: 1 added.* 0 served; new Services stay pending without `mkplan watch`/,
    );
    expect(closed()).toBe(1);
  });

  it('changes nothing that nobody approved: --auto-approve does not cover it', async () => {
    const { apply, kernel, fake, closed } = await rig();
    await expect(apply({ autoApprove: true, allow: ['gateway'] })).rejects.toMatchObject({
      kind: 'conflict',
      diagnostics: [{ fix: expect.stringContaining('--allow gateway,unconfirmed') }],
    });
    expect(fake.stdout()).toContain('Needs approval');
    expect(kernel.tried).toEqual([]);
    expect(closed()).toBe(1);
  });

  it('changes nothing when the plan is refused', async () => {
    const { apply, kernel, fake } = await rig();
    kernel.insert(FOREIGN);
    await expect(apply(ALLOWED)).rejects.toMatchObject({
      kind: 'conflict',
      diagnostics: [{ code: 'plan-refused' }],
    });
    expect(fake.stdout()).toContain('! refused');
    expect(kernel.tried).toEqual([]);
  });

  it('has nothing to do the second time', async () => {
    const { apply, context, fake } = await rig();
    await apply(ALLOWED);
    expect(concludeApply(context, await apply(ALLOWED))).toBe(0);
    expect(fake.stdout()).toContain('No changes.');
  });

  it('exits 5 when what fails is rolled back', async () => {
    const { apply, context, kernel, fake } = await rig();
    kernel.unreachable.add('192.168.39.10');
    expect(concludeApply(context, await apply(ALLOWED))).toBe(5);
    expect(kernel.has(WANTED)).toBe(false);
    expect(fake.stderr()).toContain('Rolled back');
  });
});

describe('apply at a prompt', () => {
  it('asks for what needs approval with the same question, and applies on yes', async () => {
    const { apply, kernel, fake } = await rig(({ stdin }) => stdin.write('yes\n'));
    expect((await apply())?.kind).toBe('done');
    expect(fake.stderr()).toContain('This approves gateway, unconfirmed');
    expect(kernel.has(WANTED)).toBe(true);
  });

  it('applies nothing on any other answer', async () => {
    const { apply, context, kernel, fake } = await rig(({ stdin }) => stdin.write('y\n'));
    expect(concludeApply(context, await apply())).toBe(1);
    expect(fake.stderr()).toContain('Nothing was applied.');
    expect(kernel.tried).toEqual([]);
  });

  it('is stale when the host changes while the user thinks', async () => {
    const { apply, kernel } = await rig(({ stdin, kernel: host }) => {
      host.insert(FOREIGN);
      stdin.write('yes\n');
    });
    await expect(apply()).rejects.toMatchObject({ kind: 'stale' });
    expect(kernel.tried).toEqual([]);
  });

  it('leaves when a signal comes instead of an answer', async () => {
    const { apply, context, kernel } = await rig(({ fake }) => void fake.signals.send('SIGTERM'));
    await expect(apply()).rejects.toMatchObject({ kind: 'interrupted' });
    expect(context.receivedSignal()).toBe('SIGTERM');
    expect(kernel.tried).toEqual([]);
  });

  it('does not ask when there is nothing to do', async () => {
    const made = await rig(() => {
      throw new Error('asked');
    });
    await made.apply(ALLOWED);
    expect((await made.apply())?.kind).toBe('nothing');
  });

  it('needs a terminal for a removal that has something to remove, and shows what that is', async () => {
    const made = await rig();
    await made.apply(ALLOWED);
    const { desired: present } = made.request;
    const desired = { ...present, mode: 'absent' as const };
    const makeRemoval: ApplyRequest['makePlan'] = (observed) => makePlan(desired, observed);
    const terminal = fakeTerminal({ isTTY: false }).terminal;
    const context = { ...made.context, terminal };
    const request = { ...made.request, desired, verb: 'destroy', makePlan: makeRemoval };
    const removing = applyPlan(context, { allow: [], lockTimeout: 0 }, request, async () => made.adapters);
    await expect(removing).rejects.toMatchObject({
      kind: 'usage',
      diagnostics: [{ code: 'approval-without-terminal' }],
    });
    expect(made.fake.stdout()).toContain('1 to delete');
    expect(made.kernel.has(WANTED)).toBe(true);
  });

  it('ends what was cut off before it shows the plan', async () => {
    const made = await rig(({ stdin }) => stdin.write('no\n'));
    const { kernel, adapters, fake } = made;
    const { bootId, networkNamespace } = kernel;
    const step = routeStep('create', { after: WANTED });
    const intended = [{ change: { step: 0, op: 'add' as const }, step }];
    await adapters.journal.begin({ txid: 'cut-off', spec: SPEC, bootId, networkNamespace });
    await adapters.journal.intend('cut-off', intended);
    kernel.insert(WANTED);
    await made.apply();
    expect(fake.stderr()).toContain('Waiting for the lock: pid 7, since then: apply elsewhere');
    expect(fake.stderr()).toContain('Recovered an interrupted transaction (cut-off): 1 change undone');
    expect(fake.stdout()).toContain('Plan: 1 to add');
    expect(await adapters.journal.open()).toBeNull();
  });
});

describe('a yes at the prompt', () => {
  const yes = (made: Rig) => void made.stdin.write('yes\n');

  /** Approves the plan at the prompt, and takes away what was applied. */
  async function approved(): Promise<Rig> {
    const made = await rig(yes);
    await made.apply();
    made.kernel.remove(WANTED);
    await made.adapters.registry.write([]);
    return made;
  }

  it('is remembered, says so, and does for a later --auto-approve', async () => {
    const { apply, fake, kernel } = await approved();
    expect(fake.stderr()).toContain('remembers the approvals of this spec until they change');
    expect((await apply({ autoApprove: true }))?.kind).toBe('done');
    expect(kernel.has(WANTED)).toBe(true);
    expect(fake.stdout()).toContain('Approved before');
    expect(fake.stdout()).toMatch(/approved on \d{4}-\d\d-\d\d/);
  });

  it('does for a later prompt, which still asks whether to apply', async () => {
    const { apply, fake } = await approved();
    expect((await apply())?.kind).toBe('done');
    expect(fake.stderr().split('Apply this plan?')).toHaveLength(3);
    expect(fake.stderr().split('This approves')).toHaveLength(2);
  });

  it.each([
    ['gateway: 192.168.39.10', 'gateway: 192.168.39.11', 'gateway'],
    ['10.96.0.0/12', '10.96.0.0/11', 'wide'],
    ['[10.96.0.0/12]', '[10.96.0.0/12, 10.20.0.0/16]', 'unconfirmed'],
  ])('does not do for a spec that has something else for %s', async (text, other, kind) => {
    const made = await approved();
    const { desired } = parseSpec(TEXT.replace(text, other), SPEC);
    const changed = {
      desired,
      makePlan: (observed: Parameters<typeof makePlan>[1]) => makePlan(desired, observed),
    };
    made.kernel.tried.length = 0;
    await expect(made.apply({ autoApprove: true }, changed)).rejects.toMatchObject({
      diagnostics: [{ code: 'approval-missing', summary: expect.stringContaining(`${kind} (`) }],
    });
    expect(made.kernel.tried).toEqual([]);
  });

  it.each([
    ['no', async (made: Rig) => made.apply()],
    ['--allow without a prompt', async (made: Rig) => made.apply(ALLOWED)],
  ])('is not %s', async (_, run) => {
    const made = await rig(({ stdin }) => void stdin.write('no\n'));
    await run(made);
    expect(await made.adapters.approvals.read()).toEqual([]);
  });

  it('counts once where it cannot be remembered, which is said', async () => {
    const made = await rig(yes);
    await writeFile(join(made.adapters.stateDirectory, 'approvals.json'), 'damaged', { mode: 0o600 });
    expect((await made.apply())?.kind).toBe('done');
    expect(made.fake.stderr()).toContain('approvals.json is damaged');
    made.kernel.remove(WANTED);
    await made.adapters.registry.write([]);
    await expect(made.apply({ autoApprove: true })).rejects.toMatchObject({
      diagnostics: [{ code: 'approval-missing' }],
    });
  });
});

describe('apply of a saved plan', () => {
  const GIVEN: Partial<ApplyOptions> = { allow: ['gateway', 'unconfirmed'] };

  it('asks nobody, and is done at most once', async () => {
    const made = await rig();
    const saved = await savedNow(made);
    expect((await made.apply(GIVEN, { saved }))?.kind).toBe('done');
    await expect(made.apply(GIVEN, { saved })).rejects.toMatchObject({
      kind: 'stale',
      diagnostics: [{ code: 'plan-used' }],
    });
  });

  it('is refused once its facts have changed, and can be applied when they are back', async () => {
    const made = await rig();
    const saved = await savedNow(made);
    made.kernel.insert(FOREIGN);
    await expect(made.apply(GIVEN, { saved })).rejects.toMatchObject({
      kind: 'stale',
      diagnostics: [{ code: 'stale-plan' }],
    });
    made.kernel.remove(FOREIGN);
    expect((await made.apply(GIVEN, { saved }))?.kind).toBe('done');
  });

  it('does not count as approval of what needs more', async () => {
    const made = await rig();
    const saved = await savedNow(made);
    await expect(made.apply({}, { saved })).rejects.toMatchObject({ kind: 'conflict' });
    expect(made.kernel.tried).toEqual([]);
  });
});
