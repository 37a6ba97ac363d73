import { describe, expect, test } from 'vitest';
import type { Argv, CommandOptions, CommandResult, CommandRunner } from '../../../src/platform/command.ts';
import { LinuxRouteTable } from '../../../src/platform/linux/route-table.ts';
import * as build from '../../planner/build.ts';
import { fixture } from './fixtures.ts';

/** `ip` as a table from its arguments to what it prints; anything else it is asked fails the test. */
class FakeIp implements CommandRunner {
  readonly asked: string[] = [];
  readonly inputs: string[] = [];
  readonly #answers: ReadonlyMap<string, readonly Partial<CommandResult>[]>;

  constructor(answers: Readonly<Record<string, readonly Partial<CommandResult>[]>>) {
    this.#answers = new Map(Object.entries(answers));
  }

  async run(argv: Argv, { input }: CommandOptions): Promise<CommandResult> {
    const command = argv.join(' ');
    const before = this.asked.filter((earlier) => earlier === command).length;
    this.asked.push(command);
    if (input !== undefined) this.inputs.push(input);
    const answers = this.#answers.get(command);
    const answer = answers?.[Math.min(before, answers.length - 1)];
    if (answer === undefined) throw new Error(`unexpected: ${command}`);
    return { code: 0, stdout: '', stderr: '', timedOut: false, ...answer };
  }
}

const table = (runner: CommandRunner, ipv6 = true) => new LinuxRouteTable(runner, { user: 1000, ipv6 });

const MAIN_4 = 'ip -N -json -details -4 route show table 254';
const MAIN_6 = 'ip -N -json -details -6 route show table 254';
const DUMPS_4 = 'ip -N -json -details -4 -batch -';
const DUMPS_6 = 'ip -N -json -details -6 -batch -';
const ADDRESSES = 'ip -N -json addr';
const BATCH = 'ip -N -json -details -force -batch -';
const row = '[{"type":"1","dst":"10.0.0.0/8","dev":"v0","protocol":"3","flags":[]}]';

describe('LinuxRouteTable', () => {
  test('a snapshot is read by one process a family, and one for links and addresses', async () => {
    const printed = (family: 4 | 6) =>
      [fixture(`routes-${family}.json`), fixture(`rules-${family}.json`)]
        .map((rows) => `${JSON.stringify(JSON.parse(rows))}\n`)
        .join('');
    const ip = new FakeIp({
      [DUMPS_4]: [{ stdout: printed(4) }],
      [DUMPS_6]: [{ stdout: printed(6) }],
      [ADDRESSES]: [{ stdout: fixture('addr.json') }],
    });
    const snapshot = await table(ip).snapshot();
    expect(snapshot.routes).toHaveLength(50);
    expect(snapshot.rules).toHaveLength(17);
    expect(snapshot.links.map(({ name }) => name)).toEqual(['lo', 'v1', 'v0']);
    expect(snapshot.addresses.length).toBeGreaterThan(4);
    expect(ip.asked).toHaveLength(3);
    expect(ip.inputs).toEqual(['route show table all\nrule\n', 'route show table all\nrule\n']);
  });

  describe('a snapshot that is taken again', () => {
    const rules = '[{"priority":0,"src":"all","table":"255","protocol":"2"}]';
    const printed = (expires: number, dst = '10.0.0.0/8') =>
      `[{"type":"1","dst":"${dst}","dev":"v0","protocol":"3","flags":[],"expires":${expires}}]\n${rules}\n`;
    const links = (left: number, address = '10.0.0.1') =>
      `[{"ifname":"v0","flags":["UP"],"addr_info":[{"family":"inet","local":"${address}","prefixlen":8,"valid_life_time":${left},"preferred_life_time":${left}}]}]`;

    test('is the very same where nothing but lifetimes has changed', async () => {
      const ip = new FakeIp({
        [DUMPS_4]: [90, 60, 30].map((left) => ({ stdout: printed(left) })),
        [ADDRESSES]: [90, 60, 30].map((left) => ({ stdout: links(left) })),
      });
      const reader = table(ip, false);
      await reader.snapshot();
      const second = await reader.snapshot();
      expect(await reader.snapshot()).toBe(second);
      expect(second.routes.map(({ device }) => device)).toEqual(['v0']);
      expect(ip.asked).toHaveLength(6);
    });

    test.each<[string, { routes?: string; links?: string }, { length: number; address: string }]>([
      ['a route', { routes: printed(60, '10.0.0.0/9') }, { length: 9, address: '10.0.0.1' }],
      ['an address', { links: links(60, '10.0.0.2') }, { length: 8, address: '10.0.0.2' }],
    ])('is another one where %s has changed', async (_, change, expected) => {
      const ip = new FakeIp({
        [DUMPS_4]: [
          { stdout: printed(60) },
          { stdout: printed(60) },
          { stdout: change.routes ?? printed(60) },
        ],
        [ADDRESSES]: [{ stdout: links(60) }, { stdout: links(60) }, { stdout: change.links ?? links(60) }],
      });
      const reader = table(ip, false);
      for (let look = 1; look <= 2; look++) await reader.snapshot();
      const { routes, addresses } = await reader.snapshot();
      const [length, address] = [routes[0]?.destination.length, addresses[0]?.address];
      expect({ length, address }).toEqual(expected);
    });
  });

  test.each([
    ['without the rules', '[]\n'],
    ['with one dump too many', '[]\n[]\n[]\n'],
    ['with nothing at all', ''],
  ])('a snapshot %s is a Failure, not an empty table', async (_, stdout) => {
    const ip = new FakeIp({ [DUMPS_4]: [{ stdout }], [ADDRESSES]: [{ stdout: '[]' }] });
    await expect(table(ip, false).snapshot()).rejects.toMatchObject({
      diagnostics: [{ code: 'kernel-answer-unreadable' }],
    });
  });

  test('without IPv6 in the kernel, only IPv4 is asked for', async () => {
    const ip = new FakeIp({ [MAIN_4]: [{ stdout: row }] });
    expect(await table(ip, false).mainRoutes()).toHaveLength(1);
    expect(ip.asked).toEqual([MAIN_4]);
  });

  test('routes to a destination are asked for by the protocol, where that is known', async () => {
    // Asked for one protocol, `ip` does not print it.
    const ip = new FakeIp({ [DUMPS_4]: [{ stdout: `${row.replace('"protocol":"3",', '')}\n${row}\n` }] });
    const destination = build.prefix('10.0.0.0/8');
    const asked = [109, null].map((protocol) => ({ destination, protocol }));
    expect(await table(ip).routesTo(asked)).toMatchObject([{ protocol: 109 }, { protocol: 3 }]);
    expect(ip.inputs).toEqual([
      'route show table all proto 109 exact 10.0.0.0/8\nroute show table all exact 10.0.0.0/8\n',
    ]);
  });

  test('a single destination is asked for without a batch, in which the kernel would skip nothing', async () => {
    const command = 'ip -N -json -details -4 route show table all proto 109 exact 10.0.0.0/8';
    const ip = new FakeIp({ [command]: [{ stdout: row.replace('"protocol":"3",', '') }] });
    const asked = [{ destination: build.prefix('10.0.0.0/8'), protocol: 109 }];
    expect(await table(ip).routesTo(asked)).toMatchObject([{ protocol: 109 }]);
    expect(ip.asked).toEqual([command]);
  });

  test('within a few ranges, table main is read no further, and no range twice', async () => {
    const local = row.replace('"flags"', '"table":"255","flags"');
    const ip = new FakeIp({
      [DUMPS_4]: [{ stdout: `${row}\n${local}\n` }],
      'ip -N -json -details -6 route show table all root fd00::/8': [{ stdout: '[]\n' }],
    });
    const within = ['10.1.0.0/16', '192.168.0.0/16', '10.0.0.0/8', 'fd00::/8', '10.0.0.0/8'].map(
      build.prefix,
    );
    expect(await table(ip).mainRoutes([4, 6], within)).toMatchObject([{ table: 254 }]);
    expect(ip.inputs).toEqual([
      'route show table all root 10.0.0.0/8\nroute show table all root 192.168.0.0/16\n',
    ]);
  });

  test('within many ranges, all of table main is read by one dump', async () => {
    const ip = new FakeIp({ [MAIN_4]: [{ stdout: row }] });
    const within = [1, 2, 3, 4, 5].map((octet) => build.prefix(`10.${octet}.0.0/16`));
    expect(await table(ip).mainRoutes([4], within)).toHaveLength(1);
    expect(ip.asked).toEqual([MAIN_4]);
  });

  test('a table that has had no route yet is empty', async () => {
    const ip = new FakeIp({
      [MAIN_4]: [
        { code: 2, stdout: '[', stderr: 'Error: ipv4: FIB table does not exist.\nDump terminated\n' },
      ],
      [MAIN_6]: [{ stdout: '[]' }],
    });
    expect(await table(ip).mainRoutes()).toEqual([]);
  });

  test('a dump that was interrupted by a change is read again', async () => {
    const interrupted = { stdout: '[]', stderr: 'Dump was interrupted and may be inconsistent.\n' };
    const ip = new FakeIp({
      [MAIN_4]: [interrupted, interrupted, { stdout: row }],
      [MAIN_6]: [{ stdout: '[]' }],
    });
    expect(await table(ip).mainRoutes()).toHaveLength(1);
  });

  test('one that is interrupted for ever is a Failure', async () => {
    const interrupted = { stdout: '[]', stderr: 'Dump was interrupted and may be inconsistent.\n' };
    const ip = new FakeIp({ [MAIN_4]: [interrupted], [MAIN_6]: [{ stdout: '[]' }] });
    await expect(table(ip).mainRoutes()).rejects.toMatchObject({
      diagnostics: [{ code: 'kernel-unreadable' }],
    });
  });

  test.each<[string, Partial<CommandResult>, string]>([
    ['that fails', { code: 1, stderr: 'Cannot open netlink socket\n' }, 'Cannot open netlink socket'],
    ['that hangs', { code: null, timedOut: true }, 'no answer within 30 s'],
  ])('an `ip` %s is a Failure that says why', async (_, answer, cause) => {
    const ip = new FakeIp({ [MAIN_4]: [answer], [MAIN_6]: [{ stdout: '[]' }] });
    await expect(table(ip).mainRoutes()).rejects.toMatchObject({ diagnostics: [{ cause }] });
  });

  test('no `ip` at all is a Failure that says what to install', async () => {
    const missing: CommandRunner = {
      run: () => Promise.reject(Object.assign(new Error('spawn ip ENOENT'), { code: 'ENOENT' })),
    };
    await expect(table(missing).mainRoutes()).rejects.toMatchObject({
      diagnostics: [{ fix: 'install iproute2' }],
    });
  });

  test('addresses are asked about in canonical form, as the user', async () => {
    const stdout = '[{"type":"1","dst":"fd00::1","dev":"v0","table":"254","flags":[]}]\n';
    const stderr = 'Object "end" is unknown, try "ip help".\nCommand failed -:2\n';
    const ip = new FakeIp({ [BATCH]: [{ code: 1, stdout, stderr }] });
    const answers = await table(ip).answers(['FD00:0:0::1']);
    expect(answers).toEqual([
      { address: 'fd00::1', table: 254, type: 'unicast', gateway: null, device: 'v0' },
    ]);
    expect(ip.inputs).toEqual(['route get fd00::1 uid 1000\nend\n']);
  });

  test('what is no address never reaches `ip`', async () => {
    const ip = new FakeIp({});
    await expect(table(ip).answers(['10.0.0.1\nroute flush'])).rejects.toThrow(RangeError);
    expect(await table(ip).answers([])).toEqual([]);
    expect(ip.asked).toEqual([]);
  });
});
