import { describe, expect, it, vi } from 'vitest';
import type { Cluster } from '../../src/kubernetes/cluster.ts';
import type { Claim } from '../../src/model/claim.ts';
import { Failure } from '../../src/model/diagnostic.ts';
import type { Answer, CriticalAddress, ObservedCluster, ObservedContext } from '../../src/model/observed.ts';
import { NO_POLICY } from '../../src/model/policy.ts';
import { formatPrefix } from '../../src/model/prefix.ts';
import type { Route } from '../../src/model/route.ts';
import { ALL_CAPABILITIES } from '../../src/model/system.ts';
import { LiveObservation, type LivePorts } from '../../src/observe/live.ts';
import type { HostChange } from '../../src/platform/route-events.ts';
import { route } from '../fakes/plans.ts';
import * as build from '../planner/build.ts';

const SIGNAL = new AbortController().signal;

/** With a table that is asked before main, so that the kernel has to be asked who gets an address. */
const POLICY = [build.rule(0, 255), build.rule(5270, 52), build.rule(32766, 254)];

/** Closed until somebody opens it. */
class Gate {
  open: () => void = () => undefined;
  readonly opened = new Promise<void>((resolve) => {
    this.open = resolve;
  });
}

/** A host that counts how often it is read. */
class Host {
  routes: readonly Route[] = [route('10.1.0.0/16')];
  claims: readonly Claim[] = [];
  critical: readonly CriticalAddress[] = [];
  cluster: ObservedCluster = build.cluster();
  nowMs = 0;
  /** How often a cluster was looked at, and what that waits for. */
  looks = 0;
  hold: Gate | null = null;
  /** What finding a cluster fails with. */
  refusal: Failure | null = null;
  readonly read = { network: 0, critical: 0, asked: [] as string[], destinations: [] as string[] };
  /** Runs while the network is being read, after the routes were taken. */
  during: (() => void) | null = null;
  /** Runs while the kernel is being asked. */
  duringAnswers: (() => void) | null = null;
  tell: (change: HostChange) => void = () => undefined;
  stopped = false;

  ports(): LivePorts {
    const context: ObservedContext = {
      name: 'minikube',
      server: `https://${build.VM}:8443`,
      fromMinikube: true,
      answeredAt: build.VM,
      program: null,
      proxy: null,
    };
    const cluster: Cluster = {
      context: async () => context,
      observe: async (signal) => {
        signal?.throwIfAborted();
        this.looks++;
        await this.hold?.opened;
        signal?.throwIfAborted();
        return this.cluster;
      },
      applyStatus: () => Promise.reject(new Error('an observation changes nothing')),
      authenticate: async () => undefined,
      createEvent: () => Promise.reject(new Error('an observation changes nothing')),
      writeAllocations: () => Promise.reject(new Error('an observation changes nothing')),
      join: () => Promise.reject(new Error('an observation changes nothing')),
      announceLeaving: () => Promise.reject(new Error('an observation changes nothing')),
      leave: () => Promise.reject(new Error('an observation changes nothing')),
      watch: () => ({ isLive: true, stop: () => undefined }),
      retry: () => undefined,
      close: async () => undefined,
    };
    return {
      routeTable: {
        capabilities: ALL_CAPABILITIES,
        identity: async () => ({ platform: 'linux', ...build.HOST_ID }),
        snapshot: async (signal) => {
          signal?.throwIfAborted();
          this.read.network++;
          const { routes } = this;
          this.during?.();
          return { rules: POLICY, routes, links: [], addresses: [] };
        },
        routesTo: async (asked) => {
          this.read.destinations.push(
            ...asked.map(
              ({ destination, protocol }) =>
                `${formatPrefix(destination)}${protocol === null ? '' : ` proto ${protocol}`}`,
            ),
          );
          const found = this.routes.filter((one) =>
            asked.some(
              ({ destination, protocol }) =>
                formatPrefix(destination) === formatPrefix(one.destination) &&
                (protocol === null || protocol === one.protocol),
            ),
          );
          this.during?.();
          return found;
        },
        mainRoutes: () => Promise.reject(new Error('the snapshot has them')),
        answers: async (addresses) => {
          this.read.asked.push(...addresses);
          const device = this.routes[0]?.device ?? null;
          this.duringAnswers?.();
          return addresses.map(
            (address): Answer => ({ address, table: 254, type: 'unicast', gateway: null, device }),
          );
        },
      },
      registry: { read: async () => this.claims },
      journal: { open: async () => null },
      host: {
        critical: async () => {
          this.read.critical++;
          return this.critical;
        },
        policy: () => NO_POLICY,
        identity: async () => ({ id: 'host', person: 'me@here' }),
      },
      profiles: {
        config: async () => null,
        ip: async () => null,
        list: async () => [],
        rest: async () => null,
        tunnels: async () => ({ tunnels: [], problems: [] }),
      },
      cluster: async () => {
        if (this.refusal !== null) throw this.refusal;
        return cluster;
      },
      routeEvents: {
        listen: (onChange) => {
          this.tell = onChange;
          return {
            ready: Promise.resolve(),
            stop: async () => {
              this.stopped = true;
            },
          };
        },
      },
      now: () => this.nowMs,
    };
  }
}

const DESIRED = build.desired([
  build.profile({
    services: { value: [build.cidr('10.96.0.0/12'), build.cidr('10.244.0.0/24')], at: build.AT },
  }),
]);

/** A snapshot that is kept true, and how to take it. */
function live(desired = DESIRED) {
  const host = new Host();
  const observation = new LiveObservation(host.ports());
  const changes: number[] = [];
  const seen: number[] = [];
  const stream = observation.listen({ kernel: () => changes.push(1), cluster: () => seen.push(1) });
  const take = async () => (await observation.observe(desired, SIGNAL)).observed;
  return { host, observation, changes, seen, stream, take };
}

const routesOf = (...destinations: string[]): Extract<HostChange, { kind: 'routes' }> => ({
  kind: 'routes',
  destinations: destinations.map(build.prefix),
  protocol: null,
});

describe('a snapshot that is kept', () => {
  it('is the same value as long as nothing changes, and reads nothing again', async () => {
    const { host, take } = live();
    const first = await take();
    expect(await take()).toBe(first);
    expect(host.read.network).toBe(1);
    expect(host.read.asked).toHaveLength(4);
  });

  it('is another one after a route event that was a change, with the change in it', async () => {
    const { host, take, changes } = live();
    const first = await take();
    host.routes = [...host.routes, route('10.2.0.0/16')];
    expect(await take()).toBe(first);
    host.tell(routesOf('10.2.0.0/16'));
    expect(changes).toHaveLength(1);
    const next = await take();
    expect(next).not.toBe(first);
    expect(next.host.routes).toHaveLength(2);
  });

  it('reads anew only the destinations that events touched', async () => {
    const { host, take } = live();
    await take();
    host.routes = [route('10.1.0.0/16', { device: 'tun0' })];
    host.tell(routesOf('10.1.0.0/16', '10.2.0.0/16'));
    host.tell(routesOf('10.2.0.0/16'));
    expect((await take()).host.routes).toEqual(host.routes);
    host.routes = [];
    host.tell(routesOf('10.1.0.0/16'));
    expect((await take()).host.routes).toEqual([]);
    expect(host.read.network).toBe(1);
    expect(host.read.destinations).toEqual(['10.1.0.0/16', '10.2.0.0/16', '10.1.0.0/16']);
  });

  it('reads of a destination only the protocols that an event told of, and those that were known there', async () => {
    const { host, take } = live();
    const [ours, theirs] = [route('10.1.0.0/16'), route('10.1.0.0/16', { protocol: 186, metric: 20 })];
    host.routes = [ours, theirs, route('10.2.0.0/16')];
    await take();
    // One takes the place of another: only the new one is told of.
    const taken = route('10.1.0.0/16', { protocol: 3 });
    host.routes = [taken, theirs, route('10.2.0.0/16')];
    host.tell({ ...routesOf('10.1.0.0/16'), protocol: 3 });
    const { routes } = (await take()).host;
    expect(new Set(routes)).toEqual(new Set(host.routes));
    const asked = [3, ours.protocol, 186].map((protocol) => `10.1.0.0/16 proto ${protocol}`);
    expect(host.read.destinations.sort()).toEqual(asked.sort());
  });

  it('reads a destination whole once an event of it told no protocol', async () => {
    const { host, take } = live();
    await take();
    host.tell({ ...routesOf('10.1.0.0/16'), protocol: 109 });
    host.tell(routesOf('10.1.0.0/16'));
    host.tell({ ...routesOf('10.1.0.0/16'), protocol: 109 });
    await take();
    expect(host.read.destinations).toEqual(['10.1.0.0/16']);
  });

  it('reads everything anew once many destinations were touched', async () => {
    const { host, take } = live();
    await take();
    host.tell(routesOf(...Array.from({ length: 9 }, (_, index) => `10.${index}.0.0/16`)));
    await take();
    expect(host.read.network).toBe(2);
    expect(host.read.destinations).toEqual([]);
  });

  it('asks the kernel again about addresses that an event touches, and about no others', async () => {
    const { host, take } = live();
    await take();
    host.read.asked.length = 0;
    host.tell(routesOf('10.96.0.0/12', 'fd00::/8'));
    await take();
    expect(host.read.asked).toEqual(['10.96.0.1', '10.111.255.255']);
  });

  it('asks the kernel again about everything once links, addresses or rules changed, or events were lost', async () => {
    const { host, take } = live();
    const first = await take();
    host.read.asked.length = 0;
    host.tell({ kind: 'everything' });
    expect(await take()).not.toBe(first);
    expect(host.read.asked).toHaveLength(4);
    expect(host.read.critical).toBe(2);
  });

  it('is read anew when it is distrusted', async () => {
    const { host, take, observation, changes } = live();
    await take();
    observation.distrust();
    await take();
    expect(host.read.network).toBe(2);
    expect(changes).toEqual([]);
  });

  it('does not lose an event that comes while the routes are being read', async () => {
    const { host, take } = live();
    host.during = () => {
      host.during = null;
      host.routes = [...host.routes, route('10.2.0.0/16')];
      host.tell(routesOf('10.2.0.0/16'));
    };
    expect((await take()).host.routes).toHaveLength(1);
    expect((await take()).host.routes).toHaveLength(2);
  });

  it('does not lose an event that comes while the kernel is being asked', async () => {
    const { host, take } = live();
    host.duringAnswers = () => {
      host.duringAnswers = null;
      host.routes = [route('10.1.0.0/16', { device: 'tun0' })];
      host.tell(routesOf('10.96.0.0/12'));
    };
    expect((await take()).host.answers.map(({ device }) => device)).toContain('virbr1');
    const answers = (await take()).host.answers;
    expect(answers.map(({ device }) => device)).toEqual(['tun0', 'tun0', 'tun0', 'tun0']);
  });

  it('has the claims of now, without any event', async () => {
    const { host, take } = live();
    const first = await take();
    host.claims = [build.claim({ destination: '10.1.0.0/16' })];
    const next = await take();
    expect(next).not.toBe(first);
    expect(next.registry.claims).toHaveLength(1);
    expect(host.read.network).toBe(1);
  });

  it('looks for critical addresses again after a while, since those have no events', async () => {
    const { host, take } = live();
    const first = await take();
    host.nowMs = 4999;
    expect(await take()).toBe(first);
    expect(host.read.critical).toBe(1);
    host.nowMs = 5000;
    host.critical = [{ kind: 'dns-server', address: '192.168.1.1', detail: 'for the test' }];
    expect((await take()).host.critical).toHaveLength(1);
    expect(host.read.critical).toBe(2);
  });

  it('follows the profiles of the spec', async () => {
    const { observation } = live();
    const first = await observation.observe(DESIRED, SIGNAL);
    const other = build.desired([build.profile({ name: 'other' })]);
    const next = await observation.observe(other, SIGNAL);
    expect(next.observed).not.toBe(first.observed);
    expect(next.observed.profiles.map(({ name }) => name)).toEqual(['other']);
  });

  it('stops to listen when it is told to', async () => {
    const { host, stream } = live();
    await stream.stop();
    expect(host.stopped).toBe(true);
  });
});

const WITH_CLUSTER = build.desired([
  build.profile({ name: 'two', loadBalancer: build.loadBalancer(['10.201.0.0/29']) }),
  build.profile({ loadBalancer: build.loadBalancer(['10.200.0.0/29']) }),
]);

describe('a profile', () => {
  it('of which nothing is known yet is not waited for, and told of once it is', async () => {
    const { host, observation, seen } = live();
    const gate = new Gate();
    host.hold = gate;
    const before = await observation.observe(WITH_CLUSTER, SIGNAL);
    expect([...before.unknown]).toEqual(['two', 'minikube']);
    expect(before.observed.profiles.map(({ cluster }) => cluster)).toEqual([null, null]);
    gate.open();
    await vi.waitFor(() => expect(seen).toHaveLength(2));
    const after = await observation.observe(WITH_CLUSTER, SIGNAL);
    expect([...after.unknown]).toEqual([]);
    expect(after.observed.profiles.map(({ cluster }) => cluster)).toEqual([host.cluster, host.cluster]);
  });

  it('that needs no cluster is known at once', async () => {
    const { observation } = live();
    expect((await observation.observe(DESIRED, SIGNAL)).unknown.size).toBe(0);
  });

  it('is what was seen last while it is looked at anew, and that ends with what it is then', async () => {
    const { host, observation, seen } = live();
    await observation.look(WITH_CLUSTER);
    const first = await observation.observe(WITH_CLUSTER, SIGNAL);
    expect(await observation.observe(WITH_CLUSTER, SIGNAL)).toEqual(first);
    seen.length = 0;
    const gate = new Gate();
    host.hold = gate;
    host.cluster = build.cluster({ services: [build.service('web')] });
    const looking = observation.refresh('minikube');
    expect((await observation.observe(WITH_CLUSTER, SIGNAL)).observed).toBe(first.observed);
    gate.open();
    await looking;
    expect(seen).toHaveLength(1);
    const [two, minikube] = (await observation.observe(WITH_CLUSTER, SIGNAL)).observed.profiles;
    expect([two?.cluster?.services, minikube?.cluster?.services]).toMatchObject([[], [{ name: 'web' }]]);
  });

  it('is looked at once more where something was hinted at meanwhile, however often', async () => {
    const { host, observation } = live();
    await observation.look(WITH_CLUSTER);
    host.looks = 0;
    const all = Array.from({ length: 9 }, () => observation.refresh('two'));
    await Promise.all(all);
    expect(host.looks).toBe(2);
  });

  it('is told of only where something else is known', async () => {
    const { observation, seen } = live();
    await observation.look(WITH_CLUSTER);
    seen.length = 0;
    await observation.look(WITH_CLUSTER);
    expect(seen).toEqual([]);
  });

  it('whose context needs approval by now is out of reach, and says why', async () => {
    const { host, observation } = live();
    host.refusal = new Failure('conflict', [
      { code: 'x', severity: 'error', summary: 'it would run a program', cause: '', fix: 'Approve it.' },
    ]);
    await observation.look(WITH_CLUSTER);
    const { observed, unknown } = await observation.observe(WITH_CLUSTER, SIGNAL);
    expect(unknown.size).toBe(0);
    expect(observed.profiles[0]).toMatchObject({
      cluster: null,
      obstacle: { code: 'x', summary: 'it would run a program', cause: '', fix: 'Approve it.' },
      problems: [],
    });
  });

  it('that the spec has no longer is looked at no more, after a while', async () => {
    const { host, observation } = live();
    await observation.look(WITH_CLUSTER);
    host.nowMs += 60_000;
    for (let times = 0; times < 3; times++) observation.distrust();
    await observation.look(WITH_CLUSTER);
    host.nowMs += 300_000;
    observation.distrust();
    host.looks = 0;
    observation.distrust();
    await observation.observe(DESIRED, SIGNAL);
    expect(host.looks).toBe(0);
  });

  it('whose look is ended keeps what was known, and fails nothing', async () => {
    const { host, observation } = live();
    await observation.look(WITH_CLUSTER);
    const { observed } = await observation.observe(WITH_CLUSTER, SIGNAL);
    const gate = new Gate();
    host.hold = gate;
    const looking = observation.refresh('minikube');
    await vi.waitFor(() => expect(host.looks).toBeGreaterThan(2));
    observation.doubtConnections();
    host.cluster = build.cluster({ services: [build.service('web')] });
    gate.open();
    await looking;
    expect((await observation.observe(WITH_CLUSTER, SIGNAL)).observed).toBe(observed);
    await observation.refresh('minikube');
    expect((await observation.observe(WITH_CLUSTER, SIGNAL)).observed).not.toBe(observed);
  });
});
