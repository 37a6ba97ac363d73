import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { requireNamespaces } from './netns.ts';
import { ALLOW, Rig, specOf } from './rig.ts';
import { Session } from './watching.ts';

const unavailable = requireNamespaces();
const SERVICES = '10.96.0.0/12';
const PODS = '10.244.0.0/24';

describe.skipIf(unavailable !== null)('routes that get lost under mkplan watch', () => {
  let rig: Rig;
  let session: Session;

  beforeEach(async () => {
    rig = await Rig.create();
    await rig.write(specOf({ cidrs: [SERVICES, PODS] }));
    session = new Session(rig.host.spawn(rig.argv('watch', rig.spec, ...ALLOW, '--json')));
    await has(SERVICES, PODS);
    // Routes are in the kernel before their transaction is over: what is undone until then was never served.
    await session.says('"state":"idle"');
  });

  afterEach(async () => {
    session.signal('SIGINT');
    expect(await session.exit(), session.said).toBe(0);
    expect(await rig.ours()).toEqual([]);
    await rig.close();
  });

  const destinations = async () => (await rig.ours()).map((line) => line.split(' ')[1]).sort();

  async function has(...expected: string[]): Promise<void> {
    await expect.poll(destinations, { timeout: 90_000, interval: 200 }).toEqual(expected.sort());
  }

  /** How many transactions the session has begun. */
  const transactions = () => session.said.split('"transaction.started"').length - 1;

  it('an opponent that deletes a route every 100 ms is named, costs few transactions, and loses once it stops', async () => {
    const script = `while :; do ip route del ${SERVICES} proto 109; sleep 0.1; done`;
    const opponent = new Session(rig.host.spawn(['sh', '-c', script]));
    await session.says('undoes it again and again');
    await has(PODS);
    const spent = transactions();
    expect(spent).toBeLessThan(20);
    opponent.signal('SIGKILL');
    await opponent.exit();
    await has(SERVICES, PODS);
    expect(transactions() - spent).toBeLessThan(4);
  }, 240_000);

  it('a link that flaps 200 times is nobody’s doing', async () => {
    for (let round = 0; round < 200; round++) {
      await rig.ip('link', 'set', 'vm0', 'down');
      await rig.ip('link', 'set', 'vm0', 'up');
      // Every tenth time the session is given the time to mend it.
      if (round % 10 === 0) await has(SERVICES, PODS);
    }
    await has(SERVICES, PODS);
    expect(session.said).not.toContain('again and again');
  }, 240_000);

  it('a session that was stopped while its links flapped, short or long, mends everything, and blames nobody', async () => {
    for (let round = 0; round < 50; round++) {
      // Every tenth time for so long that it counts as a suspension.
      const seconds = round % 10 === 0 ? 4.5 : 0.2;
      session.signal('SIGSTOP');
      await rig.ip('link', 'set', 'vm0', 'down');
      await rig.host.must(['sleep', String(seconds)]);
      await rig.ip('link', 'set', 'vm0', 'up');
      session.signal('SIGCONT');
      await has(SERVICES, PODS);
    }
    expect(session.said.split('"source":"resumed"').length - 1).toBeGreaterThanOrEqual(5);
    expect(session.said).not.toContain('needs approval');
  }, 400_000);

  it.each([
    ['by a gateway', [['10.0.0.0/8', 'via', '10.8.0.1', 'dev', 'tun0']]],
    ['by its device alone', [['10.0.0.0/8', 'dev', 'tun0']]],
    [
      'by halves of everything',
      [
        ['0.0.0.0/1', 'dev', 'tun0'],
        ['128.0.0.0/1', 'dev', 'tun0'],
      ],
    ],
  ])(
    'a VPN that comes and goes a hundred times with 10.0.0.0/8, %s: after a flap all stands again',
    async (_, routes) => {
      for (let round = 0; round < 100; round++) {
        for (const route of routes) await rig.ip('route', 'add', ...route);
        await rig.ip('link', 'set', 'vm0', 'down');
        await rig.ip('link', 'set', 'vm0', 'up');
        if (round % 10 === 0) await has(SERVICES, PODS);
        for (const route of routes) await rig.ip('route', 'del', ...route);
      }
      await has(SERVICES, PODS);
      expect(session.said).not.toContain('again and again');
      expect(session.said).not.toContain('needs approval');
    },
    240_000,
  );

  it.each([
    [
      'whose rule asks a table of its own first',
      [
        ['route', 'add', '10.240.0.0/13', 'dev', 'tun0', 'table', '77'],
        ['rule', 'add', 'priority', '50', 'lookup', '77'],
      ],
      [
        ['rule', 'del', 'priority', '50'],
        ['route', 'flush', 'table', '77'],
      ],
    ],
    [
      'whose network lies at one of the destinations',
      [['route', 'add', '10.240.0.0/13', 'dev', 'tun0']],
      [['route', 'del', '10.240.0.0/13', 'dev', 'tun0']],
    ],
  ])(
    'a VPN %s: what it takes is left alone, and mended once it has gone',
    async (_, come, go) => {
      for (let round = 0; round < 20; round++) {
        for (const one of come) await rig.ip(...one);
        await rig.ip('link', 'set', 'vm0', 'down');
        await rig.ip('link', 'set', 'vm0', 'up');
        await expect.poll(destinations, { timeout: 90_000, interval: 200 }).toContain(SERVICES);
        for (const one of go) await rig.ip(...one);
        await has(SERVICES, PODS);
      }
      expect(session.said).not.toContain('"what":"profile vm"');
      expect(session.said).not.toContain('again and again');
    },
    240_000,
  );
});
