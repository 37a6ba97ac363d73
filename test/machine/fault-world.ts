import { isDeepStrictEqual } from 'node:util';
import { statusOf } from '../../src/cli/commands/status/path-status.ts';
import type { ApplyOutcome, ApplyPorts } from '../../src/machine/apply-ports.ts';
import { claimKey } from '../../src/model/claim.ts';
import type { DesiredState } from '../../src/model/desired.ts';
import { Failure } from '../../src/model/diagnostic.ts';
import type { ObservedState } from '../../src/model/observed.ts';
import { isRefused, type Plan } from '../../src/model/plan.ts';
import { NO_POLICY } from '../../src/model/policy.ts';
import { type Route, routeKey } from '../../src/model/route.ts';
import { observe } from '../../src/observe/observe.ts';
import { plan } from '../../src/planner/plan.ts';
import { createRegistry } from '../../src/registry/claims-file.ts';
import { createJournal } from '../../src/registry/journal-file.ts';
import { Faults } from '../fakes/faults.ts';
import { injectFiles } from '../fakes/files.ts';
import { OWNER, planOf, route } from '../fakes/plans.ts';
import { temporaryDirectory } from '../fakes/temporary.ts';
import { World } from '../fakes/world.ts';
import * as build from '../planner/build.ts';

/** Routes of others, of which nothing may ever change. */
const FOREIGN: readonly Route[] = [
  route('0.0.0.0/0', { metric: 0, protocol: 16, gateway: '192.168.1.1', device: 'eth0' }),
  route('192.168.39.0/24', { metric: 0, protocol: 2, gateway: null }),
  route('172.30.0.0/16', { metric: 50, protocol: 3, gateway: '10.8.0.1', device: 'tun0' }),
  route('10.55.0.0/16', { gateway: '192.168.39.9' }),
];

const FOREIGN_KEYS: ReadonlySet<string> = new Set(FOREIGN.map(routeKey));

const MOVED = '192.168.39.206';

interface Asked {
  readonly gateway?: string;
  readonly pool?: string;
  readonly mode?: DesiredState['mode'];
}

function asked({ gateway = build.VM, pool, mode = 'present' }: Asked = {}): DesiredState {
  const profile = build.profile({
    gateway: { value: { ipv4: gateway, ipv6: null }, at: build.AT },
    services: { value: [build.cidr('10.96.0.0/12')], at: build.AT },
    pods: { value: [build.cidr('10.244.0.0/16')], at: build.AT },
    loadBalancer: build.loadBalancer(pool === undefined ? [] : [pool], { unclassed: true }),
  });
  return build.desired([profile], { spec: OWNER.spec, mode });
}

/** What a plan does, by what is asked for before and after. */
export const KINDS: Readonly<
  Record<string, { readonly from: DesiredState | null; readonly to: DesiredState }>
> = {
  create: { from: null, to: asked() },
  'gateway move': { from: asked(), to: asked({ gateway: MOVED }) },
  delete: { from: asked(), to: asked({ mode: 'absent' }) },
  'Services given': { from: asked(), to: asked({ pool: '10.200.0.0/29' }) },
  'Services cleared': {
    from: asked({ pool: '10.200.0.0/29' }),
    to: asked({ pool: '10.200.0.0/29', mode: 'absent' }),
  },
  'pool eviction': { from: asked({ pool: '10.200.0.0/29' }), to: asked({ pool: '10.200.0.8/29' }) },
};

/** Everything of ours that a transaction may change, comparable. */
export interface Ours {
  readonly routes: readonly string[];
  readonly claims: readonly string[];
  readonly ingress: readonly string[];
}

const sorted = (texts: Iterable<string>) => [...texts].sort((a, b) => (a < b ? -1 : 1));

/** A host and a cluster that outlive the processes working on them; those plan by what they observe. */
export class FaultWorld {
  readonly world: World;
  #faults = new Faults();

  private constructor(dir: string) {
    this.world = new World(dir, FOREIGN);
  }

  /** In the state before a plan of this kind. */
  static async before(kind: string): Promise<FaultWorld> {
    const dir = await temporaryDirectory();
    const made = new FaultWorld(dir);
    for (const name of ['web', 'api']) made.world.services.add(name);
    await injectFiles(dir, () => made.#faults);
    const from = KINDS[kind]?.from ?? null;
    if (from !== null) await made.apply(from);
    made.world.kernel.tried.length = 0;
    return made;
  }

  /** A new process that applies. */
  async apply(desired: DesiredState, faults = new Faults()): Promise<ApplyOutcome> {
    return await this.world.applyWith(this.#ports(desired, faults), {
      approve: (made) => (isRefused(made) ? new Failure('conflict', made.diagnostics) : null),
    });
  }

  /** A new process that recovers, and does nothing else. */
  async recover(faults = new Faults()): Promise<void> {
    this.#faults = faults;
    await this.world.recover(planOf([]), faults);
  }

  #ports(desired: DesiredState, faults: Faults): ApplyPorts {
    this.#faults = faults;
    const { kernel } = this.world;
    return {
      ...this.world.ports(planOf([]), faults),
      routeChanger: {
        start: () => kernel.start(),
        take: () => kernel.take(),
        change: (changes) => kernel.change(changes),
        close: () => kernel.close(),
        release: async () => {
          faults.step('helper.release');
          await kernel.release();
        },
      },
      observe: async () => {
        faults.step('observe');
        return plan(desired, await this.observe(desired));
      },
    };
  }

  /** What is there, without faults. */
  async observe(desired: DesiredState): Promise<ObservedState> {
    const { kernel, services, dir } = this.world;
    const cluster = build.cluster({
      nodes: [build.node('minikube', [build.VM], []), build.node('moved', [MOVED], [])],
      services: services.all(),
      allocations: services.record,
      participants: [...services.participants],
    });
    return await observe(desired, {
      // Looking is no operation of the process that a fault is meant for.
      routeTable: {
        capabilities: kernel.capabilities,
        identity: () => kernel.identity(),
        snapshot: () => kernel.snapshot(),
        routesTo: async () => (await kernel.snapshot()).routes,
        mainRoutes: async () => (await kernel.snapshot()).routes,
        answers: async () => [],
      },
      registry: createRegistry(dir),
      journal: createJournal(dir),
      host: {
        critical: async () => [],
        policy: () => NO_POLICY,
        identity: async () => ({ id: 'host', person: 'me@here' }),
      },
      profiles: {
        config: async () => null,
        ip: async () => build.VM,
        list: async () => [],
        rest: async () => null,
        tunnels: async () => ({ tunnels: [], problems: [] }),
      },
      cluster: async () => ({
        context: async () => ({
          name: 'minikube',
          server: `https://${build.VM}:8443`,
          fromMinikube: true,
          answeredAt: build.VM,
          program: null,
          proxy: null,
        }),
        observe: async () => cluster,
        applyStatus: () => Promise.reject(new Error('an observation changes nothing')),
        authenticate: async () => undefined,
        createEvent: () => Promise.reject(new Error('an observation changes nothing')),
        writeAllocations: () => Promise.reject(new Error('an observation changes nothing')),
        join: () => Promise.reject(new Error('an observation changes nothing')),
        announceLeaving: () => Promise.reject(new Error('an observation changes nothing')),
        leave: () => Promise.reject(new Error('an observation changes nothing')),
        watch: () => ({ isLive: false, stop: () => undefined }),
        retry: () => undefined,
        close: async () => undefined,
      }),
    });
  }

  async plan(desired: DesiredState): Promise<Plan> {
    this.#faults = new Faults();
    return plan(desired, await this.observe(desired));
  }

  /** Whether the cluster has our Lease. */
  get hasLease(): boolean {
    return this.world.services.participants.length > 0;
  }

  async ours(): Promise<Ours> {
    this.#faults = new Faults();
    const { kernel, services } = this.world;
    return {
      routes: kernel.keys().filter((key) => !FOREIGN_KEYS.has(key)),
      claims: sorted((await this.world.claims()).map(claimKey)),
      ingress: sorted(services.all().map(({ name, ingress }) => `${name} ${ingress.join(' ')}`)),
    };
  }

  /** What is wrong at whatever moment; nothing when all is well. */
  async wrongs(desired: DesiredState): Promise<string[]> {
    const { routes, claims } = await this.ours();
    const { kernel, services } = this.world;
    const wrong = FOREIGN.filter((one) => !kernel.has(one)).map(
      (one) => `foreign route gone: ${routeKey(one)}`,
    );
    const open = await this.world.open();
    const journaled = (open?.intents ?? []).flatMap(({ step }) => [step.before, step.after]);
    const named = new Set([...claims, ...journaled.flatMap((one) => (one === null ? [] : [routeKey(one)]))]);
    wrong.push(
      ...routes.filter((key) => !named.has(key)).map((key) => `neither claimed nor journaled: ${key}`),
    );
    const isRouted = routes.some((key) => key.includes('10.200.0.') && key.startsWith('unicast'));
    if (isRouted && !this.hasLease) wrong.push('routes to Services stand without a Lease');
    const holders = services.all().flatMap(({ ingress }) => ingress);
    if (new Set(holders).size < holders.length) wrong.push('an address is shown twice');
    return [...wrong, ...(await this.#untruths(desired))];
  }

  /** What `status` would say that is not so. */
  async #untruths(desired: DesiredState): Promise<string[]> {
    const observed = await this.observe(desired);
    const { routes } = statusOf(desired, plan(desired, observed), observed);
    return routes.flatMap(({ state, route: shown }) => {
      // What is outdated is claimed; what is shown is to come of it, and an open transaction may have made it.
      if (state === 'outdated') return [];
      const isThere = state === 'present' || state === 'unwanted' || state === 'unknown';
      return this.world.kernel.has(shown) === isThere ? [] : [`status says ${state} of ${routeKey(shown)}`];
    });
  }
}

export function sameOurs(a: Ours, b: Ours): boolean {
  return isDeepStrictEqual(a, b);
}
