import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createProfiles } from '../../src/minikube/files.ts';
import { parseTunnels } from '../../src/minikube/tunnels-file.ts';
import { formatPrefix } from '../../src/model/prefix.ts';

const ENTRY = {
  Route: {
    Gateway: '192.168.39.174',
    DestCIDR: { IP: '10.96.0.0', Mask: '//AAAA==' },
    ClusterDomain: 'cluster.local',
    ClusterDNSIP: '10.96.0.10',
  },
  MachineName: 'minikube',
  Pid: 4242,
};
const anyName = () => true;
const parse = (...entries: readonly unknown[]) => parseTunnels(JSON.stringify(entries), anyName);

describe('parseTunnels', () => {
  it('reads what minikube writes', () => {
    const { entries, strange } = parse(ENTRY);
    expect(strange).toBe(0);
    expect(entries.map((one) => ({ ...one, destination: formatPrefix(one.destination) }))).toEqual([
      { profile: 'minikube', pid: 4242, destination: '10.96.0.0/12', gateway: '192.168.39.174' },
    ]);
  });

  it.each(['', ' \n', 'null', '[]'])('takes %j for no tunnels', (text) => {
    expect(parseTunnels(text, anyName)).toEqual({ entries: [], strange: 0 });
  });

  it.each(['{', '[{"Route":', '{}', '"text"', '42', `[${'null,'.repeat(1000)}null]`])(
    'refuses %.20j',
    (text) => {
      expect(() => parseTunnels(text, anyName)).toThrow(SyntaxError);
    },
  );

  const route = (changes: object) => ({ ...ENTRY, Route: { ...ENTRY.Route, ...changes } });
  it.each<[string, unknown]>([
    ['no entry', null],
    ['no route', { ...ENTRY, Route: null }],
    ['a pid of text', { ...ENTRY, Pid: '4242' }],
    ['pid 0', { ...ENTRY, Pid: 0 }],
    ['a negative pid', { ...ENTRY, Pid: -1 }],
    ['a pid past the largest', { ...ENTRY, Pid: 2 ** 22 + 1 }],
    ['a fraction of a pid', { ...ENTRY, Pid: 1.5 }],
    ['no machine', { ...ENTRY, MachineName: null }],
    ['no gateway', route({ Gateway: null })],
    ['a gateway with more behind it', route({ Gateway: '192.168.39.174 dev eth0' })],
    ['a gateway of the other family', route({ Gateway: 'fd00::1' })],
    ['bits behind the prefix', route({ DestCIDR: { IP: '10.97.0.0', Mask: '//AAAA==' } })],
    ['a mask with a hole', route({ DestCIDR: { IP: '10.96.0.0', Mask: '/wD/AA==' } })],
    [
      'a mask of the other family',
      route({ DestCIDR: { IP: '10.96.0.0', Mask: '/////wAAAAAAAAAAAAAAAA==' } }),
    ],
    ['a mask that is none', route({ DestCIDR: { IP: '10.96.0.0', Mask: 12 } })],
  ])('leaves out an entry with %s, and counts it', (_, entry) => {
    expect(parse(entry, ENTRY)).toMatchObject({ entries: [{ pid: 4242 }], strange: 1 });
  });

  it('asks what a profile may be called', () => {
    expect(parseTunnels(JSON.stringify([ENTRY]), (name) => name === 'other')).toMatchObject({ strange: 1 });
  });

  it('takes any JSON without falling over', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        try {
          parseTunnels(text, anyName);
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(SyntaxError);
        }
      }),
    );
  });
});

describe('tunnels of a home', () => {
  let home: string;
  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), 'mkplan-tunnels-'));
  });
  afterEach(() => rm(home, { recursive: true, force: true }));

  async function tunnels(text: string | null, names: Readonly<Record<number, string>> = {}) {
    await mkdir(join(home, '.minikube'), { recursive: true });
    if (text !== null) await writeFile(join(home, '.minikube', 'tunnels.json'), text);
    const profiles = createProfiles({
      env: {},
      home,
      platform: 'linux',
      runner: { run: () => Promise.reject(new Error('nothing is run for it')) },
      processes: { nameOf: async (pid) => names[pid] ?? null },
    });
    return await profiles.tunnels();
  }

  it('has none without the file', async () => {
    expect(await tunnels(null)).toEqual({ tunnels: [], problems: [] });
  });

  it.each<[Readonly<Record<number, string>>, boolean]>([
    [{ 4242: 'minikube' }, true],
    [{ 4242: 'minikube-linux-' }, true],
    [{ 4242: 'firefox' }, false],
    [{}, false],
  ])('with processes %j calls it alive: %j', async (names, alive) => {
    expect(await tunnels(JSON.stringify([ENTRY]), names)).toMatchObject({
      tunnels: [{ profile: 'minikube', alive }],
      problems: [],
    });
  });

  it('names what it could not read, and goes on', async () => {
    const damaged = await tunnels('[{"Route":');
    expect(damaged.tunnels).toEqual([]);
    expect(damaged.problems).toEqual([expect.stringContaining(join(home, '.minikube', 'tunnels.json'))]);
    const strange = await tunnels(JSON.stringify([ENTRY, { ...ENTRY, MachineName: '../../etc' }]));
    expect(strange.tunnels).toHaveLength(1);
    expect(strange.problems).toEqual([expect.stringContaining('1 of its entries')]);
  });

  it('does not read a file without end', async () => {
    const { problems } = await tunnels(`[${' '.repeat(1024 * 1024)}]`);
    expect(problems).toEqual([expect.stringContaining('the most that is read')]);
  });
});
