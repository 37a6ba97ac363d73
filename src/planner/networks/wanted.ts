import type { Allocation } from '../../model/allocation.ts';
import type { ConflictPolicy, DesiredProfile } from '../../model/desired.ts';
import type { Diagnostic, SourcePosition } from '../../model/diagnostic.ts';
import type { ObservedHost, ObservedProfile, ObservedService } from '../../model/observed.ts';
import type { Approval, ProfileSummary, Purpose, ServiceSummary } from '../../model/plan.ts';
import { serviceName } from '../../model/plan.ts';
import { addressBits, contains, formatPrefix, type Prefix, parseAddress } from '../../model/prefix.ts';
import { prefixesOf } from '../../model/range.ts';
import { allocate } from '../addresses/allocate.ts';
import { subtract } from '../addresses/pool.ts';
import { contextApprovals } from '../approvals.ts';
import { withoutPatch } from '../rights.ts';
import { chooseGateway, type Gateway, type GatewayChoice } from './gateway.ts';
import { choosePods, chooseServices, type Facts } from './networks.ts';
import { NodeAddresses } from './node-address.ts';
import { offLink } from './off-link.ts';
import { Reach } from './reach.ts';
import { type ServiceGateway, ServiceGateways } from './service-gateways.ts';
import type { Network } from './sources.ts';
import { strangeFacts } from './strange.ts';
import { ThisHost } from './this-host.ts';

/** A route that the spec asks for, before it is held against what is there. */
export interface WantedRoute {
  readonly profile: string;
  readonly purpose: Purpose;
  readonly type: 'unicast' | 'unreachable';
  readonly destination: Prefix;
  /** Canonical text; null for guards. */
  readonly gateway: string | null;
  readonly device: string | null;
  readonly conflictPolicy: ConflictPolicy;
  readonly at: SourcePosition;
  /** For people: why it is wanted. */
  readonly reason: string;
  /** For `load-balancer`: the `namespace/name` that the address belongs to. */
  readonly service: string | null;
}

/** Everything that one profile asks for. */
export interface WantedProfile {
  readonly summary: ProfileSummary;
  readonly routes: readonly WantedRoute[];
  readonly services: readonly ServiceSummary[];
  /** The cluster's record of allocations as it should be; null where it is not ours to write. */
  readonly record: readonly Allocation[] | null;
  readonly diagnostics: readonly Diagnostic[];
  readonly approvals: readonly Approval[];
  /** Of these, something could not be read that may tell of more: what stands of them stays. */
  readonly unsure: ReadonlySet<Purpose>;
  /** Networks of a cluster on this host, which need no route. */
  readonly here: readonly ReachedNetwork[];
}

/** A network of a profile. */
export type ReachedNetwork = Pick<WantedRoute, 'profile' | 'purpose' | 'destination'>;

function unreachable(profile: DesiredProfile, observed: ObservedProfile): Diagnostic | null {
  const reason = profile.via === 'auto' ? (observed.config?.unroutable ?? null) : null;
  if (reason === null) return null;
  return {
    code: 'network-unroutable',
    severity: 'error',
    summary: `profile ${profile.name}: its driver ${observed.config?.driver} cannot be routed to`,
    cause: reason,
    fix: 'use a driver whose network the host can reach, such as kvm2, hyperkit, vfkit or hyperv; remove the profile from the spec until then',
    at: profile.at,
  };
}

/** What the routes of one profile are built by. */
interface Grounds {
  readonly profile: DesiredProfile;
  readonly observed: ObservedProfile;
  readonly host: ObservedHost;
  readonly reach: Reach;
  readonly addresses: NodeAddresses;
}

/** Builds the wanted routes of one profile; what the kernel would refuse is left out, and said once a gateway. */
class RouteBuilder {
  readonly #grounds: Grounds;
  readonly #profile: DesiredProfile;
  readonly #offLink = new Set<string>();
  readonly diagnostics: Diagnostic[] = [];

  constructor(grounds: Grounds) {
    this.#grounds = grounds;
    this.#profile = grounds.profile;
  }

  network(purpose: Purpose, network: Network): WantedRoute[] {
    const { prefix, gateway, at, conflictPolicy, source } = network;
    if (gateway === null) {
      this.diagnostics.push(this.#noGateway(prefix, at));
      return [];
    }
    return this.#via(purpose, prefix, gateway, { at, conflictPolicy, reason: source, service: null });
  }

  address(service: ServiceSummary, text: string, { address: gateway, node }: ServiceGateway): WantedRoute[] {
    const prefix = parseAddress(text);
    if (prefix === null) return [];
    const { at } = this.#profile.loadBalancer;
    const name = serviceName(service);
    if (gateway === null) {
      const { family } = prefix;
      const what = `the packets to Service ${name} (${text})`;
      const problem =
        node === null
          ? this.#noGateway(prefix, at)
          : this.#grounds.addresses.missing({ node, family, what }, this.#profile, at);
      this.diagnostics.push(problem);
      return [];
    }
    const conflictPolicy = this.#profile.conflictPolicy.value;
    const reason = `Service ${name}`;
    return this.#via('load-balancer', prefix, gateway, { at, conflictPolicy, reason, service: name });
  }

  /** The pool, less what is excluded, closed by unreachable routes; an allocated full-length end needs none. */
  guards(allocated: ReadonlySet<string>): WantedRoute[] {
    const { pool, exclude, at } = this.#profile.loadBalancer;
    if (!this.#grounds.host.capabilities.guards) return [];
    return pool
      .flatMap((range) => subtract(range, exclude))
      .flatMap(prefixesOf)
      .filter((prefix) => prefix.length < addressBits(prefix.family) || !allocated.has(formatPrefix(prefix)))
      .map((destination) => ({
        profile: this.#profile.name,
        purpose: 'guard',
        type: 'unreachable',
        destination,
        gateway: null,
        // Linux shows every IPv6 route of a rejecting type on lo, and none for IPv4.
        device: destination.family === 6 ? 'lo' : null,
        conflictPolicy: this.#profile.conflictPolicy.value,
        at,
        reason: 'closes the pool behind its allocated addresses',
        service: null,
      }));
  }

  #via(
    purpose: Purpose,
    destination: Prefix,
    gateway: string,
    rest: Pick<WantedRoute, 'at' | 'conflictPolicy' | 'reason' | 'service'>,
  ): WantedRoute[] {
    const { reach, observed, host } = this.#grounds;
    const device = reach.deviceTowards(gateway);
    if (device === null) {
      if (!this.#offLink.has(gateway)) this.diagnostics.push(offLink(gateway, this.#profile, observed, host));
      this.#offLink.add(gateway);
      return [];
    }
    return [{ profile: this.#profile.name, purpose, type: 'unicast', destination, gateway, device, ...rest }];
  }

  #noGateway(prefix: Prefix, at: SourcePosition): Diagnostic {
    return {
      code: 'gateway-family',
      severity: 'warning',
      summary: `profile ${this.#profile.name}: ${formatPrefix(prefix)} is left out`,
      cause: `the profile has no IPv${prefix.family} gateway`,
      fix: `give one as spec.profiles[].gateway.ipv${prefix.family}`,
      at,
    };
  }
}

function nothing(profile: DesiredProfile, diagnostics: readonly Diagnostic[]): WantedProfile {
  const summary = { name: profile.name, gateways: [], services: [], pods: [] };
  return {
    summary,
    routes: [],
    services: [],
    record: null,
    diagnostics,
    approvals: [],
    unsure: new Set(),
    here: [],
  };
}

/** A cluster on this host: its Services have addresses, and kube-proxy here takes what is sent to them, without a route. */
function reachedHere(
  facts: Facts,
  here: Gateway,
  { services, record, diagnostics }: Pick<WantedProfile, 'services' | 'record' | 'diagnostics'>,
): WantedProfile {
  const { profile, observed, gateways } = facts;
  const networks = [
    ...chooseServices(facts).networks.map(({ prefix }) => ({ purpose: 'services' as const, prefix })),
    ...choosePods(facts).networks.map(({ prefix }) => ({ purpose: 'pods' as const, prefix })),
  ];
  return {
    ...nothing(profile, [...diagnostics, ...gateways.diagnostics]),
    summary: { name: profile.name, gateways: [here], onThisHost: true, services: [], pods: [] },
    services,
    record,
    approvals: [...contextApprovals(observed), ...gateways.approvals],
    unsure: new Set(facts.isUnsure ? (['services', 'pods'] as const) : []),
    here: networks.map(({ purpose, prefix: destination }) => ({
      profile: profile.name,
      purpose,
      destination,
    })),
  };
}

/**
 * Works out what a profile asks for. With `mode: absent` that is nothing at all. `routed` are the LoadBalancer
 * addresses that this spec has routes to, `left` the Services whose ingress an ended `minikube tunnel` left.
 */
export function wantedOf(
  profile: DesiredProfile,
  observed: ObservedProfile,
  host: ObservedHost,
  routed: ReadonlySet<string>,
  left: ReadonlySet<ObservedService>,
): WantedProfile {
  const refusal = unreachable(profile, observed);
  if (refusal !== null) {
    return nothing(profile, [refusal]);
  }
  const reach = new Reach(host);
  const addresses = new NodeAddresses(observed, reach);
  const thisHost = new ThisHost(observed, host, reach);
  const gateways = chooseGateway(profile, observed, { reach, thisHost });
  const strange = strangeFacts(profile, observed);
  const facts = { profile, observed, gateways, addresses, isUnsure: strange.length > 0 };
  const { services: allocated, record } =
    observed.cluster === null
      ? { services: [], record: null }
      : allocate(profile, observed.cluster, routed, left);
  const summaries = observed.cluster === null ? allocated : withoutPatch(allocated, observed.cluster);
  if (gateways.here !== null) {
    return reachedHere(facts, gateways.here, { services: summaries, record, diagnostics: strange });
  }
  const services = chooseServices(facts);
  const pods = choosePods(facts);

  const builder = new RouteBuilder({ profile, observed, host, reach, addresses });
  const known = gateways.ipv4 !== null || gateways.ipv6 !== null;
  const serviceGateways = new ServiceGateways(gateways, addresses, observed.cluster);
  const routes = known
    ? routesOf(builder, profile, { gateways: serviceGateways, services, pods, summaries })
    : [];
  return {
    summary: summaryOf(profile.name, gateways, services.networks, pods.networks),
    routes,
    services: summaries,
    record,
    diagnostics: [
      ...strange,
      ...gateways.diagnostics,
      ...services.diagnostics,
      ...pods.diagnostics,
      ...builder.diagnostics,
    ],
    approvals: [
      ...contextApprovals(observed),
      ...gateways.approvals,
      ...services.approvals,
      ...pods.approvals,
    ],
    unsure: new Set<Purpose>([
      ...(services.isUnsure ? ['services' as const] : []),
      ...(pods.isUnsure ? ['pods' as const] : []),
    ]),
    here: [],
  };
}

function routesOf(
  builder: RouteBuilder,
  profile: DesiredProfile,
  choice: {
    gateways: ServiceGateways;
    services: { networks: readonly Network[] };
    pods: { networks: readonly Network[] };
    summaries: readonly ServiceSummary[];
  },
): WantedRoute[] {
  const networks = [
    ...choice.services.networks.flatMap((network) => builder.network('services', network)),
    ...choice.pods.networks.flatMap((network) => builder.network('pods', network)),
  ];
  const addresses = choice.summaries
    .filter((service) => service.state === 'served')
    .flatMap((service) =>
      service.addresses.flatMap((address) =>
        builder.address(service, address, choice.gateways.of(service, address)),
      ),
    )
    // `assign: clusterIP` gives addresses of the service network, which is routed already.
    .filter((route) => !networks.some((network) => contains(network.destination, route.destination)));
  const guards =
    profile.loadBalancer.assign === 'pool'
      ? builder.guards(new Set(addresses.map((route) => formatPrefix(route.destination))))
      : [];
  return [...networks, ...addresses, ...guards];
}

function summaryOf(
  name: string,
  gateways: GatewayChoice,
  services: readonly Network[],
  pods: readonly Network[],
): ProfileSummary {
  const cidrs = (networks: readonly Network[]) =>
    networks.map((network) => ({ cidr: formatPrefix(network.prefix), source: network.source }));
  return {
    name,
    gateways: [gateways.ipv4, gateways.ipv6].filter((gateway) => gateway !== null),
    services: cidrs(services),
    pods: cidrs(pods),
  };
}
