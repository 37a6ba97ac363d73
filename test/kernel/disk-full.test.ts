import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CommandResult } from '../../src/platform/command.ts';
import { requireNamespaces } from './netns.ts';
import { ALLOW, MOVED, Rig, specOf } from './rig.ts';

const refused = requireNamespaces();

/** Of the file system that the state is on, in pages of 4 KiB: it gives out nothing smaller. */
const PAGES = 64;

const CIDRS = Array.from({ length: 8 }, (_, index) => `10.${96 + index}.0.0/16`);

describe.skipIf(refused !== null)('a full disk', () => {
  let rig: Rig;
  let before: string;
  let enter: readonly string[];
  let volume: string;

  beforeEach(async () => {
    rig = await Rig.create();
    await rig.write(specOf({ cidrs: CIDRS }));
    volume = join(rig.directory, 'state');
    await mkdir(volume);
    const mount = `mount -t tmpfs -o size=${PAGES * 4}k,mode=0700 none '${volume}' && echo ready && exec cat`;
    const holder = rig.host.spawn(['unshare', '--mount', 'sh', '-c', mount]);
    if (holder.stdout === null) throw new Error('no output to wait for');
    await once(holder.stdout, 'data');
    enter = ['nsenter', '-m', '-t', String(holder.pid), '--'];
    before = await rig.table();
  });

  afterEach(async () => {
    await rig.close();
  });

  /** Runs where the small file system is mounted. */
  async function run(argv: readonly string[]): Promise<CommandResult> {
    const [program = '', ...args] = [...enter, ...argv];
    return await rig.host.processes.run([program, ...args], { timeoutMs: 60_000 });
  }

  const mkplan = (...args: readonly string[]) => run(rig.argv(...args));
  const apply = () => mkplan('apply', rig.spec, ...ALLOW);
  const shell = async (script: string) => {
    const result = await run(['sh', '-c', script]);
    expect(result.code, result.stderr).toBe(0);
    return result.stdout.trim();
  };

  /** Leaves so many pages free, and no more. */
  async function leave(pages: number): Promise<void> {
    const free = Number(await shell(`rm -f '${volume}/filler'; stat -f -c %f '${volume}'`));
    await shell(`head -c ${Math.max(0, free - pages) * 4096} /dev/zero >'${volume}/filler'`);
    expect(Number(await shell(`stat -f -c %f '${volume}'`))).toBe(Math.min(pages, free));
  }

  const makeRoom = () => shell(`rm '${volume}/filler'`);

  /** Raises the free pages until a command has enough, and holds every failure of it to what it says. */
  async function untilEnough(
    command: () => Promise<CommandResult>,
    start: () => Promise<string>,
    goOn: (as: string) => Promise<void>,
  ): Promise<number> {
    for (let pages = 0; ; pages++) {
      const table = await start();
      await leave(pages);
      const { code, stderr } = await command();
      const at = `${pages} pages free: exit ${code}\n${stderr}`;
      if (code === 0) {
        await makeRoom();
        return pages;
      }
      expect([1, 5, 6], at).toContain(code);
      expect(stderr, at).toMatch(/no space left|ENOSPC/i);
      expect(stderr, at).toContain('Free some space');
      expect(stderr, at).toContain('df -h');
      if (code === 6) expect(stderr, at).toContain('mkplan cleanup');
      else expect(await rig.table(), at).toBe(table);
      await makeRoom();
      await goOn(table);
    }
  }

  it('met by any write of an apply: nothing is changed or all is undone, the error says what to do, and then it works', async () => {
    const pages = await untilEnough(
      apply,
      async () => {
        await shell(`rm -rf '${volume}/mkplan'`);
        return before;
      },
      async () => {
        expect(await apply()).toMatchObject({ code: 0 });
        expect(await mkplan('plan', rig.spec, '--detailed-exitcode')).toMatchObject({ code: 0 });
        expect(await mkplan('destroy', rig.spec, '--auto-approve')).toMatchObject({ code: 0 });
        expect(await rig.table()).toBe(before);
      },
    );
    expect(pages).toBeGreaterThan(3);
    expect(await rig.ours()).toHaveLength(CIDRS.length);
  });

  it('met by any write of a gateway move: what was applied stays, and then it moves', async () => {
    const move = async () => {
      await rig.write(specOf({ gateway: MOVED, cidrs: CIDRS }));
      return await apply();
    };
    const pages = await untilEnough(
      move,
      async () => {
        await rig.write(specOf({ cidrs: CIDRS }));
        expect(await apply()).toMatchObject({ code: 0 });
        return await rig.table();
      },
      async () => {
        expect(await move()).toMatchObject({ code: 0 });
        expect((await rig.ours()).every((line) => line.includes(MOVED))).toBe(true);
        await mkplan('destroy', rig.spec, '--auto-approve');
        expect(await rig.table()).toBe(before);
      },
    );
    expect(pages).toBeGreaterThan(3);
  });

  it.each([
    ['plan', 'plan', '--out'],
    ['observation', 'observe', '--out'],
  ])(
    'met by the file of a %s leaves no half of it, and the same command works once there is room',
    async (_, verb, option) => {
      const file = join(volume, 'made');
      await leave(0);
      const full = await mkplan(verb, rig.spec, option, file);
      expect(full.code, full.stderr).toBe(1);
      expect(full.stderr).toMatch(/no space left|ENOSPC/i);
      expect(full.stderr).toContain('file-not-written');
      await makeRoom();
      expect(await mkplan(verb, rig.spec, option, file)).toMatchObject({ code: 0 });
    },
  );

  it('keeps a saved plan from being applied, says why, and does not use it up', async () => {
    const file = join(rig.directory, 'saved.json');
    expect(await mkplan('plan', rig.spec, '--out', file)).toMatchObject({ code: 0 });
    // A page each for the directories; none for what is written into them.
    for (const pages of [0, 1, 2]) {
      await leave(pages);
      const full = await mkplan('apply', file, ...ALLOW.slice(1));
      expect([1, 5], full.stderr).toContain(full.code);
      expect(full.stderr).toContain('Free some space');
      expect(await rig.table()).toBe(before);
      await makeRoom();
    }
    expect(await mkplan('apply', file, ...ALLOW.slice(1))).toMatchObject({ code: 0 });
  });

  it('that is full of files, too: no new one can be made', async () => {
    await shell(`mount -o remount,nr_inodes=4 '${volume}'`);
    const full = await apply();
    expect(full.code, full.stderr).toBe(1);
    expect(full.stderr).toContain('Free some space');
    expect(await rig.table()).toBe(before);
    await shell(`mount -o remount,nr_inodes=100 '${volume}'`);
    expect(await apply()).toMatchObject({ code: 0 });
  });

  it('that may only be read: what changes is refused with the reason, what shows still shows', async () => {
    expect(await apply()).toMatchObject({ code: 0 });
    const applied = await rig.table();
    await shell(`mount -o remount,ro '${volume}'`);
    for (const verb of ['apply', 'destroy'] as const) {
      const args = verb === 'apply' ? ALLOW : ALLOW.slice(0, 1);
      const readOnly = await mkplan(verb, rig.spec, ...args);
      expect(readOnly.code, readOnly.stderr).toBe(1);
      expect(readOnly.stderr).toContain('Make that file system writable');
      expect(readOnly.stderr).toContain('findmnt');
    }
    expect(await mkplan('plan', rig.spec, '--detailed-exitcode')).toMatchObject({ code: 0 });
    expect((await mkplan('status', rig.spec)).stdout).toContain(CIDRS[0]);
    expect(await rig.table()).toBe(applied);
    await shell(`mount -o remount,rw '${volume}'`);
    expect(await mkplan('destroy', rig.spec, '--auto-approve')).toMatchObject({ code: 0 });
    expect(await rig.table()).toBe(before);
  });
});
