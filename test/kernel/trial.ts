import { rm } from 'node:fs/promises';
import type { ServicePort } from '../../src/executor/services.ts';
import type { ApplyOutcome, ApplyPorts } from '../../src/machine/apply-ports.ts';
import { runApply } from '../../src/machine/run.ts';
import type { ServiceStatus } from '../../src/model/condition.ts';
import type { DesiredState } from '../../src/model/desired.ts';
import { Failure } from '../../src/model/diagnostic.ts';
import {
  type Answer,
  FIELD_MANAGER,
  type ObservedProfile,
  type ObservedService,
  type ObservedState,
} from '../../src/model/observed.ts';
import { isRefused, type Plan } from '../../src/model/plan.ts';
import { addressOf, contains, formatAddress, lastOf, type Prefix } from '../../src/model/prefix.ts';
import { addressesToAsk } from '../../src/observe/answers.ts';
import { vpnEndpoints } from '../../src/observe/critical.ts';
import { Forwarding } from '../../src/planner/conflicts/forwarding.ts';
import { plan } from '../../src/planner/plan.ts';
import type { RouteChanger } from '../../src/platform/route-table.ts';
import { createRegistry } from '../../src/registry/claims-file.ts';
import { createJournal } from '../../src/registry/journal-file.ts';
import * as build from '../planner/build.ts';
import type { Laptop } from './laptop.ts';
import { type Case, type CaseProfile, prefixesOfCase } from './tables.ts';

/** What became of a case; the table was as before after all of it. */
export interface Verdict {
  readonly end: 'refused' | 'nothing' | 'unsettled' | 'applied';
  /** Addresses that the model of forwarding answered for as the kernel did, and those that it left open. */
  readonly modelled: number;
  readonly unknown: number;
}

/** What does not hold, with what was looked at. */
class Broken extends Error {}

function hold(holds: boolean, message: () => string): asserts holds {
  if (!holds) throw new Broken(message());
}

const POOLS = ['10.200.0.0/29', '10.200.1.0/29', '10.200.2.0/29'];
const NODE_6 = 'fd00:39::174';

/** The first and last address of a prefix, and its neighbours outside. */
function edgesOf(prefix: Prefix): Prefix[] {
  const [first, last] = [BigInt(prefix.start), BigInt(lastOf(prefix))];
  return [first - 1n, first, last, last + 1n].flatMap((value) => addressOf(prefix.family, value) ?? []);
}

/** Addresses that a lookup treats as any other; multicast, loopback and their like have ways of their own. */
function isOrdinary({ family, start }: Prefix): boolean {
  if (family === 6) return start >> 124n === 0xfn && start >> 120n < 0xfen;
  const first = Math.floor(start / 2 ** 24);
  return first > 0 && first < 224 && first !== 127;
}

function addressesOf(prefixes: readonly Prefix[]): Prefix[] {
  const byText = new Map(prefixes.flatMap(edgesOf).map((address) => [formatAddress(address), address]));
  const samples = [
    '10.1.2.3',
    '10.99.9.9',
    '11.0.0.1',
    '172.16.9.9',
    '192.168.1.77',
    '8.8.8.8',
    'fd00:9::9',
    'fd99::1',
  ];
  for (const text of samples) byText.set(text, build.prefix(text));
  return [...byText.values()].filter(isOrdinary);
}

/** The cluster of one profile: nothing but LoadBalancer Services, and the record of their addresses. */
class Cluster {
  services: ObservedService[];
  /** Our Lease, while it is there. */
  participants: readonly (typeof build.OWN)[] = [];
  allocations: NonNullable<ObservedProfile['cluster']>['allocations'] = {
    resourceVersion: null,
    allocations: [],
  };

  constructor(count: number) {
    const named = Array.from({ length: count }, (_, index) => build.service(`web${index}`));
    this.services = named.map((service) => ({ ...service, loadBalancerClass: 'mkplan/tunnel' }));
  }

  applyStatus(uid: string, { addresses, condition }: ServiceStatus): string {
    this.services = this.services.map((service) =>
      service.uid === uid
        ? {
            ...service,
            ingress: addresses,
            ingressManager: addresses.length === 0 ? null : FIELD_MANAGER,
            condition: condition === null ? null : { ...condition, manager: FIELD_MANAGER },
            resourceVersion: `${service.resourceVersion}1`,
          }
        : service,
    );
    return this.services.find((service) => service.uid === uid)?.resourceVersion ?? '';
  }
}

function nameOf(index: number): string {
  return `vm${index}`;
}

function desiredProfile({ cidrs, pods, policy, services }: CaseProfile, index: number) {
  const networks = (texts: readonly string[]) => ({
    value: texts.map((text) => build.cidr(text, policy)),
    at: build.AT,
  });
  return build.profile({
    name: nameOf(index),
    context: nameOf(index),
    conflictPolicy: { value: policy, at: build.AT },
    gateway: { value: { ipv4: build.VM, ipv6: NODE_6 }, at: build.AT },
    services: networks(cidrs),
    pods: networks(pods),
    loadBalancer: build.loadBalancer(services === 0 ? [] : [POOLS[index] ?? '']),
  });
}

/** One case, from the table as it is laid to the table as it was. */
export class Trial {
  readonly #laptop: Laptop;
  readonly #case: Case;
  readonly #directory: string;
  readonly #clusters: Map<string, Cluster>;
  readonly #desired: DesiredState;
  /** Addresses that must keep their way, and what was said of them before. */
  #watched: readonly string[] = [];
  #before: readonly (Answer | null)[] = [];
  #dump = '';

  constructor(laptop: Laptop, given: Case, directory: string) {
    this.#laptop = laptop;
    this.#case = given;
    this.#directory = directory;
    this.#desired = build.desired(given.profiles.map(desiredProfile));
    this.#clusters = new Map(
      given.profiles.map(({ services }, index) => [nameOf(index), new Cluster(services)]),
    );
  }

  async run(): Promise<Verdict> {
    await this.#laptop.lay(this.#case);
    this.#dump = await this.#laptop.dump();
    const prefixes = [...prefixesOfCase(this.#case), ...POOLS].map(build.prefix);
    const addresses = addressesOf(prefixes);
    const asked = await this.#laptop.answers(addresses.map(formatAddress));
    const observed = await this.#observe();
    const verdict = holdModel(observed, addresses, asked);
    const declared = this.#declared();
    const outside = addresses.map((address) => !declared.some((one) => contains(one, address)));
    this.#watched = addresses.filter((_, index) => outside[index]).map(formatAddress);
    this.#before = asked.filter((_, index) => outside[index]);
    const planned = plan(this.#desired, observed);
    if (isRefused(planned)) return { end: 'refused', ...verdict };
    if (planned.waves.length === 0) return { end: 'nothing', ...verdict };
    await this.#failedApply();
    const applied = await this.#transact(this.#desired, (changer) => changer);
    if (applied.kind === 'rolled-back' && this.#hasUnknownRule(observed)) {
      // Whether such a rule applies only the kernel knows: it is asked when all is done.
      await this.#sameAsBefore('after an apply that the kernel did not go along with');
      return { end: 'unsettled', ...verdict };
    }
    hold(applied.kind === 'done', () => `not applied: ${told(applied)}`);
    await this.#look('applied');
    const again = plan(this.#desired, await this.#observe());
    hold(again.waves.length === 0, () => 'the plan after apply is not empty');
    await this.#apply('destroyed', { ...this.#desired, mode: 'absent' });
    await this.#sameAsBefore('after destroy');
    return { end: 'applied', ...verdict };
  }

  #hasUnknownRule({ host }: ObservedState): boolean {
    return host.rules.some((rule) => rule.applies === 'unknown');
  }

  #declared(): Prefix[] {
    const cidrs = this.#case.profiles.flatMap((one, index) => [
      ...one.cidrs,
      ...one.pods,
      ...(one.services === 0 ? [] : [POOLS[index] ?? '']),
    ]);
    return cidrs.map(build.prefix);
  }

  async #observe(): Promise<ObservedState> {
    const profiles = [...this.#clusters].map(([name, { services, allocations, participants }]) =>
      build.observedProfile({
        name,
        context: {
          name,
          server: `https://${build.VM}:8443`,
          fromMinikube: true,
          answeredAt: build.VM,
          program: null,
          proxy: null,
        },
        cluster: build.cluster({
          services,
          allocations,
          participants,
          nodes: [build.node('minikube', [build.VM, NODE_6], ['10.244.0.0/24'])],
        }),
      }),
    );
    const claims = await createRegistry(this.#directory).read();
    const host = await this.#laptop.observe((rules) =>
      addressesToAsk(this.#desired.profiles, profiles, rules),
    );
    const critical = vpnEndpoints(host.routes, claims);
    return { host: { ...host, critical }, registry: { claims, open: null }, profiles };
  }

  /** The addresses outside have their way as before; between waves, too. */
  async #look(when: string): Promise<void> {
    const now = await this.#laptop.answers(this.#watched);
    for (const [index, address] of this.#watched.entries()) {
      const [was, is] = [JSON.stringify(this.#before[index]), JSON.stringify(now[index])];
      hold(was === is, () => `${when}, ${address} goes ${is}, and not ${was}`);
    }
  }

  async #sameAsBefore(when: string): Promise<void> {
    await this.#look(when);
    const dump = await this.#laptop.dump();
    hold(dump === this.#dump, () => `${when}, the table is another:\n${this.#dump}\n--- now\n${dump}`);
  }

  /** The system refuses half of what one call asks for. */
  async #failedApply(): Promise<void> {
    const failing = this.#case.failing;
    let call = 0;
    let hasFailed = false;
    const outcome = await this.#transact(this.#desired, (changer) => ({
      ...changer,
      change: async (changes) => {
        // What follows a failure undoes, and is not hindered.
        const isInjected = !hasFailed && call++ === failing % 2;
        const done = isInjected ? Math.floor(changes.length / 2) : changes.length;
        const failures = await changer.change(changes.slice(0, done));
        const refused = changes.slice(done).map((_, index) => ({ index: done + index, message: 'injected' }));
        hasFailed ||= failures.length + refused.length > 0;
        return [...failures, ...refused];
      },
    }));
    // A plan with one call only is not failed by its second.
    if (outcome.kind === 'done') await this.#apply('destroyed', { ...this.#desired, mode: 'absent' });
    else hold(outcome.kind === 'rolled-back', () => `the failed apply ended as ${told(outcome)}`);
    await this.#sameAsBefore('after a failed apply');
  }

  async #apply(what: string, desired: DesiredState): Promise<void> {
    const outcome = await this.#transact(desired, (changer) => changer);
    hold(outcome.kind === 'done', () => `not ${what}: ${told(outcome)}`);
    await this.#look(what);
  }

  async #transact(
    desired: DesiredState,
    around: (changer: RouteChanger) => RouteChanger,
  ): Promise<ApplyOutcome> {
    const changer = await this.#laptop.changer();
    try {
      const ports = this.#ports(desired, around(changer));
      const approve = (planned: Plan) => (isRefused(planned) ? new Failure('conflict', []) : null);
      const options = {
        fingerprint: null,
        confirmation: null,
        approve,
        waitMs: 0,
        doing: 'test',
        signal: new AbortController().signal,
      };
      return await runApply(ports, options, () => undefined);
    } finally {
      await changer.close();
    }
  }

  #ports(desired: DesiredState, changer: RouteChanger): ApplyPorts {
    const clusterOf = (name: string) => this.#clusters.get(name) ?? new Cluster(0);
    const services: ServicePort = {
      applyStatus: async (name, target, status) => clusterOf(name).applyStatus(target.uid, status),
      createEvent: async () => undefined,
      giveUp: () => undefined,
      writeAllocations: async ({ profile, after }) => {
        clusterOf(profile).allocations = { resourceVersion: '1', allocations: after };
      },
      join: async (name, serves) => {
        clusterOf(name).participants = [{ ...build.OWN, serves }];
      },
      announceLeaving: async () => undefined,
      leave: async (name) => {
        clusterOf(name).participants = [];
      },
      list: async (name) => clusterOf(name).services,
    };
    return {
      routeTable: this.#laptop.routeTable,
      routeChanger: {
        ...changer,
        change: async (changes) => {
          const failures = await changer.change(changes);
          await this.#look('between waves');
          return failures;
        },
        // Its end is the trial's to bring about.
        close: async () => undefined,
      },
      registry: createRegistry(this.#directory),
      journal: createJournal(this.#directory),
      lock: { acquire: async () => ({ release: async () => undefined }) },
      services,
      servicesIn: () => services,
      uptimeMs: () => 0,
      observe: async () => plan(desired, await this.#observe()),
      now: () => new Date(0),
      txid: () => 'trial',
      owner: async () => ({
        spec: desired.spec,
        mode: 'persistent',
        pid: 1,
        startTime: '1',
        bootId: 'boot-1',
        networkNamespace: '1',
      }),
    };
  }

  async close(): Promise<void> {
    await rm(this.#directory, { recursive: true, force: true });
  }
}

function told({ kind, diagnostics }: ApplyOutcome): string {
  return `${kind}: ${diagnostics.map(({ code, summary, cause }) => `${code}: ${summary} (${cause})`).join('; ')}`;
}

/** The model and the kernel agree about every address of which the model says something. */
function holdModel(
  { host }: ObservedState,
  addresses: readonly Prefix[],
  answers: readonly (Answer | null)[],
): Pick<Verdict, 'modelled' | 'unknown'> {
  const model = new Forwarding(host);
  let unknown = 0;
  for (const [index, address] of addresses.entries()) {
    const decision = model.decide(address);
    const answer = answers[index] ?? null;
    if (decision.by === 'unknown') {
      unknown++;
      continue;
    }
    hold(agrees(decision, answer), () => {
      const said = JSON.stringify(decision, (_, value: unknown) =>
        typeof value === 'bigint' ? String(value) : value,
      );
      return `${formatAddress(address)}: the model says ${said}, the kernel ${JSON.stringify(answer)}`;
    });
  }
  return { modelled: addresses.length - unknown, unknown };
}

function agrees(decision: ReturnType<Forwarding['decide']>, answer: Answer | null): boolean {
  if (decision.by === 'nobody') return answer === null;
  // The kernel tells an unreachable rule as it tells that there is no route.
  if (decision.by === 'rule') {
    return decision.rule.action === 'unreachable' ? answer === null : answer?.type === decision.rule.action;
  }
  if (decision.by !== 'route' || answer === null) return false;
  const { type, table, gateway, device, nextHops } = decision.route;
  if (type !== 'unicast') return answer.type === type;
  if (answer.type !== 'unicast' || answer.table !== table) return false;
  const hops = nextHops.length === 0 ? [{ gateway, device }] : nextHops;
  return hops.some((hop) => hop.gateway === answer.gateway && hop.device === answer.device);
}
