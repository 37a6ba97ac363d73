import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { Cluster } from '../../src/kubernetes/cluster.ts';
import type { Rest } from '../../src/minikube/profiles.ts';
import { Failure } from '../../src/model/diagnostic.ts';
import type {
  MinikubeConfig,
  ObservedCluster,
  ObservedContext,
  ObservedProfile,
} from '../../src/model/observed.ts';
import { NO_POLICY } from '../../src/model/policy.ts';
import { ALL_CAPABILITIES } from '../../src/model/system.ts';
import { type ObservePorts, observe } from '../../src/observe/observe.ts';
import { rule } from '../planner/build.ts';
import { cidrs, desiredProfile, desiredState } from './desired.ts';

const failure = (summary: string) =>
  new Failure('error', [{ code: 'test', severity: 'error', summary, cause: 'a cause', fix: 'a fix' }]);

const config: MinikubeConfig = {
  driver: 'kvm2',
  unroutable: null,
  nodes: [{ name: 'dev', ip: '192.168.39.2', controlPlane: true }],
  serviceCidr: '10.96.0.0/12',
};
const context: ObservedContext = {
  name: 'dev',
  server: 'https://192.168.39.2:8443',
  fromMinikube: true,
  answeredAt: '192.168.39.2',
  program: null,
  proxy: null,
};
const cluster: ObservedCluster = {
  identity: null,
  version: 'v1.34.0',
  nodes: [{ name: 'dev', ready: true, controlPlane: true, internalIps: ['192.168.39.2'], podCidrs: [] }],
  serviceCidrs: [],
  kubeadm: null,
  otherLoadBalancers: [],
  services: [],
  endpoints: [],
  strayPods: [],
  missingRights: [],
  allocations: null,
  participants: [],
};

function clusterOf(changes: Partial<Cluster> = {}): Cluster {
  return {
    context: () => Promise.resolve(context),
    observe: () => Promise.resolve(cluster),
    writeAllocations: async () => undefined,
    watch: () => ({ isLive: true, stop: () => undefined }),
    applyStatus: () => Promise.reject(new Error('an observation changes nothing')),
    authenticate: async () => undefined,
    createEvent: () => Promise.reject(new Error('an observation changes nothing')),
    join: async () => undefined,
    announceLeaving: async () => undefined,
    leave: async () => undefined,
    retry: () => undefined,
    close: () => Promise.resolve(),
    ...changes,
  };
}

interface Fakes extends ObservePorts {
  /** What was asked for, in order. */
  readonly asked: string[];
}

function portsOf(changes: Partial<ObservePorts> = {}): Fakes {
  const asked: string[] = [];
  return {
    asked,
    routeTable: {
      capabilities: ALL_CAPABILITIES,
      identity: () => Promise.resolve({ platform: 'linux', bootId: 'boot', networkNamespace: '42' }),
      snapshot: () => Promise.resolve({ rules: [], routes: [], links: [], addresses: [] }),
      routesTo: () => Promise.reject(new Error('the snapshot has them')),
      mainRoutes: () => Promise.reject(new Error('the snapshot has them')),
      answers: (addresses) => {
        asked.push(`answers ${addresses.join(' ')}`);
        const answer = { table: 254, type: 'unicast', gateway: null, device: 'eth0' } as const;
        return Promise.resolve(
          addresses.map((address, index) => (index === 0 ? null : { address, ...answer })),
        );
      },
    },
    registry: { read: () => Promise.resolve([]) },
    journal: { open: () => Promise.resolve(null) },
    host: {
      critical: () => Promise.resolve([{ kind: 'dns-server', address: '192.168.0.1', detail: 'f' }]),
      policy: () => NO_POLICY,
      identity: async () => ({ id: 'host', person: 'me@here' }),
    },
    profiles: {
      config: (name) => {
        asked.push(`config ${name}`);
        return Promise.resolve(config);
      },
      ip: (name) => {
        asked.push(`ip ${name}`);
        return Promise.resolve('192.168.39.2');
      },
      list: () => Promise.resolve([]),
      rest: async () => null,
      tunnels: () => Promise.resolve({ tunnels: [], problems: ['tunnels.json: EACCES'] }),
    },
    cluster: (profile) => {
      asked.push(`cluster ${profile.name}`);
      return Promise.resolve(clusterOf());
    },
    ...changes,
  };
}

/** Ends with the signal alone. */
const silent = (signal = new AbortController().signal) =>
  new Promise<never>((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason));
  });

const silentCluster = () =>
  clusterOf({
    context: (signal) => silent(signal).catch(() => ({ ...context, answeredAt: null })),
    observe: silent,
  });

const auto = (name = 'dev') => desiredProfile({ name, gateway: 'auto' });

describe('observe', () => {
  it('puts the parts together', async () => {
    const open = {
      txid: 't',
      decided: false,
      awaiting: false,
      ingress: null,
      deadlineMs: null,
      changes: 2,
      spec: '/s',
      bootId: 'b',
      networkNamespace: 'n',
      intents: [],
      claims: null,
    };
    const ports = portsOf({ journal: { open: () => Promise.resolve(open) } });
    expect(await observe(desiredState(auto()), ports)).toEqual({
      host: {
        platform: 'linux',
        capabilities: ALL_CAPABILITIES,
        bootId: 'boot',
        networkNamespace: '42',
        rules: [],
        routes: [],
        links: [],
        addresses: [],
        answers: [],
        critical: [
          { kind: 'dns-server', address: '192.168.0.1', detail: 'f' },
          { kind: 'api-server', address: '192.168.39.2', detail: 'profile dev' },
        ],
        minikubeTunnels: [],
        minikubeTunnelsUnknown: true,
        problems: ['tunnels.json: EACCES'],
        policy: NO_POLICY,
      },
      registry: { claims: [], open: { txid: 't', decided: false, awaiting: false, changes: 2, spec: '/s' } },
      profiles: [{ name: 'dev', config, minikubeIp: null, context, cluster, problems: [] }],
    });
  });

  it('asks neither minikube nor a cluster for a profile that needs none', async () => {
    const ports = portsOf();
    const rules = [rule(5270, 52), rule(32766, 254)];
    const snapshot = async () => ({ rules, routes: [], links: [], addresses: [] });
    const desired = desiredState(desiredProfile({ services: cidrs('10.96.0.0/12') }));
    const routeTable = { ...ports.routeTable, snapshot };
    const { profiles, host } = await observe(desired, { ...ports, routeTable });
    expect(ports.asked).toEqual(['answers 10.96.0.1 10.111.255.255']);
    expect(profiles).toEqual([
      { name: 'dev', config: null, minikubeIp: null, context: null, cluster: null, problems: [] },
    ]);
    expect(host.answers.map(({ address }) => address)).toEqual(['10.111.255.255']);
  });

  it('goes on when one profile’s cluster is broken, and says why', async () => {
    const ports = portsOf({
      cluster: ({ name }) =>
        name === 'broken' ? Promise.reject(failure('no such context')) : Promise.resolve(clusterOf()),
    });
    const { profiles } = await observe(desiredState(auto('broken'), auto('dev')), ports);
    expect(profiles.map(({ name, cluster: seen, obstacle }) => [name, seen, obstacle?.summary])).toEqual([
      ['broken', null, 'no such context'],
      ['dev', cluster, undefined],
    ]);
    expect(profiles[0]?.minikubeIp).toBe('192.168.39.2');
  });

  it('says once why a server does not answer, and asks the hypervisor for the address then', async () => {
    const dead = clusterOf({
      context: () => Promise.resolve({ ...context, answeredAt: null }),
      observe: () => Promise.reject(failure('no answer')),
    });
    const { profiles } = await observe(
      desiredState(auto()),
      portsOf({ cluster: () => Promise.resolve(dead) }),
    );
    expect(profiles[0]).toMatchObject({
      cluster: null,
      minikubeIp: '192.168.39.2',
      context: { answeredAt: null },
      obstacle: { summary: 'no answer', cause: 'a cause', fix: 'a fix' },
      problems: [],
    });
  });

  it.each<[what: string, listed: readonly string[], asked: boolean]>([
    ['a cluster that minikube knows nothing of', [], false],
    ['a profile whose config.json cannot be read', ['dev'], true],
  ])('asks minikube for an address only where it may know one: %s', async (_what, listed, asked) => {
    const dead = clusterOf({
      context: () => Promise.resolve({ ...context, answeredAt: null }),
      observe: () => Promise.reject(failure('no answer')),
    });
    const ports = portsOf({ cluster: () => Promise.resolve(dead) });
    const profiles = { ...ports.profiles, config: async () => null, list: async () => listed };
    await observe(desiredState(auto()), { ...ports, profiles });
    expect(ports.asked.includes('ip dev')).toBe(asked);
  });

  it('gives each profile one deadline, side by side, and goes on without those that miss it', async () => {
    const ports = portsOf({
      cluster: async ({ name }) => (name === 'dev' ? clusterOf() : silentCluster()),
    });
    const waits: string[] = [];
    const { profiles } = await observe(
      desiredState(auto('paused'), auto('dev'), auto('slow')),
      { ...ports, profiles: { ...ports.profiles, ip: (_, signal) => silent(signal) } },
      undefined,
      { patienceMs: 30, onWait: (names) => waits.push(names.join(' ')) },
    );
    expect(profiles.map(({ cluster: seen }) => seen)).toEqual([null, cluster, null]);
    // One text, however many questions were left without an answer.
    expect(profiles[0]).toMatchObject({
      obstacle: { summary: 'profile paused did not tell all within 0.03 s' },
      problems: [],
    });
    expect(profiles[0]?.context?.answeredAt).toBeNull();
    expect(waits.slice(0, 2)).toEqual(['paused dev slow', 'paused slow']);
    expect(waits.at(-1)).toBe('');
  });

  it.each<[string, Failure | null, Rest | null, Partial<ObservedProfile>]>([
    ['its cluster fails, and it is stopped', failure('no answer'), 'stopped', { stopped: true }],
    ['its cluster fails, and it is paused', failure('no answer'), 'paused', { paused: true }],
    ['its cluster fails, and it does not rest', failure('no answer'), null, {}],
    ['its cluster answers, whatever minikube says', null, 'stopped', {}],
  ])('asks minikube how a profile rests where %s', async (_, broken, says, expected) => {
    const asked = clusterOf(broken === null ? {} : { observe: () => Promise.reject(broken) });
    const ports = portsOf({ cluster: async () => asked });
    const profiles = { ...ports.profiles, rest: async () => says };
    const seen = await observe(desiredState(auto()), { ...ports, profiles });
    const { stopped, paused } = seen.profiles[0] ?? {};
    expect({ stopped, paused }).toEqual({ stopped: undefined, paused: undefined, ...expected });
  });

  it.each<[string, Rest | null, Partial<ObservedProfile>]>([
    ['which is paused', 'paused', { paused: true }],
    ['which does not rest', null, {}],
  ])(
    'asks minikube once about a cluster that is silent, %s, before patience ends',
    async (_, says, expected) => {
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
      onTestFinished(() => {
        vi.useRealTimers();
      });
      let asked = 0;
      const asking = portsOf({ cluster: async () => silentCluster() });
      const rest = async (_name: string, signal?: AbortSignal) => {
        asked++;
        signal?.throwIfAborted();
        return says;
      };
      const observing = observe(desiredState(auto()), { ...asking, profiles: { ...asking.profiles, rest } });
      await vi.advanceTimersByTimeAsync(9_999);
      expect(asked).toBe(1);
      await vi.advanceTimersByTimeAsync(1);
      const [seen] = (await observing).profiles;
      expect(asked).toBe(1);
      expect({ stopped: seen?.stopped, paused: seen?.paused }).toEqual({
        stopped: undefined,
        paused: undefined,
        ...expected,
      });
      expect(seen?.obstacle?.code).toBe('profile-silent');
    },
  );

  it.each<[string, string, string, readonly string[], readonly string[]]>([
    [
      'has others',
      'context-unknown',
      'dve',
      ['dev', 'test'],
      ['there is no minikube profile dve: there are dev, test'],
    ],
    ['has none', 'context-unknown', 'dve', [], []],
    ['has others, and the kubeconfig is broken', 'kubeconfig-malformed', 'dve', ['dev', 'test'], []],
    ['has others, and the spec names a context', 'context-unknown', 'kind-dve', ['dev', 'test'], []],
  ])('of a profile that is unknown, while minikube %s', async (_, code, named, existing, problems) => {
    const refused = new Failure('error', [{ code, severity: 'error', summary: 's', cause: 'c', fix: 'f' }]);
    const ports = portsOf({ cluster: () => Promise.reject(refused) });
    const profiles = {
      ...ports.profiles,
      config: async () => null,
      ip: async () => null,
      list: async () => existing,
    };
    const profile = { ...desiredProfile({ name: 'dve', gateway: 'auto' }), context: named };
    const seen = await observe(desiredState(profile), { ...ports, profiles });
    expect(seen.profiles[0]?.problems).toEqual(problems);
  });

  it('does not ask the hypervisor where the API server or a ready control plane tells the address', async () => {
    const unproven = clusterOf({ context: () => Promise.resolve({ ...context, answeredAt: null }) });
    for (const answering of [clusterOf(), unproven]) {
      const ports = portsOf({ cluster: () => Promise.resolve(answering) });
      await observe(desiredState(auto()), ports);
      expect(ports.asked).not.toContain('ip dev');
    }
  });

  it('does not take a context for minikube’s when its server is no node of the profile', async () => {
    const elsewhere = clusterOf({
      context: () => Promise.resolve({ ...context, server: 'https://10.0.0.1:6443' }),
    });
    const ports = portsOf({ cluster: () => Promise.resolve(elsewhere) });
    expect((await observe(desiredState(auto()), ports)).profiles[0]?.context?.fromMinikube).toBe(false);
  });

  it('fails when the host or the registry cannot be read', async () => {
    const registry = { read: () => Promise.reject(failure('damaged registry')) };
    await expect(observe(desiredState(auto()), portsOf({ registry }))).rejects.toThrow('damaged registry');
  });

  it('does not take a fault of its own for a problem of the profile', async () => {
    const ports = portsOf({ cluster: () => Promise.reject(new TypeError('a bug')) });
    await expect(observe(desiredState(auto()), ports)).rejects.toThrow(TypeError);
  });
});
