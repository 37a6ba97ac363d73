import type { Claim } from '../../../model/claim.ts';
import { type DesiredState, specProfiles } from '../../../model/desired.ts';
import type { Diagnostic } from '../../../model/diagnostic.ts';
import {
  type ObservedHost,
  type ObservedProfile,
  type ObservedService,
  type ObservedState,
  unobservedOf,
} from '../../../model/observed.ts';
import {
  type Plan,
  type RouteStep,
  type ServiceState,
  serviceName,
  type Unproven,
} from '../../../model/plan.ts';
import { formatPrefix, type Prefix, parseAddress } from '../../../model/prefix.ts';
import { PrefixIndex } from '../../../model/prefix-index.ts';
import { compareRoutes, DEFAULT_PROTOCOL, type Route } from '../../../model/route.ts';
import { readyEndpoints } from '../../../planner/addresses/endpoints.ts';
import { tellApart } from '../../../planner/conflicts/foreign.ts';
import { tunnelDiagnostics } from '../../../planner/networks/minikube.ts';
import { isOfObstacle } from '../../../planner/obstacles.ts';
import type {
  LostRoute,
  NodeStatus,
  RouteStatus,
  ServiceStatus,
  StatusReport,
} from '../../views/status-report.ts';
import { count } from '../../views/text.ts';
import { Doubts, isFulfilled } from './doubts.ts';

/** What a plan says that is wrong with what stands. */
const TOLD: ReadonlySet<string> = new Set(['cluster-recreated', 'cluster-shared', 'node-address']);

/** The whole of a diagnostic in one text. */
function textOf({ summary, cause, fix, command }: Diagnostic): string {
  const causes = cause.split('\n').join('; ');
  return `${summary} — ${causes} — ${fix}${command === undefined ? '' : ` ${command}`}`;
}

/** The state of a tunnel: what its spec asks for, held against what there is. */
export function statusOf(
  desired: DesiredState,
  plan: Plan,
  observed: ObservedState,
  doubts: Doubts = new Doubts(desired, observed),
): StatusReport {
  const ownership = tellApart(observed, desired.spec, desired.protocol);
  const profiles = new Map(observed.profiles.map((profile) => [profile.name, profile]));
  const services = new Map(
    observed.profiles.flatMap((profile) =>
      (profile.cluster?.services ?? []).map((service) => [
        `${profile.name}/${serviceName(service)}`,
        service,
      ]),
    ),
  );
  const present = [...ownership.owned.values()].map(({ route }) => route);
  for (const step of plan.steps) {
    // A foreign route may be what leads there: the planner leaves such a one alone.
    if (step.kind === 'route' && step.action === 'none' && step.after !== null) present.push(step.after);
  }
  const ways = new PrefixIndex(present, (route) => route.destination);
  const here = new Map(
    plan.profiles.flatMap(({ name, gateways: [own], onThisHost }) =>
      onThisHost === true && own !== undefined ? [[name, own.address] as const] : [],
    ),
  );
  const lostAt = new Set(ownership.lost.map(({ route }) => formatPrefix(route.destination)));
  const isAsked = (profile: string) => desired.only?.names.includes(profile) ?? true;
  const aside = new Set(plan.aside.map(({ profile }) => profile));
  const left = [...ownership.owned.values()].filter(({ claim }) => aside.has(claim.profile));
  const routes = [
    ...plan.steps
      .filter((step) => step.kind === 'route')
      .flatMap((step) => routeStatus(step, profiles.get(step.profile), doubts, lostAt)),
    // The plan leaves them alone, since nobody knows whether the spec still asks for them.
    ...left.map(({ claim }) => claimStatus(claim, 'unknown')),
  ];
  const ready = new Map(observed.profiles.map(({ name, cluster }) => [name, readyEndpoints(cluster)]));
  const served = plan.services.flatMap((summary) => {
    const profile = profiles.get(summary.profile);
    const found = services.get(`${summary.profile}/${serviceName(summary)}`);
    if (profile === undefined || found === undefined) return [];
    const { state, reason } = summary;
    const readyOf = ready.get(summary.profile) ?? (() => null);
    const shown = serviceStatus(profile, found, state, { ways, readyOf });
    const own = here.get(profile.name);
    return [{ ...(own === undefined ? shown : shownHere(shown, profile, own)), state, reason }];
  });
  return {
    routes,
    services: served,
    here: [...here].map(([profile, address]) => ({ profile, address })),
    others: observed.profiles.flatMap(({ name: profile, cluster }) =>
      (cluster?.participants ?? []).flatMap(({ own, ...other }) => (own ? [] : [{ profile, ...other }])),
    ),
    lost: lostRoutes(
      ownership.lost.filter(({ profile }) => isAsked(profile)),
      observed.host,
    ),
    unproven: ownership.unproven.map(({ route, reason }) => ({ route, reason })),
    problems: [
      ...tunnelDiagnostics(desired, observed.host).map(({ summary }) => summary),
      ...observed.host.problems,
      ...plan.diagnostics.filter(({ code }) => TOLD.has(code)).map(({ summary }) => summary),
      ...plan.approvals
        .filter(({ kind }) => kind === 'identity')
        .map(({ profile, why }) => `profile ${profile}: ${why}`),
      ...unseen(observed, desired.spec),
      ...dropped(desired, observed),
      ...plan.diagnostics.flatMap(({ code, severity, summary }) =>
        code === 'rights-missing' && severity === 'error' ? [summary] : [],
      ),
      ...plan.diagnostics.filter(isOfObstacle).map(textOf),
      // Of a profile whose cluster is unobserved, the plan has just said it.
      ...observed.profiles.flatMap((one) =>
        plan.aside.some(({ profile, state }) => profile === one.name && state !== 'out-of-reach')
          ? []
          : unobservedOf(one),
      ),
    ],
    blind: desired.profiles.flatMap(({ name }) => (doubts.areNodesUnknown(name) ? [name] : [])),
    applied:
      observed.registry.claims.some(
        ({ owner, profile }) => owner.spec === desired.spec && isAsked(profile),
      ) ||
      routes.some(({ state }) => state !== 'missing') ||
      served.some((service) => isOurs(service.state) && service.addresses.length > 0),
    fulfilled: isFulfilled(desired, plan, observed, { doubts, routes, services: served }),
  };
}

/** Profiles that the spec does not name any more, and whose clusters are not asked. */
function dropped(desired: DesiredState, { registry }: ObservedState): string[] {
  const { spec } = desired;
  const named = new Set(specProfiles(desired).map(({ name }) => name));
  const gave = registry.claims.filter(
    ({ owner, profile, purpose }) =>
      owner.spec === spec && purpose === 'load-balancer' && !named.has(profile),
  );
  return [...new Set(gave.map(({ profile }) => profile))].map(
    (profile) =>
      `the spec no longer names profile ${profile}, so what its Services show is unknown; put it back, and \`mkplan destroy\` clears them`,
  );
}

function lostRoutes(claims: readonly Claim[], { bootId, links }: ObservedHost): LostRoute[] {
  const up = new Map(links.map((link) => [link.name, link.up]));
  const why = ({ owner, route: { device } }: Claim) => {
    if (owner.bootId !== bootId) return 'the host was restarted since';
    if (device !== null && links.length > 0) {
      const isUp = up.get(device);
      if (isUp === undefined) return `its link ${device} is gone`;
      if (!isUp) return `its link ${device} is down`;
    }
    return 'somebody removed it, or its link was down meanwhile';
  };
  return claims
    .map((claim) => ({ profile: claim.profile, purpose: claim.purpose, route: claim.route, why: why(claim) }))
    .sort((a, b) => compareRoutes(a.route, b.route));
}

/** That there are claims which nothing can be said about from here. */
function unseen({ registry, host }: ObservedState, spec: string): string[] {
  const elsewhere = registry.claims.filter(
    ({ owner }) =>
      owner.spec === spec && owner.bootId === host.bootId && owner.networkNamespace !== host.networkNamespace,
  ).length;
  if (elsewhere === 0) return [];
  return [`${count(elsewhere, 'route')} of it in another network namespace cannot be seen from here`];
}

/** Routes with our protocol that no claim of this user is near to. */
export function unclaimedRoutes(observed: ObservedState): Unproven[] {
  return tellApart(observed, '', DEFAULT_PROTOCOL)
    .unproven.filter(({ claim }) => claim === null)
    .map(({ route, reason }) => ({ route, reason }));
}

/** The state of what is recorded on this host, where there is no spec: claims alone. */
export function claimedStatus(observed: ObservedState): ReadonlyMap<string, StatusReport> {
  const reports = new Map<string, StatusReport>();
  const specs = new Set(observed.registry.claims.map((claim) => claim.owner.spec));
  for (const spec of [...specs].sort((a, b) => (a < b ? -1 : 1))) {
    // No route is asked about its protocol alone here: only claims count.
    const { owned, lost, unproven } = tellApart(observed, spec, 0);
    const routes = [
      ...[...owned.values()].map(({ claim }) => claimStatus(claim, 'present')),
      ...lost.map((claim) => claimStatus(claim, 'missing')),
    ].sort((a, b) => compareRoutes(a.route, b.route));
    const changed = unproven.filter(({ claim }) => claim?.owner.spec === spec);
    reports.set(spec, {
      routes,
      services: [],
      here: [],
      others: [],
      lost: lostRoutes(lost, observed.host),
      unproven: changed.map(({ route, reason }) => ({ route, reason })),
      problems: unseen(observed, spec),
      blind: [...new Set(routes.map(({ profile }) => profile))],
      applied: true,
      fulfilled: null,
    });
  }
  return reports;
}

function claimStatus({ profile, purpose, route }: Claim, state: RouteStatus['state']): RouteStatus {
  return { profile, purpose, route, state, node: null };
}

const STATES: Readonly<Record<RouteStep['action'], RouteStatus['state'] | null>> = {
  none: 'present',
  adopt: 'present',
  create: 'missing',
  replace: 'outdated',
  delete: 'unwanted',
  // Neither wanted nor there: `lost` has it.
  forget: null,
};

/** `lostAt`: the destinations that had a route of ours, and have none now. */
function routeStatus(
  step: RouteStep,
  profile: ObservedProfile | undefined,
  doubts: Doubts,
  lostAt: ReadonlySet<string>,
): RouteStatus[] {
  const shown = step.after ?? step.before;
  const state = STATES[step.action];
  if (shown === null || state === null) return [];
  const { purpose } = step;
  const isDoubtful = state !== 'present' && doubts.areRoutesUnknown(step.profile, purpose);
  if (!isDoubtful || state === 'missing') {
    // A guess of what the cluster would say is not something that the spec asks for.
    if (isDoubtful && !lostAt.has(formatPrefix(shown.destination))) return [];
    return [{ profile: step.profile, purpose, route: shown, state, node: nodeAt(profile, shown.gateway) }];
  }
  const route = step.before ?? shown;
  return [{ profile: step.profile, purpose, route, state: 'unknown', node: nodeAt(profile, route.gateway) }];
}

function isOurs(state: ServiceState): boolean {
  return state === 'served' || state === 'pending';
}

function serviceStatus(
  profile: ObservedProfile,
  service: ObservedService,
  state: ServiceState,
  {
    ways,
    readyOf,
  }: { readonly ways: PrefixIndex<Route>; readonly readyOf: ReturnType<typeof readyEndpoints> },
): Omit<ServiceStatus, 'state' | 'reason'> {
  const { namespace, name, ingress } = service;
  const found = ingress.map((address) => wayTo(parseAddress(address), ways));
  return {
    profile: profile.name,
    namespace,
    name,
    addresses: [...ingress, ...service.ingressNames],
    routed: isOurs(state) && ingress.length > 0 ? found.every((way) => way !== null) : null,
    node: nodeAt(profile, found[0]?.gateway ?? null),
    endpoints: readyOf(service),
    ports: service.ports.flatMap(tcpPort),
  };
}

/** The same Service, where its cluster runs on this host: kube-proxy here takes what is sent to its addresses. */
function shownHere<T extends Pick<ServiceStatus, 'routed' | 'node'>>(
  service: T,
  profile: ObservedProfile,
  address: string,
): T & Pick<ServiceStatus, 'onThisHost'> {
  if (service.routed === null) return service;
  return { ...service, routed: true, onThisHost: true, node: nodeAt(profile, address) };
}

/** The route of ours that leads to an address: the longest prefix that holds it. */
function wayTo(address: Prefix | null, ways: PrefixIndex<Route>): Route | null {
  if (address === null) return null;
  const best = ways.exact(address)[0] ?? ways.ancestors(address)[0];
  return best?.type === 'unicast' ? best : null;
}

function nodeAt(profile: ObservedProfile | undefined, gateway: string | null): NodeStatus | null {
  if (gateway === null) return null;
  const node = profile?.cluster?.nodes.find((candidate) => candidate.internalIps.includes(gateway));
  return node === undefined ? null : { name: node.name, ready: node.ready };
}

/** The number of a port given as `80/TCP`; nothing for another transport. */
function tcpPort(port: string): number[] {
  const [number, transport] = port.split('/');
  return transport === 'TCP' ? [Number(number)] : [];
}
