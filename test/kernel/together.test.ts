import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, open, readFile, realpath, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FlockLocks } from '../../src/platform/linux/flock.ts';
import { ProcessRunner } from '../../src/platform/process.ts';
import { createRegistry } from '../../src/registry/claims-file.ts';
import { createJournal } from '../../src/registry/journal-file.ts';
import { requireNamespaces } from './netns.ts';
import { ALLOW, Rig, specOf } from './rig.ts';

const refused = requireNamespaces();

/** Waits for a condition, with a bound that a busy machine keeps. */
const eventually = <T>(read: () => T) => expect.poll(read, { timeout: 60_000 });

interface Started {
  readonly child: ChildProcess;
  readonly output: () => string;
  readonly code: Promise<unknown>;
}

describe.skipIf(refused !== null)('several mkplan at once', () => {
  let rig: Rig;
  let before: string;

  beforeEach(async () => {
    rig = await Rig.create();
    before = await rig.table();
  });

  afterEach(async () => {
    await rig.close();
  });

  function start(argv: readonly [string, ...string[]]): Started {
    const child = rig.host.spawn(argv);
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (chunk: string) => {
        output += chunk;
      });
    }
    const code = once(child, 'close').then(([status]: unknown[]) => status);
    return { child, output: () => output, code };
  }

  const apply = (spec: string, wait: string) => rig.argv('apply', spec, ...ALLOW, '--lock-timeout', wait);

  /** A spec of its own, in a file of its own. */
  async function specFile(index: number): Promise<string> {
    const path = join(rig.directory, `tunnel-${index}.yaml`);
    await writeFile(path, specOf({ cidrs: [`10.${100 + index}.0.0/16`, `10.${200 + index}.0.0/16`] }));
    return path;
  }

  async function expectWhole(routes: number): Promise<void> {
    expect(await rig.ours()).toHaveLength(routes);
    expect(await createRegistry(rig.state).read()).toHaveLength(routes);
    expect(await createJournal(rig.state).open()).toBeNull();
  }

  it.each([2, 8])(
    '%i with specs of their own are applied one after the other, and none is lost',
    async (count) => {
      const specs = await Promise.all(Array.from({ length: count }, (_, index) => specFile(index)));
      const all = specs.map((spec) => start(apply(spec, '2m')));
      const codes = await Promise.all(all.map(({ code }) => code));
      expect(codes, all.map(({ output }) => output()).join('\n')).toEqual(all.map(() => 0));
      await expectWhole(2 * count);
      for (const spec of specs) {
        expect(await rig.mkplan('plan', spec, '--detailed-exitcode')).toMatchObject({ code: 0 });
      }
      const gone = specs.map((spec) =>
        start(rig.argv('destroy', spec, '--auto-approve', '--lock-timeout', '2m')),
      );
      expect(await Promise.all(gone.map(({ code }) => code))).toEqual(gone.map(() => 0));
      expect(await rig.table()).toBe(before);
    },
  );

  it.each([2, 8])('%i with the same spec: one applies it, the others find nothing to do', async (count) => {
    const spec = await specFile(0);
    const all = Array.from({ length: count }, () => start(apply(spec, '2m')));
    const codes = await Promise.all(all.map(({ code }) => code));
    expect(codes, all.map(({ output }) => output()).join('\n')).toEqual(all.map(() => 0));
    expect(all.filter(({ output }) => output().includes('2 added'))).toHaveLength(1);
    expect(all.filter(({ output }) => output().includes('No changes'))).toHaveLength(count - 1);
    await expectWhole(2);
  });

  it('where one applies and one destroys: either order, and nothing in between', async () => {
    const spec = await specFile(0);
    const both = [
      start(apply(spec, '2m')),
      start(rig.argv('destroy', spec, '--auto-approve', '--lock-timeout', '2m')),
    ];
    expect(await Promise.all(both.map(({ code }) => code))).toEqual([0, 0]);
    const left = (await rig.ours()).length;
    expect([0, 2]).toContain(left);
    await expectWhole(left);
  });

  /**
   * An argv that runs mkplan with a stand-in for `ip` where its helper looks for it: asked to change something, it says
   * so and waits; asked to show something, it is the real one.
   */
  async function held(argv: readonly [string, ...string[]]) {
    const at = join(rig.directory, 'held');
    await mkdir(at);
    const ip = await realpath('/sbin/ip');
    await copyFile(ip, join(at, 'ip-itself'));
    const script = [
      '#!/bin/sh',
      `[ "$1" = -force ] || exec ${at}/ip-itself "$@"`,
      `cat >${at}/batch`,
      `echo $$ >${at}/pid.new`,
      `mv ${at}/pid.new ${at}/pid`,
      `while [ ! -e ${at}/go ]; do sleep 0.05; done`,
      `exec ${at}/ip-itself -force -batch - <${at}/batch`,
    ];
    await writeFile(join(at, 'slow'), `${script.join('\n')}\n`, { mode: 0o755 });
    const mount = `mount --bind ${join(at, 'slow')} ${ip} && exec "$@"`;
    return {
      started: start(['unshare', '--mount', 'sh', '-c', mount, 'sh', ...argv]),
      /** The pid of `ip`, once it has begun. */
      begun: async () => {
        await eventually(() => existsSync(join(at, 'pid'))).toBe(true);
        return Number(await readFile(join(at, 'pid'), 'utf8'));
      },
      go: () => writeFile(join(at, 'go'), ''),
    };
  }

  async function isFree(name: 'lock' | 'helper.lock'): Promise<boolean> {
    const file = await open(join(rig.state, name), 'r');
    try {
      return await new FlockLocks(new ProcessRunner()).tryLock(file.fd);
    } finally {
      await file.close();
    }
  }

  it('the one that waits is told who holds the lock, since when, doing what; one that does not wait is refused', async () => {
    const [first, second] = [await specFile(0), await specFile(1)];
    const holder = await held(apply(first, '0s'));
    await holder.begun();
    const who = new RegExp(`pid ${holder.started.child.pid}\\b.*since 20\\d\\d-[^:]*T.*apply ${first}`, 's');

    const impatient = start(apply(second, '0s'));
    expect(await impatient.code).toBe(7);
    expect(impatient.output()).toMatch(who);
    const waiter = start(apply(second, '2m'));
    await eventually(waiter.output).toMatch(who);
    expect(await isFree('lock')).toBe(false);
    expect(waiter.child.exitCode).toBeNull();

    await holder.go();
    expect(await holder.started.code, holder.started.output()).toBe(0);
    expect(await waiter.code, waiter.output()).toBe(0);
    await expectWhole(4);
  });

  it.each([
    ['mkplan', false],
    ['mkplan and its helper', true],
  ])(
    '%s killed: what they held is free as soon as the last child is gone, and not before',
    async (_, killsHelper) => {
      const [first, second] = [await specFile(0), await specFile(1)];
      const holder = await held(apply(first, '0s'));
      const ip = await holder.begun();
      const helper = await parentOf(ip);
      holder.started.child.kill('SIGKILL');
      await holder.started.code;
      if (killsHelper) {
        process.kill(helper, 'SIGKILL');
        await eventually(() => existsSync(`/proc/${helper}`)).toBe(false);
      }
      await eventually(() => isFree('lock')).toBe(true);
      expect(await isFree('helper.lock')).toBe(false);

      const next = start(apply(second, '0s'));
      await eventually(next.output).toMatch(/waiting/i);
      expect(await isFree('helper.lock')).toBe(false);
      expect(await rig.table()).toBe(before);
      await holder.go();
      expect(await next.code, next.output()).toBe(0);
      expect(next.output()).toMatch(/recovered/i);
      await expectWhole(2);
      expect((await rig.ours()).every((line) => /10\.[12]01\.0\.0/.test(line))).toBe(true);
    },
  );
});

/** The process that started this one, by proc_pid_stat(5). */
async function parentOf(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
}
