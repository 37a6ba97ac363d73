import { readFile, writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Plan } from '../../src/model/plan.ts';
import { decodeSavedPlan, encodeSavedPlan } from '../../src/planner/saved-plan.ts';
import { requireNamespaces } from './netns.ts';
import { MOVED, Rig, specOf, VM } from './rig.ts';

const refused = requireNamespaces();

describe.skipIf(refused !== null)('mkplan on a live kernel', () => {
  let rig: Rig;
  let before: string;

  beforeEach(async () => {
    rig = await Rig.create();
    before = await rig.table();
  });

  afterEach(async () => {
    await rig.close();
  });

  const SPEC = specOf({ cidrs: ['10.96.0.0/12', '10.244.0.0/16'] });

  it('plans, applies as planned, sees nothing more to do, and destroys to the table of the start', async () => {
    await rig.write(SPEC);
    const planned = await rig.plan('--detailed-exitcode');
    expect(planned).toMatchObject({ code: 2 });
    expect(planned.stdout).toContain('+ 10.96.0.0/12');
    expect(planned.stdout).toContain('Plan: 2 to add, 0 to replace, 0 to delete');
    expect(await rig.table()).toBe(before);

    expect(await rig.apply()).toMatchObject({ code: 0 });
    expect(await rig.ours()).toEqual([
      `1 10.96.0.0/12 via ${VM} dev vm0 table 254 proto 109 scope 0 metric 109`,
      `1 10.244.0.0/16 via ${VM} dev vm0 table 254 proto 109 scope 0 metric 109`,
    ]);
    const again = await rig.plan('--detailed-exitcode');
    expect(again).toMatchObject({ code: 0 });
    expect(again.stdout).toContain('No changes');

    expect(await rig.destroy()).toMatchObject({ code: 0 });
    expect(await rig.table()).toBe(before);
  });

  it('routes IPv6 likewise', async () => {
    await rig.write(specOf({ gateway: 'fd00:39::174', cidrs: ['fd00:96::/112'] }));
    expect(await rig.apply()).toMatchObject({ code: 0 });
    expect(await rig.ours()).toEqual([
      '1 fd00:96::/112 via fd00:39::174 dev vm0 table 254 proto 109 scope 0 metric 109 pref medium',
    ]);
    expect(await rig.plan('--detailed-exitcode')).toMatchObject({ code: 0 });
    expect(await rig.destroy()).toMatchObject({ code: 0 });
    expect(await rig.table()).toBe(before);
  });

  it('shows the drift when a route of ours is deleted by hand, and puts it back', async () => {
    await rig.write(SPEC);
    await rig.apply();
    const applied = await rig.table();
    await rig.ip('route', 'del', '10.96.0.0/12');
    const drifted = await rig.plan('--detailed-exitcode');
    expect(drifted).toMatchObject({ code: 2 });
    expect(drifted.stdout).toMatch(/\+ 10\.96\.0\.0\/12 .*drift/);
    expect(await rig.apply()).toMatchObject({ code: 0 });
    expect((await rig.table()).split('\n').sort()).toEqual(applied.split('\n').sort());
  });

  it('moves to another gateway without leaving the destination without a route', async () => {
    await rig.write(SPEC);
    await rig.apply();
    await rig.write(specOf({ gateway: MOVED, cidrs: ['10.96.0.0/12', '10.244.0.0/16'] }));
    const planned = await rig.plan();
    expect(planned.stdout).toContain('~ 10.96.0.0/12');

    const monitor = rig.host.spawn(['ip', 'monitor', 'route']);
    let events = '';
    monitor.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
      events += chunk;
    });
    // The monitor is listening once it reports a change of ours.
    await expect
      .poll(
        async () => {
          await rig.ip('route', 'replace', '192.0.2.1/32', 'dev', 'lan0');
          await rig.ip('route', 'del', '192.0.2.1/32');
          return events;
        },
        { timeout: 10_000 },
      )
      .toContain('192.0.2.1');
    expect(await rig.apply()).toMatchObject({ code: 0 });
    await expect.poll(() => events, { timeout: 10_000 }).toContain('Deleted 10.244.0.0/16');
    const moves = events.split('\n').filter((line) => line.includes('10.96.0.0/12'));
    expect(moves[0]).toMatch(new RegExp(`^10.96.0.0/12 via ${MOVED} dev vm0 proto 109 metric 110`));
    expect(moves[1]).toMatch(new RegExp(`^Deleted 10.96.0.0/12 via ${VM} dev vm0 proto 109 metric 109`));
    expect(moves).toHaveLength(2);
    expect(await rig.plan('--detailed-exitcode')).toMatchObject({ code: 0 });
    expect(await rig.destroy()).toMatchObject({ code: 0 });
    expect(await rig.table()).toBe(before);
  });

  it('undoes fifty routes when the thirtieth cannot be made, and says which, why and what to do', async () => {
    const profiles = Array.from({ length: 50 }, (_, index) => `10.${96 + index}.0.0/16`);
    await rig.write(
      specOf(
        { name: 'a', cidrs: profiles.slice(0, 29) },
        // The broadcast address is on the network, so only the kernel refuses it.
        { name: 'b', gateway: '192.168.39.255', cidrs: profiles.slice(29, 30) },
        { name: 'c', cidrs: profiles.slice(30) },
      ),
    );
    expect((await rig.plan()).stdout).toContain('Plan: 50 to add');
    const applied = await rig.apply();
    expect(applied.code).toBe(5);
    expect(applied.stderr).toContain('step 30');
    expect(applied.stderr).toContain('10.125.0.0/16');
    expect(applied.stderr).toContain('192.168.39.255');
    expect(applied.stderr).toMatch(/why .*/);
    expect(applied.stderr).toMatch(/fix .*/);
    expect(await rig.table()).toBe(before);
    const status = await rig.mkplan('status', '--json');
    expect(status.stdout).not.toContain('10.96.0.0/16');
    expect((await rig.plan()).stdout).toContain('Plan: 50 to add');
  });

  it('sets a profile aside whose gateway is on no network of this host, and applies the rest', async () => {
    const off = { name: 'b', gateway: '192.168.77.9', cidrs: ['10.97.0.0/16'] };
    await rig.write(specOf({ name: 'a', cidrs: ['10.96.0.0/16'] }, off));
    expect((await rig.apply('--strict')).code).toBe(4);
    expect(await rig.table()).toBe(before);
    const applied = await rig.apply();
    expect([applied.code, applied.stdout]).toEqual([
      8,
      expect.stringContaining('Set aside: b (out-of-reach).'),
    ]);
    expect(await rig.table()).not.toBe(before);
    await rig.write(specOf(off));
    expect((await rig.apply()).code).toBe(4);
  });

  describe.each([
    ['on it, metric 0', ['10.96.0.0/12', 'via', '10.8.0.1', 'dev', 'tun0']],
    ['on it, metric 4000', ['10.96.0.0/12', 'via', '10.8.0.1', 'dev', 'tun0', 'metric', '4000']],
    ['inside it', ['10.100.0.0/16', 'via', '10.8.0.1', 'dev', 'tun0', 'metric', '50']],
    ['inside it, a blackhole', ['blackhole', '10.100.0.0/16']],
    ['inside it, on-link', ['10.100.0.0/16', 'dev', 'tun0', 'scope', 'link']],
  ])('a foreign route %s', (_, route) => {
    it('refuses the plan under abort and changes nothing', async () => {
      await rig.ip('route', 'add', ...route);
      const table = await rig.table();
      await rig.write(SPEC);
      expect(await rig.plan()).toMatchObject({ code: 4 });
      const applied = await rig.apply();
      expect(applied.code).toBe(4);
      expect(applied.stdout + applied.stderr).toContain('conflictPolicy: skip');
      expect(await rig.table()).toBe(table);
    });

    it('leaves that route out under skip, and the foreign route is the same after apply and destroy', async () => {
      await rig.ip('route', 'add', ...route);
      const table = await rig.table();
      await rig.write(specOf({ cidrs: ['10.96.0.0/12', '10.244.0.0/16'], conflictPolicy: 'skip' }));
      expect(await rig.apply()).toMatchObject({ code: 0 });
      expect(await rig.ours()).toEqual([
        `1 10.244.0.0/16 via ${VM} dev vm0 table 254 proto 109 scope 0 metric 109`,
      ]);
      for (const line of table.split('\n')) expect(await rig.table()).toContain(line);
      expect(await rig.destroy()).toMatchObject({ code: 0 });
      expect(await rig.table()).toBe(table);
    });
  });

  it('warns of a foreign route over it, waits for approval, and leaves that route as it is', async () => {
    await rig.ip('route', 'add', '10.0.0.0/8', 'via', '10.8.0.1', 'dev', 'tun0', 'metric', '50');
    const table = await rig.table();
    await rig.write(SPEC);
    const planned = await rig.plan();
    expect(planned.code).toBe(0);
    expect(planned.stdout).toContain('covers');
    const applied = await rig.apply();
    expect(applied.code).toBe(4);
    expect(applied.stderr).toContain('--allow');
    expect(await rig.table()).toBe(table);
    expect(await rig.apply('--allow', 'gateway,unconfirmed,covers')).toMatchObject({ code: 0 });
    for (const line of table.split('\n')) expect(await rig.table()).toContain(line);
    expect(await rig.plan('--detailed-exitcode')).toMatchObject({ code: 0 });
    expect(await rig.destroy()).toMatchObject({ code: 0 });
    expect(await rig.table()).toBe(table);
  });

  it('leaves a foreign route alone that does the same already, also on destroy', async () => {
    await rig.ip('route', 'add', '10.96.0.0/12', 'via', VM, 'dev', 'vm0');
    const table = await rig.table();
    await rig.write(specOf({ cidrs: ['10.96.0.0/12'] }));
    expect(await rig.plan('--detailed-exitcode')).toMatchObject({ code: 0 });
    expect(await rig.apply()).toMatchObject({ code: 0 });
    expect(await rig.destroy()).toMatchObject({ code: 0 });
    expect(await rig.table()).toBe(table);
  });

  it('refuses a destination that a table asked before main answers for', async () => {
    await rig.ip('route', 'add', '10.0.0.0/8', 'dev', 'tun0', 'table', '52');
    await rig.ip('rule', 'add', 'priority', '5270', 'lookup', '52');
    await rig.write(SPEC);
    const planned = await rig.plan();
    expect(planned.code).toBe(4);
    expect(planned.stdout).toContain('table 52');
  });

  it('is not fooled by a rule that only discards the default of main', async () => {
    await rig.ip('route', 'add', 'default', 'dev', 'tun0', 'table', '51820');
    await rig.ip('rule', 'add', 'priority', '32764', 'lookup', 'main', 'suppress_prefixlength', '0');
    await rig.ip('rule', 'add', 'priority', '32765', 'not', 'fwmark', '51820', 'lookup', '51820');
    await rig.write(SPEC);
    expect(await rig.apply()).toMatchObject({ code: 0 });
    expect(await rig.ip('route', 'get', '10.96.0.1')).toContain(`via ${VM} dev vm0`);
  });

  it('applies a saved plan once, and refuses it when its facts have changed', async () => {
    await rig.write(SPEC);
    const file = `${rig.directory}/saved.json`;
    expect(await rig.plan('--out', file)).toMatchObject({ code: 0 });
    expect((await rig.mkplan('show', file)).stdout).toContain('+ 10.96.0.0/12');
    await rig.ip('route', 'add', '10.0.0.0/8', 'via', '10.8.0.1', 'dev', 'tun0');
    expect(await rig.mkplan('apply', file, ...['--allow', 'gateway,unconfirmed,covers'])).toMatchObject({
      code: 3,
    });
    await rig.ip('route', 'del', '10.0.0.0/8');
    expect(await rig.mkplan('apply', file, '--allow', 'gateway,unconfirmed')).toMatchObject({ code: 0 });
    expect(await rig.destroy()).toMatchObject({ code: 0 });
    const second = await rig.mkplan('apply', file, '--allow', 'gateway,unconfirmed');
    expect(second.code).toBe(3);
    expect(await rig.table()).toBe(before);
  });

  it.each<[string, number, (plan: Plan) => Plan]>([
    ['one route less', 1, (plan) => ({ ...plan, steps: plan.steps.slice(1), waves: [] })],
    ['no approvals', 1, (plan) => ({ ...plan, approvals: [] })],
    ['waves turned round', 1, (plan) => ({ ...plan, waves: plan.waves.map((wave) => wave.toReversed()) })],
    ['the mode of destroy', 3, (plan) => ({ ...plan, mode: 'absent' })],
    ['a fingerprint of its own', 3, (plan) => ({ ...plan, steps: [], fingerprint: 'f'.repeat(64) })],
  ])('refuses a saved plan that was forged with its hash made anew: %s', async (_what, code, forge) => {
    await rig.write(SPEC);
    const file = `${rig.directory}/saved.json`;
    expect(await rig.plan('--out', file)).toMatchObject({ code: 0 });
    const { plan, host } = decodeSavedPlan(await readFile(file, 'utf8'), file);
    await writeFile(file, encodeSavedPlan(forge(plan), host));
    expect(await rig.mkplan('apply', file, '--allow', 'gateway,unconfirmed')).toMatchObject({ code });
    expect(await rig.table()).toBe(before);
    // It was not used up: a forged plan leaves no mark.
    await writeFile(file, encodeSavedPlan(plan, host));
    expect(await rig.mkplan('apply', file, '--allow', 'gateway,unconfirmed')).toMatchObject({ code: 0 });
    expect(await rig.destroy()).toMatchObject({ code: 0 });
  });

  it('cleans up after a spec that is gone, and nothing else', async () => {
    await rig.write(SPEC);
    await rig.apply();
    expect(await rig.mkplan('cleanup', '--auto-approve')).toMatchObject({ code: 0 });
    expect(await rig.ours()).toHaveLength(2);
    await rig.host.must(['rm', rig.spec]);
    expect(await rig.mkplan('cleanup', '--auto-approve')).toMatchObject({ code: 0 });
    expect(await rig.table()).toBe(before);
  });
});
