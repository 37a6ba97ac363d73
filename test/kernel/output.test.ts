import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CommandResult } from '../../src/platform/command.ts';
import { requireNamespaces } from './netns.ts';
import { ALLOW, Rig, specOf } from './rig.ts';

const refused = requireNamespaces();

const CIDRS = Array.from({ length: 200 }, (_, index) => `10.96.${index}.0/24`);

describe.skipIf(refused !== null)('output that cannot be written', () => {
  let rig: Rig;
  let before: string;
  let volume: string;
  let enter: readonly [string, ...string[]];

  beforeEach(async () => {
    rig = await Rig.create();
    await rig.write(specOf({ cidrs: CIDRS }));
    volume = join(rig.directory, 'volume');
    await mkdir(volume);
    const mount = `mount -t tmpfs -o size=8k,mode=0700 none '${volume}' && echo ready && exec cat`;
    const holder = rig.host.spawn(['unshare', '--mount', 'sh', '-c', mount]);
    if (holder.stdout === null) throw new Error('no output to wait for');
    await once(holder.stdout, 'data');
    enter = ['nsenter', '-m', '-t', String(holder.pid), '--'];
    before = await rig.table();
  });

  afterEach(async () => {
    await rig.close();
  });

  /** Runs a fixed script, whose "$@" is a command line of mkplan, where the small file system is mounted. */
  async function shell(script: string, ...args: readonly string[]): Promise<CommandResult> {
    const [program = '', ...rest] = [...enter, 'sh', '-c', script, 'sh', ...rig.argv(...args)];
    return await rig.host.processes.run([program, ...rest], { timeoutMs: 60_000 });
  }

  const into = (where: string, ...args: readonly string[]) => shell(`exec "$@" ${where}`, ...args);

  it('plans, applies and takes back where the directory for temporary files is full', async () => {
    const full = `cat /dev/zero >'${volume}/fill' 2>/dev/null; TMPDIR='${volume}' exec "$@"`;
    expect(await shell(full, 'plan', rig.spec, ...ALLOW.slice(1))).toMatchObject({ code: 0 });
    expect(await shell(full, 'apply', rig.spec, ...ALLOW)).toMatchObject({ code: 0 });
    expect(await rig.table()).not.toBe(before);
    expect(await shell(full, 'destroy', rig.spec, '--auto-approve')).toMatchObject({ code: 0 });
    expect(await rig.table()).toBe(before);
  });

  it.each([
    ['a disk that fills up', () => `>'${volume}/log'`],
    ['a full device', () => '>/dev/full'],
    ['a closed descriptor', () => '>&-'],
    ['closed descriptors, all of them', () => '<&- >&- 2>&-'],
    ['a disk that fills up, errors included', () => `>'${volume}/log' 2>&1`],
  ])('%s lets apply and destroy do their work, and decides no exit code', async (_, where) => {
    for (const json of [[], ['--json']]) {
      const applied = await into(where(), ...json, 'apply', rig.spec, ...ALLOW);
      expect(applied.code, applied.stderr).toBe(0);
      expect(applied.stderr).not.toMatch(/^ +at /m);
      expect(await rig.ours()).toHaveLength(CIDRS.length);
      await shell(`rm -f '${volume}/log'`);
      expect(await into(where(), ...json, 'destroy', rig.spec, '--auto-approve')).toMatchObject({ code: 0 });
      expect(await rig.table()).toBe(before);
    }
  });

  it('is told at the end, and fails a command that is run for its output', async () => {
    const applied = await into('>/dev/full', 'apply', rig.spec, ...ALLOW);
    expect(applied.stderr).toMatch(/warning: part of the output .*\[output-lost\]/);
    for (const args of [
      ['plan', rig.spec],
      ['status', rig.spec],
      ['observe', rig.spec],
      ['--help'],
      ['schema'],
    ]) {
      const lost = await into('>/dev/full', ...args);
      expect(lost.code, args.join(' ')).toBe(1);
    }
    expect(await shell('"$@" | true', 'observe', rig.spec)).toMatchObject({ code: 0, stderr: '' });
  });

  it.each([
    ['a full disk', () => `>'${volume}/log' 2>&1`],
    ['a pipe that nobody reads', () => `>'${volume}/pipe' 2>&1`],
  ])(
    '%s behind a session: it goes on, takes away what it made, and ends when it is told to',
    async (_, where) => {
      await rig.write(specOf({ cidrs: ['10.96.0.0/16'] }));
      await shell(`mkfifo '${volume}/pipe'`);
      // The script holds both ends of the pipe, and reads nothing.
      const script = `exec 3<>'${volume}/pipe'; head -c 1048576 /dev/zero >'${volume}/fill' 2>/dev/null; exec "$@" ${where()}`;
      const args = ['--json', 'watch', rig.spec, ...ALLOW];
      const session = rig.host.spawn([...enter, 'sh', '-c', script, 'sh', ...rig.argv(...args)]);
      const ended = once(session, 'exit');
      for (let round = 0; round < 3; round++) {
        await expect.poll(() => rig.ours(), { timeout: 20_000 }).toHaveLength(1);
        await rig.ip('route', 'del', '10.96.0.0/16');
      }
      session.kill('SIGINT');
      expect(await ended).toEqual([0, null]);
      expect(await rig.table()).toBe(before);
    },
  );

  it('gets the later lines of a session once there is room again', async () => {
    await rig.write(specOf({ cidrs: ['10.96.0.0/16'] }));
    const script = `head -c 1048576 /dev/zero >'${volume}/fill' 2>/dev/null; exec "$@" >>'${volume}/log'`;
    const argv = rig.argv('--json', 'watch', rig.spec, ...ALLOW);
    const session = rig.host.spawn([...enter, 'sh', '-c', script, 'sh', ...argv]);
    const ended = once(session, 'exit');
    await expect.poll(() => rig.ours(), { timeout: 20_000 }).toHaveLength(1);
    await shell(`rm '${volume}/fill'`);
    session.kill('SIGINT');
    await ended;
    const { stdout } = await shell(`cat '${volume}/log'`);
    expect(stdout).toContain('"type":"summary"');
  });
});

describe.skipIf(refused !== null)('a system that gives little', () => {
  let rig: Rig;
  let before: string;

  beforeEach(async () => {
    rig = await Rig.create();
    await rig.write(specOf({ cidrs: ['10.96.0.0/24', '10.97.0.0/24'] }));
    before = await rig.table();
  });

  afterEach(async () => {
    await rig.close();
  });

  const CRASH = /Unhandled|internal-error|\[unexpected\]|^ +at /m;

  it.each([
    ['apply', () => [rig.spec, ...ALLOW]],
    ['status', () => [rig.spec]],
    ['destroy', () => [rig.spec, '--auto-approve']],
    ['cleanup', () => ['--auto-approve']],
    ['observe', () => [rig.spec]],
  ])(
    '%s with 20 to 40 descriptors does its work or says what is missing, and changes nothing',
    async (verb, args) => {
      for (const limit of [20, 22, 26, 30, 32, 34, 36, 40]) {
        const argv = ['prlimit', `--nofile=${limit}`, ...rig.argv(verb, ...args())] as const;
        const { code, stderr } = await rig.host.run(argv, { timeoutMs: 60_000 });
        expect(stderr, `${limit} descriptors`).not.toMatch(CRASH);
        if (code === 1) expect(await rig.table(), `${limit} descriptors`).toBe(before);
        if (code !== 0) expect(stderr, `${limit} descriptors`).toMatch(/system-limit|EMFILE/);
        if (verb === 'apply') await rig.destroy();
      }
    },
  );

  const mkplan = async (script: string, ...args: readonly string[]) =>
    await rig.host.run(['sh', '-c', script, 'sh', ...rig.argv(...args)], { timeoutMs: 60_000 });

  it.each(['plan', 'apply', 'status', 'observe', 'destroy', 'validate', 'cleanup', 'confirm'])(
    '%s in a working directory that is gone says so',
    async (verb) => {
      const gone = join(rig.directory, 'gone');
      const { code, stderr } = await mkplan(
        `mkdir '${gone}'; cd '${gone}'; rmdir '${gone}'; exec "$@"`,
        verb,
      );
      expect(code).toBe(1);
      expect(stderr).toMatch(/^error: the working directory .*\[working-directory\]/);
      expect(stderr).not.toMatch(CRASH);
    },
  );

  it.each([
    ['plan', []],
    ['apply', ALLOW],
    ['status', []],
    ['cleanup', ['--auto-approve']],
  ])('%s without /proc says what to mount', async (verb, args) => {
    const script = 'mount -t tmpfs none /proc && exec "$@"';
    const spec = verb === 'cleanup' ? [] : [rig.spec];
    const argv = ['unshare', '-m', 'sh', '-c', script, 'sh', ...rig.argv(verb, ...spec, ...args)] as const;
    const { code, stderr } = await rig.host.run(argv, { timeoutMs: 60_000 });
    expect(code).toBe(1);
    expect(stderr).toMatch(/proc\(5\)/);
    expect(stderr).not.toMatch(CRASH);
    expect(await rig.table()).toBe(before);
  });

  const FOLDERS = ['applied-plans', 'sessions'];
  const FILES = ['registry.json', 'journal.ndjson', 'lock'];

  it.each([
    ['a file', (path: string) => `touch '${path}'`, FOLDERS],
    ['a pipe', (path: string) => `mkfifo '${path}'`, [...FOLDERS, ...FILES]],
    ['a dangling link', (path: string) => `ln -s /nonexistent '${path}'`, [...FOLDERS, ...FILES]],
    ['what others may write', (path: string) => `mkdir -m 777 '${path}'`, [...FOLDERS, ...FILES]],
  ])('refuses %s in place of its own directories and files, and hangs on none', async (_, make, names) => {
    const plan = join(rig.directory, 'saved.json');
    for (const name of names) {
      await rig.host.run(['rm', '-rf', rig.state, plan]);
      expect(await rig.plan('--out', plan, ...ALLOW.slice(1))).toMatchObject({ code: 0 });
      await mkdir(rig.state, { recursive: true, mode: 0o700 });
      await rig.host.must(['sh', '-c', make(join(rig.state, name))]);
      const args = name === 'sessions' ? ['watch', rig.spec, ...ALLOW] : ['apply', plan, ...ALLOW.slice(1)];
      const { code, stderr } = await rig.mkplan(...args);
      expect(code, `${name}: ${stderr}`).toBe(1);
      expect(stderr, name).toMatch(/\[state-(file|not-ours|symlink)\]/);
      expect(stderr, name).toContain(name);
      expect(await rig.table()).toBe(before);
    }
  });

  it.each([
    ['empty', 'HOME='],
    ['relative', 'HOME=here'],
  ])('keeps nothing in the working directory where HOME is %s', async (_, home) => {
    const [program, ...words] = rig.argv('plan', rig.spec);
    const argv = words
      .filter((word) => !/^(XDG_STATE_HOME|MINIKUBE_HOME|KUBECONFIG)=/.test(word))
      .map((word) => (word.startsWith('HOME=') ? home : word));
    const here = join(rig.directory, 'here');
    await mkdir(here);
    const unset = ['-u', 'XDG_STATE_HOME', '-u', 'MINIKUBE_HOME', '-u', 'KUBECONFIG'];
    const script = `cd '${here}' && exec "$@"`;
    const { code, stderr } = await rig.host.run(['sh', '-c', script, 'sh', program, ...unset, ...argv], {
      timeoutMs: 60_000,
    });
    expect(code, stderr).toBe(0);
    expect(await rig.host.must(['ls', '-A', here])).toBe('');
  });

  it('stops at a prompt without a word of rolling back, since nothing was begun', async () => {
    const [program, ...args] = rig.argv('apply', rig.spec, ...ALLOW.slice(1));
    const quoted = [program, ...args].map((word) => `'${word}'`).join(' ');
    const session = rig.host.spawn(['script', '-qec', quoted, '/dev/null']);
    let shown = '';
    session.stdout?.setEncoding('utf8').on('data', (text: string) => {
      const asked = shown.includes('Apply this plan?');
      shown += text;
      if (!asked && shown.includes('Apply this plan?')) session.stdin?.write('\u0003');
    });
    expect(await once(session, 'exit')).toEqual([130, null]);
    expect(shown).toContain('Got SIGINT: stopping.');
    expect(shown).not.toMatch(/roll/i);
    expect(await rig.table()).toBe(before);
  });
});
