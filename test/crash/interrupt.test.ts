import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { requireNamespaces } from '../kernel/netns.ts';
import { ALLOW, LARGE_SPEC, Rig } from '../kernel/rig.ts';

const refused = requireNamespaces();

describe.skipIf(refused !== null)('an apply that is cut off', () => {
  let rig: Rig;
  let before: string;

  beforeEach(async () => {
    rig = await Rig.create();
    before = await rig.table();
    await rig.write(LARGE_SPEC);
  });

  afterEach(async () => {
    await rig.close();
  });

  it('is recovered by the next command when it was killed between the kernel change and the registry commit', async () => {
    const { changing } = await rig.listen();
    const child = rig.host.spawn(rig.argv('apply', rig.spec, ...ALLOW));
    const ended = once(child, 'exit');
    await changing;
    child.kill('SIGKILL');
    await ended;
    const journal = await readFile(join(rig.state, 'journal.ndjson'), 'utf8');
    expect(journal).toContain('10.96.0.0/28');
    expect((await rig.ours()).length).toBeGreaterThan(0);

    const planned = await rig.plan();
    expect(planned.stderr + planned.stdout).toMatch(/interrupted/);
    for (const args of [[rig.spec], [], [rig.spec, '--json']]) {
      const status = await rig.mkplan('status', ...args);
      expect(status.stderr).toMatch(/an interrupted apply \(.*mkplan cleanup/s);
    }
    const cleaned = await rig.mkplan('cleanup', '--auto-approve');
    expect(cleaned).toMatchObject({ code: 0 });
    expect(cleaned.stderr + cleaned.stdout).toMatch(/recovered/i);
    expect(await rig.table()).toBe(before);

    expect(await rig.apply()).toMatchObject({ code: 0 });
    expect(await rig.ours()).toHaveLength(10_000);
    expect(await rig.destroy()).toMatchObject({ code: 0 });
    expect(await rig.table()).toBe(before);
  });

  /** An apply in a terminal of its own, which gets these keys as soon as the kernel shows a route of ours. */
  async function pressed(keys: string): Promise<{ readonly code: unknown; readonly output: string }> {
    const { changing } = await rig.listen();
    const command = rig
      .argv('apply', rig.spec, ...ALLOW)
      .map((word) => `'${word}'`)
      .join(' ');
    const terminal = rig.host.spawn([
      'script',
      '--quiet',
      '--return',
      '--flush',
      '--command',
      command,
      '/dev/null',
    ]);
    let output = '';
    terminal.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
      output += chunk;
    });
    const ended = once(terminal, 'exit');
    await changing;
    terminal.stdin?.write(keys);
    const [code] = await ended;
    return { code, output };
  }

  it('is rolled back at Ctrl-C in a terminal while its routes are going in, and exits with 130', async () => {
    const { code, output } = await pressed('\x03');
    expect(code, output.slice(-2000)).toBe(130);
    expect(output).toContain('Rolled back');
    expect(await rig.ours()).toEqual([]);
    expect(await rig.table()).toBe(before);
    expect((await rig.plan()).stdout).toContain('Plan: 10000 to add');
  });

  it('leaves at once at a second Ctrl-C, and the next command recovers', async () => {
    await pressed('\x03\x03');
    expect(await rig.mkplan('cleanup', '--auto-approve')).toMatchObject({ code: 0 });
    expect(await rig.table()).toBe(before);
  });
});
