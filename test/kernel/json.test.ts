import { once } from 'node:events';
import { cp, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { profileFile } from '../../src/minikube/files.ts';
import { checkedLines, type Line } from '../cli/json-lines.ts';
import { serviceObject } from '../cluster/objects.ts';
import { requireNamespaces } from './netns.ts';
import { ALLOW, LARGE_SPEC, Rig, specOf } from './rig.ts';
import { SandboxWorld } from './sandbox-world.ts';

const refused = requireNamespaces();

const SPEC = specOf({ cidrs: ['10.96.0.0/12', '10.244.0.0/16'] });
const YES = '--auto-approve';
const POOLED = 'profiles: [{ name: minikube, loadBalancer: { pool: [10.200.0.0/24] } }]\n';

const types = (lines: readonly Line[]) => [...new Set(lines.map(({ type }) => type))];
const codes = (lines: readonly Line[]) => lines.flatMap((line) => ('code' in line ? [line['code']] : []));

/** Every run of these is held to the schema by the host that it runs on; here stands what its lines say. */
describe.skipIf(refused !== null)('--json on a host', () => {
  let rig: Rig;

  beforeEach(async () => {
    rig = await Rig.create();
    await rig.write(SPEC);
  });

  afterEach(async () => {
    await rig.close();
  });

  /** Runs a command line; returns its exit code and its lines between the version and the summary. */
  async function told(...args: readonly string[]): Promise<{ code: number | null; lines: Line[] }> {
    const { code, stdout } = await rig.mkplan(...args, '--json');
    return { code, lines: checkedLines(stdout, code).slice(1, -1) };
  }

  it('has a version and a summary where there is nothing to tell', async () => {
    expect(await told('import', rig.spec)).toEqual({ code: 0, lines: [] });
    expect(await told('status', join(rig.directory, 'none.yaml'))).toMatchObject({
      code: 0,
      lines: [{ type: 'status', gone: 0, problems: [] }],
    });
    const confirmed = await told('confirm');
    expect([confirmed.code, codes(confirmed.lines)]).toEqual([1, ['nothing-to-confirm']]);
    const cleaned = await told('cleanup', YES);
    expect([cleaned.code, types(cleaned.lines)]).toEqual([0, ['lock.acquired', 'plan', 'changes']]);
    const destroyed = await told('destroy', rig.spec, YES);
    expect([destroyed.code, types(destroyed.lines)]).toEqual([0, ['lock.acquired', 'plan', 'changes']]);
  });

  it('tells what init wrote, and that it writes over nothing', async () => {
    const config = profileFile(rig.env, rig.directory, 'minikube');
    await mkdir(dirname(config), { recursive: true });
    await writeFile(config, JSON.stringify({ Name: 'minikube', Driver: 'kvm2', Nodes: [] }));
    const enter = (directory: string) => ['env', '-C', directory, ...rig.argv('init', '--json')] as const;
    const folder = join(rig.directory, 'project');
    await mkdir(folder);
    for (const [code, type] of [
      [0, 'written'],
      [1, 'diagnostic'],
    ] as const) {
      const ran = await rig.host.run([...enter(folder)] as [string, ...string[]]);
      expect(ran.code, ran.stderr).toBe(code);
      expect(types(checkedLines(ran.stdout, ran.code))).toEqual(['version', type, 'summary']);
    }
  });

  it('tells what was recorded: the name of the file, or the record itself', async () => {
    const file = join(rig.directory, 'observed.yaml');
    expect(await told('observe', rig.spec, '--out', file)).toMatchObject({
      code: 0,
      lines: [{ type: 'observed', file }],
    });
    const { lines } = await told('observe', rig.spec);
    expect(lines).toMatchObject([{ type: 'observed', observation: { kind: 'Observation' } }]);
    const again = await told('observe', rig.spec, '--out', file);
    expect([again.code, codes(again.lines)]).toEqual([1, ['file-exists']]);
  });

  it('tells of a tunnel from its plan to its end', async () => {
    expect(types((await told('plan', rig.spec)).lines)).toEqual(
      expect.arrayContaining(['plan', 'profile', 'step', 'approval', 'changes']),
    );
    const unapproved = await told('apply', rig.spec, YES);
    expect([unapproved.code, codes(unapproved.lines)]).toEqual([4, ['approval-missing']]);
    const applied = await told('apply', rig.spec, ...ALLOW);
    expect(applied.code).toBe(0);
    expect(types(applied.lines)).toEqual(
      expect.arrayContaining([
        'transaction.started',
        'wave.started',
        'change.done',
        'verifying',
        'committed',
      ]),
    );
    const again = await told('apply', rig.spec, ...ALLOW);
    expect(again.code).toBe(0);
    expect(types(again.lines)).not.toContain('transaction.started');
    expect(types((await told('status', rig.spec)).lines)).toEqual(['status', 'route']);
    await rig.ip('route', 'del', '10.96.0.0/12');
    expect(types((await told('status', rig.spec)).lines)).toEqual(['status', 'lost', 'route']);
    const destroyed = await told('destroy', rig.spec, YES);
    expect(destroyed.code).toBe(0);
    expect(types(destroyed.lines)).toContain('committed');
  });

  it('tells which routes can be adopted, and that they were', async () => {
    await rig.apply();
    await cp(rig.state, `${rig.state}-lost`, { recursive: true });
    await rig.host.must(['rm', '-r', rig.state]);
    expect((await told('status', rig.spec)).lines.map(({ type }) => type)).toContain('unproven');
    const listed = await told('import', rig.spec, '--allow', 'gateway,unconfirmed');
    expect([listed.code, types(listed.lines)]).toEqual([0, ['importable']]);
    const adopted = await told('import', '--all', rig.spec, ...ALLOW);
    expect(adopted.code, JSON.stringify(adopted.lines)).toBe(0);
    expect(types(adopted.lines)).toContain('committed');
  });

  it('tells of a conflict, and of a rollback', async () => {
    await rig.ip('route', 'add', '10.96.0.0/12', 'via', '10.8.0.1');
    const conflicting = await told('apply', rig.spec, ...ALLOW);
    expect([conflicting.code, types(conflicting.lines)]).toEqual([4, expect.arrayContaining(['conflict'])]);
    await rig.ip('route', 'del', '10.96.0.0/12');
    await rig.write(
      specOf(
        { name: 'a', cidrs: ['10.96.0.0/16'] },
        { name: 'b', gateway: '192.168.39.255', cidrs: ['10.97.0.0/16'] },
      ),
    );
    const failed = await told('apply', rig.spec, ...ALLOW);
    expect(failed.code).toBe(5);
    expect(types(failed.lines)).toEqual(
      expect.arrayContaining(['change.failed', 'rollback.started', 'rollback.done', 'diagnostic']),
    );
  });

  it('tells what waits to be confirmed, and that it was', async () => {
    const applied = await told('apply', rig.spec, ...ALLOW, '--confirm-within', '10m');
    expect([applied.code, types(applied.lines)]).toEqual([0, expect.arrayContaining(['awaiting'])]);
    const { lines } = await told('status', rig.spec);
    expect(lines[0]).toMatchObject({ type: 'awaiting', secondsLeft: expect.any(Number) });
    const locked = await told('destroy', rig.spec, YES);
    expect(locked.code).toBe(7);
    const confirmed = await told('confirm', rig.spec);
    expect([confirmed.code, types(confirmed.lines)]).toEqual([0, expect.arrayContaining(['confirmation'])]);
  });

  /** A run that gets a signal at a time; its exit code and its lines. */
  async function interrupted(
    signal: NodeJS.Signals,
    when: (stdout: () => string) => Promise<unknown>,
    ...args: readonly string[]
  ) {
    const child = rig.host.spawn(rig.argv(...args, '--json'));
    let stdout = '';
    child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
      stdout += chunk;
    });
    const ended = once(child, 'close');
    await when(() => stdout);
    child.kill(signal);
    const [code] = await ended;
    return { code, lines: checkedLines(stdout, code) };
  }

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('ends with a summary when an apply is rolled back after %s', async (signal, exitCode) => {
    const before = await rig.table();
    await rig.write(LARGE_SPEC);
    const { changing } = await rig.listen();
    const { code, lines } = await interrupted(signal, () => changing, 'apply', rig.spec, ...ALLOW);
    expect(code).toBe(exitCode);
    expect(lines.at(-1)).toMatchObject({ type: 'summary', exitCode });
    expect(await rig.table()).toBe(before);
  });

  it('ends with a summary when a session is ended', async () => {
    const settled = (stdout: () => string) =>
      expect.poll(stdout, { timeout: 60_000 }).toContain('"type":"committed"');
    const { code, lines } = await interrupted('SIGINT', settled, 'watch', rig.spec, ...ALLOW);
    expect(code).toBe(0);
    expect(types(lines)).toEqual(expect.arrayContaining(['watch.state', 'watch.planned', 'committed']));
    expect(lines.at(-1)).toMatchObject({ type: 'summary', exitCode: 0 });
  });
});

describe.skipIf(refused !== null)('--json beside a cluster', () => {
  let world: SandboxWorld;

  beforeEach(async () => {
    world = await SandboxWorld.create();
    await world.writeSpec(SPEC.replace(/profiles:.*/s, POOLED));
    await world.post('/api/v1/namespaces/default/services', serviceObject('web'));
  });

  afterEach(() => world.close());

  it('tells of Services from the plan to what answers', async () => {
    const told = async (...args: readonly string[]) => {
      const { code, stdout } = await world.mkplan(...args, world.spec, '--json');
      return checkedLines(stdout, code);
    };
    const planned = await told('plan');
    expect(planned).toContainEqual(expect.objectContaining({ type: 'step', kind: 'service', name: 'web' }));
    expect(types(await told('apply', YES))).toContain('committed');
    const status = await told('status');
    const service = {
      type: 'service',
      name: 'web',
      state: 'served',
      addresses: ['10.200.0.1'],
      routed: true,
    };
    expect(status).toContainEqual(expect.objectContaining({ ...service, answers: expect.any(Array) }));
    expect(types(status)).toContain('route');
    expect(types(await told('destroy', YES))).toContain('committed');
  });

  it('tells of a session that another terminal asks about', async () => {
    const session = world.startMkplan('watch', world.spec, YES, '--json');
    await session.until('it rests', () => session.said.includes('"state":"idle"'));
    const { code, stdout } = await world.mkplan('status', world.spec, '--json');
    expect(checkedLines(stdout, code)).toContainEqual(
      expect.objectContaining({ type: 'session', live: true, pid: session.pid }),
    );
    const again = await world.mkplan('watch', world.spec, YES, '--json');
    expect([again.code, codes(checkedLines(again.stdout, again.code))]).toEqual([7, ['session-lives']]);
    expect(await session.stop()).toBe(0);
  });
});
