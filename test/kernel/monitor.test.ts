import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile, readlink } from 'node:fs/promises';
import { build } from 'esbuild';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { formatPrefix } from '../../src/model/prefix.ts';
import { LinuxRouteEvents } from '../../src/platform/linux/monitor.ts';
import type { HostChange, RouteEventStream } from '../../src/platform/route-events.ts';
import { createHost, type Host, requireNamespaces } from './netns.ts';

const unavailable = requireNamespaces();

/** Pids of every `ip monitor` in the network namespace of a process, by what /proc says. */
async function monitorsIn(pid: number): Promise<number[]> {
  const namespace = await readNamespace(pid);
  const found: number[] = [];
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const line = await readFile(`/proc/${name}/cmdline`, 'utf8').catch(() => '');
    if (!line.startsWith('ip\0-N\0monitor\0')) continue;
    if ((await readNamespace(Number(name))) === namespace) found.push(Number(name));
  }
  return found;
}

async function readNamespace(pid: number): Promise<string> {
  return await readlink(`/proc/${pid}/ns/net`).catch(() => `gone ${pid}`);
}

describe.skipIf(unavailable !== null)('route events of a live kernel', () => {
  let host: Host;
  let stream: RouteEventStream;
  let heard: HostChange[];

  const ip = (...args: string[]) => host.must(['ip', ...args]);
  const routesOf = (changes: readonly HostChange[]) =>
    changes.flatMap((change) => (change.kind === 'routes' ? change.destinations.map(formatPrefix) : []));
  const destinations = () => routesOf(heard);
  const everything = () => heard.filter(({ kind }) => kind === 'everything').length;
  const hears = async (destination: string) =>
    await expect.poll(destinations, { timeout: 30_000 }).toContain(destination);

  /** The program of a process that listens and says so. */
  let listener = '';

  beforeAll(async () => {
    const contents = `
      import { LinuxRouteEvents } from './src/platform/linux/monitor.ts';
      import { ProcessRunner } from './src/platform/process.ts';
      await new LinuxRouteEvents(new ProcessRunner()).listen(() => undefined).ready;
      process.stdout.write('ready');
      process.stdin.resume();`;
    const options = {
      bundle: true,
      platform: 'node',
      format: 'esm',
      target: 'node20',
      write: false,
    } as const;
    const { outputFiles } = await build({ ...options, stdin: { contents, resolveDir: process.cwd() } });
    listener = outputFiles[0]?.text ?? '';
  });

  beforeEach(async () => {
    host = await createHost();
    await host.addNeighbour('vm', {
      hostDevice: 'd0',
      hostAddress: ['10.9.0.1/24', 'fd00:9::1/64'],
      address: ['10.9.0.2/24', 'fd00:9::2/64'],
    });
    heard = [];
    stream = new LinuxRouteEvents(host.processes).listen((change) => heard.push(change));
    await stream.ready;
  });

  afterEach(async () => {
    await stream.stop();
    expect(await monitorsIn(host.pid)).toEqual([]);
    await host.close();
  });

  it('misses nothing once it is ready: routes of both families and every type, made and deleted', async () => {
    await ip('route', 'add', '10.96.0.0/12', 'via', '10.9.0.2');
    await hears('10.96.0.0/12');
    await ip('route', 'add', 'unreachable', '10.200.0.0/24', 'metric', '300');
    await hears('10.200.0.0/24');
    await ip('route', 'add', 'fd00:200::10/128', 'via', 'fd00:9::2');
    await hears('fd00:200::10/128');
    heard.length = 0;
    await ip('route', 'del', '10.96.0.0/12');
    await hears('10.96.0.0/12');
    heard.length = 0;
    await ip('-6', 'route', 'del', 'fd00:200::10/128');
    await hears('fd00:200::10/128');
  });

  it('is not ready while `ip` still reads the links, which swallows events', async () => {
    const links = Array.from(
      { length: 400 },
      (_, index) => `link add v${index} type veth peer name w${index}`,
    );
    await host.must(['ip', '-batch', '-'], { input: links.join('\n'), timeoutMs: 60_000 });
    for (let round = 0; round < 10; round++) {
      const destination = `10.150.${round}.0/24`;
      const own: HostChange[] = [];
      const another = new LinuxRouteEvents(host.processes).listen((change) => own.push(change));
      await another.ready;
      await ip('route', 'add', destination, 'via', '10.9.0.2');
      const isHeard = () => routesOf(own).includes(destination);
      await vi.waitUntil(isHeard, { timeout: 10_000 }).finally(() => another.stop());
    }
  });

  it.each([
    ['a link', ['link', 'set', 'd0', 'mtu', '1400']],
    ['a link that goes down', ['link', 'set', 'd0', 'down']],
    ['an address', ['address', 'add', '10.10.0.1/24', 'dev', 'd0']],
    ['a rule', ['rule', 'add', 'from', '10.0.0.0/8', 'lookup', '77']],
    ['an IPv6 rule', ['-6', 'rule', 'add', 'from', 'fd00::/8', 'lookup', '77']],
    ['a default route', ['route', 'add', 'default', 'via', '10.9.0.2']],
  ])('tells %s as a change of everything', async (_, args) => {
    await ip(...args);
    await expect.poll(everything, { timeout: 30_000 }).toBeGreaterThan(0);
  });

  it('starts a killed `ip` anew, and says that anything may have happened meanwhile', async () => {
    const [first] = await expectOne();
    heard.length = 0;
    process.kill(first, 'SIGKILL');
    await expect.poll(everything, { timeout: 30_000 }).toBeGreaterThan(0);
    expect((await expectOne())[0]).not.toBe(first);
    await ip('route', 'add', '10.96.0.0/12', 'via', '10.9.0.2');
    await hears('10.96.0.0/12');
  });

  it('hears a burst to its end: each change, or that some were lost', async () => {
    const lines = Array.from({ length: 20_000 }, (_, index) => {
      const [high, low] = [index >> 8, index & 255];
      return `route add 10.${100 + (high >> 8)}.${high & 255}.${low}/32 via 10.9.0.2`;
    });
    await host.must(['ip', '-batch', '-'], { input: lines.join('\n'), timeoutMs: 60_000 });
    await expect
      .poll(() => everything() > 0 || new Set(destinations()).size === lines.length, { timeout: 60_000 })
      .toBe(true);
    heard.length = 0;
    await ip('route', 'add', '10.96.0.0/12', 'via', '10.9.0.2');
    // Where the burst overran it, `ip` may be starting anew just now: then it is told that something was missed.
    await expect
      .poll(() => everything() > 0 || destinations().includes('10.96.0.0/12'), { timeout: 30_000 })
      .toBe(true);
  });

  it('dies with its parent, even by SIGKILL', async () => {
    const before = await expectOne();
    const child = startListener();
    await once(child.stdout ?? child, 'data');
    const pids = await monitorsIn(host.pid);
    expect(pids).toHaveLength(2);
    child.kill('SIGKILL');
    await expect.poll(() => monitorsIn(host.pid), { timeout: 30_000 }).toEqual(before);
  });

  async function expectOne(): Promise<[number]> {
    await expect.poll(() => monitorsIn(host.pid), { timeout: 30_000 }).toHaveLength(1);
    const [pid] = await monitorsIn(host.pid);
    if (pid === undefined) throw new Error('no monitor');
    return [pid];
  }

  /** A process that listens in the same namespace, and says so. */
  function startListener(): ChildProcess {
    const [program, ...args] = host.enter([process.execPath, '--input-type=module', '-e', listener]);
    return spawn(program, args, { stdio: 'pipe' });
  }
});
