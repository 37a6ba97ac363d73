import { type ChildProcess, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { requireNamespaces } from './netns.ts';
import { ALLOW, LARGE_SPEC, Rig, specOf } from './rig.ts';

const refused = requireNamespaces();

const SPEC = specOf({ cidrs: ['10.96.0.0/12', '10.244.0.0/16'] });

/** Longer than any of these tests waits. */
const LONG = '10m';

describe.skipIf(refused !== null)('apply --confirm-within', () => {
  let rig: Rig;
  let before: string;

  beforeEach(async () => {
    rig = await Rig.create();
    before = await rig.table();
    await rig.write(SPEC);
  });

  afterEach(async () => {
    // What would still wait ends with the journal that it waits for.
    await rig.mkplan('confirm');
    await rig.close();
  });

  const within = (time: string, ...args: readonly string[]) => rig.apply('--confirm-within', time, ...args);

  const isBefore = async () =>
    await expect.poll(() => rig.table(), { timeout: 60_000, interval: 200 }).toBe(before);

  /** The pid of the guard; it runs with this transaction's id. */
  async function guardPid(): Promise<number> {
    const journal = await readFile(join(rig.state, 'journal.ndjson'), 'utf8');
    const [, txid = ''] = /"txid":"([^"]+)"/.exec(journal) ?? [];
    const found = spawnSync('pgrep', ['-f', `main.js guard ${txid}`], { encoding: 'utf8' });
    return Number(found.stdout.trim().split('\n')[0]);
  }

  async function kill(pid: number, signal: NodeJS.Signals): Promise<void> {
    process.kill(pid, signal);
    await expect
      .poll(
        () =>
          stat(`/proc/${pid}`).then(
            () => true,
            () => false,
          ),
        { timeout: 30_000 },
      )
      .toBe(false);
  }

  /** An apply in a terminal of its own, once it asks whether to keep what it made. */
  async function asked(
    time: string,
  ): Promise<{ terminal: ChildProcess; output: () => string; exit: Promise<unknown[]> }> {
    const words = rig.argv('apply', rig.spec, ...ALLOW, '--confirm-within', time).map((word) => `'${word}'`);
    const terminal = rig.host.spawn(['script', '-qefc', words.join(' '), '/dev/null']);
    let output = '';
    terminal.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
      output += chunk;
    });
    const exit = once(terminal, 'exit');
    await expect.poll(() => output, { timeout: 60_000 }).toContain('keeps it');
    return { terminal, output: () => output, exit };
  }

  it('stays when it is confirmed from another process, and the guard ends', async () => {
    const applied = await within(LONG);
    expect(applied).toMatchObject({ code: 0 });
    expect(applied.stderr).toContain('mkplan confirm');
    const pid = await guardPid();
    const status = await rig.mkplan('status', rig.spec);
    expect(status.stdout).toMatch(/undone in \d+ s/);
    expect(status.stdout).toContain('present');
    expect(await rig.mkplan('confirm', rig.spec)).toMatchObject({ code: 0 });
    expect(await rig.ours()).toHaveLength(2);
    await expect
      .poll(
        () =>
          stat(`/proc/${pid}`).then(
            () => true,
            () => false,
          ),
        { timeout: 30_000 },
      )
      .toBe(false);
    expect(await rig.plan('--detailed-exitcode')).toMatchObject({ code: 0 });
    expect(await rig.destroy()).toMatchObject({ code: 0 });
    expect(await rig.table()).toBe(before);
  });

  it('is undone by its guard when nobody confirms, and confirming then says so', async () => {
    expect(await within('1s')).toMatchObject({ code: 0 });
    await isBefore();
    const late = await rig.mkplan('confirm');
    expect(late).toMatchObject({ code: 5 });
    expect(late.stderr).toContain('Not confirmed');
    expect((await rig.plan()).stdout).toContain('Plan: 2 to add');
  });

  it('is kept by a yes at its prompt, and undone by a no', async () => {
    const kept = await asked(LONG);
    kept.terminal.stdin?.write('\nyes\n');
    expect((await kept.exit)[0], kept.output()).toBe(0);
    expect(await rig.ours()).toHaveLength(2);
    await rig.destroy();
    const undone = await asked(LONG);
    undone.terminal.stdin?.write('no\n');
    expect((await undone.exit)[0], undone.output()).toBe(5);
    expect(await rig.table()).toBe(before);
  });

  it('is undone at once by Ctrl-C at its prompt', async () => {
    const { terminal, exit, output } = await asked(LONG);
    terminal.stdin?.write('\x03');
    expect((await exit)[0], output()).toBe(130);
    expect(await rig.table()).toBe(before);
  });

  it('is undone in time when its terminal is closed', async () => {
    const { terminal, exit } = await asked('15s');
    // script(1) has the other side of the terminal: its end hangs the terminal up.
    terminal.kill('SIGKILL');
    await exit;
    await isBefore();
  });

  it('is undone in time when it is killed at its prompt', async () => {
    const { terminal, exit } = await asked('15s');
    const lines = spawnSync('pgrep', ['-f', `main.js apply ${rig.spec}`], { encoding: 'utf8' }).stdout;
    for (const pid of lines.trim().split('\n').map(Number)) await kill(pid, 'SIGKILL').catch(() => undefined);
    terminal.kill();
    await exit;
    await isBefore();
  });

  it('is undone at once when it is killed while its routes are going in', async () => {
    await rig.write(LARGE_SPEC);
    const { changing } = await rig.listen();
    const child = rig.host.spawn(rig.argv('apply', rig.spec, ...ALLOW, '--confirm-within', LONG));
    const ended = once(child, 'exit');
    await changing;
    child.kill('SIGKILL');
    await ended;
    await isBefore();
  });

  it('is undone by the next command when its guard was killed too', async () => {
    expect(await within('20s')).toMatchObject({ code: 0 });
    await kill(await guardPid(), 'SIGKILL');
    expect(await rig.ours()).toHaveLength(2);
    await expect
      .poll(async () => (await rig.mkplan('cleanup', '--auto-approve')).code, { timeout: 60_000 })
      .toBe(0);
    expect(await rig.table()).toBe(before);
  });

  it('is undone at once when its guard is told to end', async () => {
    expect(await within(LONG)).toMatchObject({ code: 0 });
    await kill(await guardPid(), 'SIGTERM');
    expect(await rig.table()).toBe(before);
  });

  it('lets nothing else be changed meanwhile, and says how to go on', async () => {
    expect(await within(LONG)).toMatchObject({ code: 0 });
    const applied = await rig.table();
    for (const again of [
      await rig.apply(),
      await rig.destroy(),
      await rig.mkplan('cleanup', '--auto-approve'),
    ]) {
      expect(again).toMatchObject({ code: 7 });
      expect(again.stderr).toContain('mkplan confirm');
    }
    expect(await rig.table()).toBe(applied);
    expect((await rig.plan()).stderr).toContain('waits to be confirmed');
  });

  it('leaves a route that somebody put in the place of ours, and names it', async () => {
    expect(await within('20s')).toMatchObject({ code: 0 });
    await rig.ip('route', 'del', '10.96.0.0/12', 'proto', '109');
    await rig.ip('route', 'add', '10.96.0.0/12', 'via', '10.8.0.1', 'metric', '109', 'proto', 'static');
    await expect.poll(() => rig.ours(), { timeout: 60_000, interval: 200 }).toEqual([]);
    await expect
      .poll(async () => (await rig.mkplan('status', rig.spec)).stdout, { timeout: 60_000 })
      .toMatch(/left: .*10\.96\.0\.0\/12/);
    expect(await rig.mkplan('confirm')).toMatchObject({ code: 6 });
    expect(await rig.table()).toContain('10.96.0.0/12 via 10.8.0.1');
  });
});
