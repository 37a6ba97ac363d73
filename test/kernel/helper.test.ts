import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { copyFile, mkdtemp, open, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { build } from 'esbuild';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { HelperClient } from '../../src/helper/client.ts';
import { encodeRequest, MAX_CHANGES, type Response } from '../../src/helper/protocol.ts';
import type { Route } from '../../src/model/route.ts';
import type { Argv, CommandStreamer } from '../../src/platform/command.ts';
import { LinuxElevation } from '../../src/platform/linux/elevation.ts';
import { FlockLocks } from '../../src/platform/linux/flock.ts';
import { batchLine } from '../../src/platform/linux/helper/batch.ts';
import { ProcessRunner } from '../../src/platform/process.ts';
import type { RouteChange } from '../../src/platform/route-table.ts';
import { add, guard, ours, REFUSED, remove } from '../helper/routes.ts';
import { createHost, type Host, requireNamespaces } from './netns.ts';

const forbidden = requireNamespaces();
const runner = new ProcessRunner();
const locks = new FlockLocks(runner);

/** In a namespace of its own the helper has the right. */
const elevationOf = (processes: CommandStreamer) => new LinuxElevation(processes, () => false);

/** Waits for a condition, with a bound that a busy machine keeps. */
const eventually = <T>(read: () => T) => expect.poll(read, { timeout: 20_000 });

const v4 = ours();
const fd = { destination: 'fd00:96::/112', gateway: 'fd39::10' };
const v6 = ours(fd);
const closed4 = guard('10.200.0.0/24');
const closed6 = guard('fd00:200::/120');

/** Host routes of 10.64.0.0/16, as many as wanted. */
function many(count: number): RouteChange[] {
  return Array.from({ length: count }, (_, index) =>
    add(ours({ destination: `10.64.${Math.floor(index / 256)}.${index % 256}/32` })),
  );
}

describe.skipIf(forbidden !== null)(`the helper${forbidden === null ? '' : `: ${forbidden}`}`, () => {
  let directory: string;
  let helper: Argv;
  let lockPath: string;
  let host: Host;
  let changer: HelperClient;

  beforeAll(async () => {
    directory = await realpath(await mkdtemp(join(tmpdir(), 'mkplan-helper-')));
    const outfile = join(directory, 'helper.mjs');
    await build({
      entryPoints: [new URL('../../src/helper/main.ts', import.meta.url).pathname],
      outfile,
      bundle: true,
      platform: 'node',
      format: 'esm',
      logLevel: 'error',
    });
    helper = [process.execPath, outfile];
  });
  afterAll(async () => {
    await rm(directory, { recursive: true });
  });
  beforeEach(async () => {
    lockPath = join(directory, `${crypto.randomUUID()}.lock`);
    host = await createHost();
    await host.addNeighbour('vm', {
      hostDevice: 'virbr0',
      hostAddress: ['192.168.39.1/24', 'fd39::1/64'],
      address: ['192.168.39.10/24', 'fd39::10/64'],
    });
    changer = new HelperClient({ command: helper, lockPath, elevation: elevationOf(host.processes), locks });
  });
  afterEach(async () => {
    await changer.close();
    await host.close();
  });

  /** Table main of both families, as `ip` shows it. */
  const shown = async () =>
    (await host.must(['ip', '-N', '-4', 'route'])) + (await host.must(['ip', '-N', '-6', 'route']));
  const ourCount = async () => {
    const routes = await host.must(['ip', '-N', 'route', 'show', 'proto', '109']);
    return routes.split('\n').filter((line) => line !== '').length;
  };
  const lockIsFree = async () => {
    const file = await open(lockPath, 'r');
    try {
      return await locks.tryLock(file.fd);
    } finally {
      await file.close();
    }
  };

  /** A helper that is talked to by hand, in a process group of its own. */
  async function raw(argv: Argv = [...helper, '--lock', lockPath]) {
    await (await open(lockPath, 'a')).close();
    const child = host.spawn(argv, { detached: true });
    const responses: Response[] = [];
    const lines = child.stdout === null ? null : createInterface(child.stdout);
    lines?.on('line', (line) => responses.push(JSON.parse(line)));
    const exit = once(child, 'exit');
    return { child, responses, exit, send: (text: string) => child.stdin?.write(text) };
  }

  /** The helper with an `ip` of its own in its mount namespace: one that waits, once it has read its input. */
  async function slowIp(): Promise<{ argv: Argv; begun(): Promise<number>; go(): Promise<void> }> {
    const at = await mkdtemp(join(directory, 'ip-'));
    const ip = await realpath('/sbin/ip');
    await copyFile(ip, join(at, 'real'));
    const script = [
      '#!/bin/sh',
      `cd ${at}`,
      'cat >batch',
      'echo $$ >pid.new',
      'mv pid.new pid',
      'while [ ! -e go ]; do sleep 0.05; done',
      'exec ./real -force -batch - <batch',
    ];
    await writeFile(join(at, 'slow'), `${script.join('\n')}\n`, { mode: 0o755 });
    const mount = `mount --bind ${join(at, 'slow')} ${ip} && exec "$@"`;
    return {
      argv: ['unshare', '--mount', 'sh', '-c', mount, 'sh', ...helper, '--lock', lockPath],
      begun: async () => {
        await eventually(() => existsSync(join(at, 'pid'))).toBe(true);
        return Number(await readFile(join(at, 'pid'), 'utf8'));
      },
      go: () => writeFile(join(at, 'go'), ''),
    };
  }
  const request = (seq: number, changes: readonly RouteChange[]) =>
    encodeRequest({ type: 'change', seq, changes });
  const hello = encodeRequest({ type: 'hello', version: 1 });

  describe('changes', () => {
    test('routes of both families and closed pools are added as asked, and deleted again', async () => {
      const before = await shown();
      expect(await changer.change([v4, v6, closed4, closed6].map(add))).toEqual([]);
      const after = await shown();
      expect(after).toContain('10.96.0.0/12 via 192.168.39.10 dev virbr0 proto 109 metric 109');
      expect(after).toContain('fd00:96::/112 via fd39::10 dev virbr0 proto 109 metric 109');
      expect(after).toMatch(/7 10\.200\.0\.0\/24 proto 109 (scope \d+ )?metric 109/);
      expect(after).toMatch(/7 fd00:200::\/120 dev lo proto 109 (scope \d+ )?metric 109/);
      expect(await changer.change([v4, v6, closed4, closed6].map(remove))).toEqual([]);
      expect(await shown()).toBe(before);
    });

    test('more of them than one request holds', async () => {
      expect(await changer.change(many(MAX_CHANGES + 500))).toEqual([]);
      expect(await ourCount()).toBe(MAX_CHANGES + 500);
    });

    test('each refusal of the kernel falls on its own change', async () => {
      await changer.change([add(v4)]);
      const elsewhere = ours({ destination: '10.65.0.0/16', gateway: '192.0.2.99' });
      const refused = await changer.change([
        add(ours({ gateway: '192.168.39.11' })),
        add(ours({ destination: '10.64.0.1/32' })),
        remove(ours({ destination: '10.64.0.2/32' })),
        add(elsewhere),
        add({ ...elsewhere, device: null }),
        add(ours({ destination: '10.66.0.0/16', device: 'virbr9' })),
        add(ours({ destination: '8.8.8.8/32' })),
        add(ours({ destination: '10.64.0.3/32' })),
      ]);
      expect(refused).toEqual([
        { index: 0, message: 'RTNETLINK answers: File exists' },
        { index: 2, message: 'RTNETLINK answers: No such process' },
        { index: 3, message: expect.stringMatching(/invalid gateway|unreachable/) },
        { index: 4, message: expect.stringMatching(/invalid gateway|unreachable/) },
        { index: 5, message: expect.stringContaining('virbr9') },
        { index: 6, message: 'the helper refuses: 8.8.8.8/32 is public' },
      ]);
      expect(await ourCount()).toBe(3);
    });

    test('EPERM where the namespace belongs to somebody else, although CAP_NET_ADMIN shows', async () => {
      const before = await shown();
      const stranger = new HelperClient({
        command: ['unshare', '--user', '--map-root-user', '--', ...helper],
        lockPath,
        elevation: elevationOf(host.processes),
        locks,
      });
      expect(await stranger.change([add(v4), add(v6)])).toEqual([
        { index: 0, message: 'RTNETLINK answers: Operation not permitted' },
        { index: 1, message: 'RTNETLINK answers: Operation not permitted' },
      ]);
      await stranger.close();
      expect(await shown()).toBe(before);
    });

    test.each([
      ['10.96.0.0/12 via 192.168.39.10 dev virbr0 metric 109 proto 110', v4],
      ['10.96.0.0/12 via 192.168.39.10 dev virbr0 metric 109 proto static', v4],
      ['10.96.0.0/12 via 192.168.39.11 dev virbr0 metric 109 proto 109', v4],
      ['10.96.0.0/12 via 192.168.39.10 dev virbr0 metric 108 proto 109', v4],
      ['10.96.0.0/12 via 192.168.39.10 dev virbr0 tos 0x10 metric 109 proto 109', v4],
      ['10.96.0.0/12 via 192.168.39.10 dev virbr0 metric 109 proto 109 table 100', v4],
      ['10.96.0.0/13 via 192.168.39.10 dev virbr0 metric 109 proto 109', v4],
      ['unreachable 10.96.0.0/12 metric 109 proto 109', v4],
      ['10.200.0.0/24 via 192.168.39.10 dev virbr0 metric 109 proto 109', closed4],
      ['blackhole 10.200.0.0/24 metric 109 proto 109', closed4],
      ['unreachable 10.200.0.0/24 metric 109 proto static', closed4],
      ['fd00:96::/112 via fd39::10 dev virbr0 metric 109 proto 110', v6],
      ['fd00:96::/112 via fd39::11 dev virbr0 metric 109 proto 109', v6],
      ['fd00:96::/112 via fd39::10 dev virbr0 metric 108 proto 109', v6],
      ['unreachable fd00:96::/112 metric 109 proto 109', v6],
      ['fd00:200::/120 via fd39::10 dev virbr0 metric 109 proto 109', closed6],
      ['fd00:200::/120 dev virbr0 metric 109 proto 109', closed6],
      ['unreachable fd00:200::/120 metric 109 proto static', closed6],
    ])('a delete leaves the foreign route %s', async (foreign, route) => {
      await host.must(['ip', 'route', 'add', ...foreign.split(' ')]);
      const before = (await shown()) + (await host.must(['ip', 'route', 'show', 'table', 'all']));
      expect(await changer.change([remove(route)])).toEqual([
        { index: 0, message: 'RTNETLINK answers: No such process' },
      ]);
      expect((await shown()) + (await host.must(['ip', 'route', 'show', 'table', 'all']))).toBe(before);
    });

    describe('of a plain route, a delete', () => {
      const key = 'via 192.168.39.10 dev virbr0';
      const plain4 = ours({ protocol: 3, metric: 0 });
      const plain6 = ours({ ...fd, protocol: 3, metric: 1024 });
      const all = async () =>
        (await host.must(['ip', '-d', 'route', 'show', 'table', 'all'])) +
        (await host.must(['ip', '-d', '-6', 'route', 'show', 'table', 'all']));

      test.each<[string, Route, readonly string[]]>([
        ['another metric', plain4, [`add 10.96.0.0/12 ${key} metric 100`]],
        [
          'another metric beside it',
          plain4,
          [`add 10.96.0.0/12 ${key}`, `add 10.96.0.0/12 ${key} metric 100`],
        ],
        ['an mtu beside it', plain4, [`add 10.96.0.0/12 ${key}`, `append 10.96.0.0/12 ${key} mtu 1400`]],
        [
          'a source beside it',
          plain4,
          [`add 10.96.0.0/12 ${key}`, `append 10.96.0.0/12 ${key} src 192.168.39.1`],
        ],
        [
          'several paths, it being the first',
          plain4,
          [`add 10.96.0.0/12 nexthop ${key} nexthop via 192.168.39.11 dev virbr0`],
        ],
        [
          'several paths at another metric, it being the first',
          plain4,
          [`add 10.96.0.0/12 metric 9 nexthop ${key} nexthop via 192.168.39.11 dev virbr0`],
        ],
        ['another tos', plain4, [`add 10.96.0.0/12 ${key} tos 0x10`]],
        ['another protocol', plain4, [`add 10.96.0.0/12 ${key} proto static`]],
        ['another table', plain4, [`add 10.96.0.0/12 ${key} table 100`]],
        ['table local', plain4, ['add local 10.96.0.0/12 dev virbr0 table local proto 3']],
        ['another gateway', plain4, ['add 10.96.0.0/12 via 192.168.39.11 dev virbr0']],
        ['no gateway', plain4, ['add 10.96.0.0/12 dev virbr0']],
        ['an unreachable one', plain4, ['add unreachable 10.96.0.0/12']],
        ['another IPv6 metric', plain6, ['add fd00:96::/112 via fd39::10 dev virbr0 metric 100']],
        [
          'several IPv6 paths, it being one',
          plain6,
          ['add fd00:96::/112 nexthop via fd39::11 dev virbr0 nexthop via fd39::10 dev virbr0'],
        ],
      ])('leaves all that stands: %s', async (_, route, standing) => {
        for (const one of standing) await host.must(['ip', 'route', ...one.split(' ')]);
        const before = await all();
        expect(await changer.change([remove(route)])).toEqual([
          { index: 0, message: expect.stringMatching(/^the helper refuses: /) },
        ]);
        expect(await all()).toBe(before);
      });

      test('leaves a nexthop object', async () => {
        await host.must(['ip', 'nexthop', 'add', 'id', '7', 'via', '192.168.39.10', 'dev', 'virbr0']);
        await host.must(['ip', 'route', 'add', '10.96.0.0/12', 'nhid', '7', 'proto', '3']);
        const before = await all();
        expect(await changer.change([remove(plain4)])).toHaveLength(1);
        expect(await all()).toBe(before);
      });

      test.each<[string, Route, string]>([
        ['as `ip route add` makes it', plain4, `10.96.0.0/12 ${key}`],
        ['with an mtu', plain4, `10.96.0.0/12 ${key} mtu 1400`],
        ['with a source', plain4, `10.96.0.0/12 ${key} src 192.168.39.1`],
        ['on-link by flag', plain4, `10.96.0.0/12 ${key} onlink`],
        ['of IPv6', plain6, 'fd00:96::/112 via fd39::10 dev virbr0'],
      ])('removes the one that stands alone: %s', async (_, route, standing) => {
        const before = await all();
        await host.must(['ip', 'route', 'add', ...standing.split(' ')]);
        expect(await changer.change([remove(route)])).toEqual([]);
        expect(await all()).toBe(before);
      });

      test('is judged by what the changes before it in its request have done', async () => {
        const before = await all();
        const refused = await changer.change([
          remove(plain4),
          add(plain4),
          add(v4),
          remove(plain4),
          remove(plain4),
          add(plain6),
          remove(plain6),
          remove(v4),
        ]);
        expect(refused).toEqual([
          { index: 0, message: expect.stringContaining('no such route') },
          { index: 4, message: expect.stringContaining('no such route') },
        ]);
        expect(await all()).toBe(before);
      });
    });

    test('a delete that was cut off at any byte removes nothing', async () => {
      const line = batchLine(remove(v4));
      await changer.change([add(v4)]);
      // What a delete would match that lost its end: the same key at other destinations, and other keys at this one.
      const key = 'via 192.168.39.10 dev virbr0 metric 109 proto 109';
      for (const route of [
        `default ${key}`,
        `10.96.0.0/13 ${key}`,
        `10.96.0.0 ${key}`,
        '10.96.0.0/12 dev virbr0',
      ]) {
        await host.must(['ip', 'route', 'add', ...route.split(' ')]);
      }
      const before = await shown();
      for (let length = 0; length < line.length; length++) {
        await host.run(['ip', '-force', '-batch', '-'], { input: line.slice(0, length) });
      }
      expect(await shown()).toBe(before);
      await host.must(['ip', '-batch', '-'], { input: line });
      expect(await shown()).not.toBe(before);
    });
  });

  describe('signals', () => {
    test.each(['SIGINT', 'SIGHUP', 'SIGTERM'] as const)(
      '%s to its process group does not stop the chunk that it has begun',
      async (signal) => {
        const ip = await slowIp();
        const { child, responses, exit, send } = await raw(ip.argv);
        send(hello + request(0, many(1000)));
        await ip.begun();
        process.kill(-(child.pid ?? 0), signal);
        process.kill(-(child.pid ?? 0), signal);
        await ip.go();
        await eventually(() => responses).toHaveLength(2);
        expect(responses[1]).toEqual({ type: 'answer', seq: 0, refused: [] });
        expect(await ourCount()).toBe(1000);
        child.stdin?.end();
        expect(await exit).toEqual([0, null]);
      },
    );

    test('TERM ends it when it has nothing to do', async () => {
      const { child, responses, exit, send } = await raw();
      send(hello);
      await eventually(() => responses.length).toBe(1);
      child.kill('SIGTERM');
      expect(await exit).toEqual([0, null]);
      expect(await lockIsFree()).toBe(true);
    });

    test('it ends at the end of its input, after what was asked before', async () => {
      const { child, responses, exit, send } = await raw();
      send(hello + request(1, many(1000)));
      child.stdin?.end();
      expect(await exit).toEqual([0, null]);
      expect(responses).toHaveLength(2);
      expect(await ourCount()).toBe(1000);
    });
  });

  describe('the lock', () => {
    test('is held from the greeting until the helper has ended', async () => {
      await changer.start();
      expect(await lockIsFree()).toBe(false);
      await changer.close();
      expect(await lockIsFree()).toBe(true);
    });

    test('is free between a release and the next change, though the helper lives', async () => {
      await changer.change([add(v4)]);
      await changer.release();
      expect(await lockIsFree()).toBe(true);
      expect(await changer.change([add(v6)])).toEqual([]);
      expect(await lockIsFree()).toBe(false);
      await changer.close();
      expect(await lockIsFree()).toBe(true);
    });

    test('is taken again before the next change when the helper is told to', async () => {
      await changer.change([add(v4)]);
      await changer.release();
      expect(await lockIsFree()).toBe(true);
      expect(await changer.take()).toBe(true);
      expect(await lockIsFree()).toBe(false);
      await changer.close();
      expect(await lockIsFree()).toBe(true);
    });

    test('makes a second helper wait for the first', async () => {
      await changer.change([add(v4)]);
      const second = new HelperClient({
        command: helper,
        lockPath,
        elevation: elevationOf(host.processes),
        locks,
      });
      let started = false;
      const starting = second.start().then(() => {
        started = true;
      });
      await changer.change([add(v6)]);
      expect(started).toBe(false);
      await changer.close();
      await starting;
      expect(await second.change([remove(v4)])).toEqual([]);
      await second.close();
    });

    test('outlives a helper that is killed, until its last child is gone', async () => {
      const ip = await slowIp();
      const { child, exit, send } = await raw(ip.argv);
      send(hello + request(0, [add(v4)]));
      const pid = await ip.begun();
      child.kill('SIGKILL');
      await exit;
      expect(await lockIsFree()).toBe(false);
      process.kill(pid, 'SIGKILL');
      await eventually(lockIsFree).toBe(true);
    });

    test('is free after the parent was killed and the helper has finished its chunk', async () => {
      const script = `
        const { spawn } = require('node:child_process');
        const [text, ...argv] = process.argv.slice(1);
        const child = spawn(argv[0], argv.slice(1), { stdio: ['pipe', 'pipe', 'inherit'] });
        child.stdin.write(text);`;
      const ip = await slowIp();
      await (await open(lockPath, 'a')).close();
      const text =
        hello +
        request(0, many(500)) +
        request(
          1,
          many(500).map(({ route }) => remove(route)),
        );
      const parent = host.spawn([process.execPath, '-e', script, text, ...ip.argv]);
      await ip.begun();
      parent.kill('SIGKILL');
      await once(parent, 'exit');
      expect(await lockIsFree()).toBe(false);
      await ip.go();
      await eventually(lockIsFree).toBe(true);
      // The second request had arrived, but was not begun.
      expect(await ourCount()).toBe(500);
    });

    test('is waited for by the helper that replaces one killed over its work', async () => {
      const pids: (number | null)[] = [];
      const processes: typeof host.processes = {
        run: host.processes.run,
        stream: (...args) => {
          const stream = host.processes.stream(...args);
          pids.push(stream.pid);
          return stream;
        },
      };
      const doomed = new HelperClient({
        command: helper,
        lockPath,
        elevation: elevationOf(processes),
        locks,
      });
      await doomed.start();
      const changing = doomed.change(many(20_000));
      const gone = expect(changing).rejects.toMatchObject({ diagnostics: [{ code: 'helper-gone' }] });
      await eventually(ourCount).toBeGreaterThan(0);
      process.kill(pids[0] ?? 0, 'SIGKILL');
      await gone;
      expect(await doomed.change([add(v6)])).toEqual([]);
      const after = await ourCount();
      expect(after).toBeLessThan(20_000);
      await doomed.close();
      expect(await lockIsFree()).toBe(true);
      expect(await ourCount()).toBe(after);
      expect(pids).toHaveLength(2);
    });
  });

  describe('refuses', () => {
    test.each(REFUSED)('%s, added or deleted, asked by hand', async (_, document) => {
      const before = await shown();
      const changes = [add(ours(document)), remove(ours(document))];
      const lines = changes.map((change, seq) => request(seq, [change]));
      const { child, responses, exit } = await raw();
      child.stdin?.end(lines.join(''));
      await exit;
      await eventually(() => responses.length).toBe(2);
      for (const response of responses) {
        if (response.type === 'error') expect(response.code).toBe('not-understood');
        else expect(response).toMatchObject({ type: 'answer', refused: [{ index: 0 }] });
      }
      expect(JSON.stringify(responses)).not.toContain('RTNETLINK');
      expect(await shown()).toBe(before);
    });
  });

  describe('starting', () => {
    test.each<[string, (path: string) => Promise<unknown>, RegExp]>([
      ['is missing', async () => undefined, /ENOENT/],
      ['is a link', (path) => symlink('/etc/hostname', path), /ELOOP/],
      ['is a pipe', (path) => runner.run(['mkfifo', path], { timeoutMs: 10_000 }), /not a regular file/],
    ])('a lock that %s is refused', async (_, make, why) => {
      await make(lockPath);
      const result = await host.run([...helper, '--lock', lockPath], { input: hello });
      expect(result.code).toBe(1);
      expect(JSON.parse(result.stdout.split('\n')[0] ?? '')).toMatchObject({
        type: 'error',
        code: 'unusable',
        message: expect.stringMatching(why),
      });
    });

    test('a lock that is not of the user whom sudo works for is refused', async () => {
      await (await open(lockPath, 'a')).close();
      const argv: Argv = ['env', 'SUDO_UID=4242', ...helper, '--lock', lockPath];
      const { code, stdout } = await host.run(argv, { input: hello });
      expect(code).toBe(1);
      expect(stdout).toContain('not a regular file of user 4242');
    });

    test.each<[string, string[]]>([
      ['nothing', []],
      ['no path', ['--lock']],
      ['more than a lock', ['--lock', '/tmp/x', '--ip', '/tmp/ip']],
    ])('arguments with %s are a usage error', async (_, args) => {
      expect(await host.run([...helper, ...args])).toMatchObject({ code: 64, stdout: '' });
    });

    test('what is not understood changes nothing', async () => {
      const before = await shown();
      await (await open(lockPath, 'a')).close();
      const input = `route add 10.96.0.0/12 via 192.168.39.10\n${request(0, [add(v4)]).replace('"add"', '"replace"')}`;
      const { code, stdout } = await host.run([...helper, '--lock', lockPath], { input });
      expect(code).toBe(0);
      expect(
        stdout
          .trim()
          .split('\n')
          .map((line) => JSON.parse(line)),
      ).toMatchObject([
        { type: 'error', seq: null, code: 'not-understood' },
        { type: 'error', seq: 0, code: 'not-understood' },
      ]);
      expect(await shown()).toBe(before);
    });
  });
});
