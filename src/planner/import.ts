import type { Claim } from '../model/claim.ts';
import type { DesiredState } from '../model/desired.ts';
import type { Diagnostic } from '../model/diagnostic.ts';
import type { ObservedState } from '../model/observed.ts';
import type { Plan, Purpose, RouteStep } from '../model/plan.ts';
import { addressBits, formatAddress, formatPrefix, samePrefix } from '../model/prefix.ts';
import { formatRoute, isPlain, MAIN_TABLE, type Route, routeKey } from '../model/route.ts';
import { whyNotPrivate } from '../model/scope.ts';
import { shellWord } from '../model/shell-word.ts';
import { type Ownership, tellApart } from './conflicts/foreign.ts';
import { forget } from './diff.ts';
import { fingerprintOf } from './fingerprint.ts';
import { tunnelOf } from './networks/minikube.ts';
import { plan } from './plan.ts';
import { routeStep, stepOrder } from './step.ts';

/** A route that this spec can adopt. */
export interface Importable {
  /** What names it on the command line: its destination, or the whole of it where the destination has more than one. */
  readonly argument: string;
  readonly route: Route;
  readonly profile: string;
  readonly purpose: Purpose;
  /** Whether the spec asks for a route to this destination; one that it does not ask for is removed by the next apply. */
  readonly wanted: boolean;
  /** Whether it is shown as `?`; a foreign route that does what the spec asks is not. */
  readonly unproven: boolean;
  readonly reason: string;
  /** The claim of this spec that it takes the place of. */
  readonly claim: Claim | null;
}

/** What becomes of an adopted route that the spec does not ask for. */
export const UNWANTED = 'the spec does not ask for it, so the next apply removes it';

/** What the routes of a spec are held against, made once. */
interface Findings {
  readonly ownership: Ownership;
  readonly candidates: readonly Importable[];
}

/**
 * The routes that a spec can adopt, sorted:
 *
 * | route of table main                                             | can be adopted                     |
 * |-----------------------------------------------------------------|------------------------------------|
 * | our protocol, no claim                                          | yes                                |
 * | stands where a claim of this spec has another route             | yes, and that claim is forgotten   |
 * | foreign, with destination and next hop of a wanted route        | yes                                |
 * | claimed, or where a claim of another spec has another route     | no                                 |
 * | of a running `minikube tunnel`                                  | no: that one removes it            |
 * | not private, several next hops, protocol below 5 but not plain  | no: the helper would not remove it |
 * | any other foreign route                                         | no                                 |
 */
export function importable(desired: DesiredState, observed: ObservedState): readonly Importable[] {
  return findingsOf(desired, observed).candidates;
}

function findingsOf(desired: DesiredState, observed: ObservedState): Findings {
  const ownership = tellApart(observed, desired.spec, desired.protocol);
  const base = plan({ ...desired, mode: 'present' }, observed);
  const wanted = wantedAt(base);
  const unproven = ownership.unproven
    .filter(({ claim }) => claim === null || claim.owner.spec === desired.spec)
    .map(({ route, reason, claim }) => ({ route, reason, claim }));
  const known = new Set(unproven.map(({ route }) => route));
  const satisfied = base.steps.flatMap((step) => {
    if (step.kind !== 'route' || step.action !== 'none' || step.before === null) return [];
    const { before: route } = step;
    if (known.has(route) || ownership.claimedBy.has(route)) return [];
    return [{ route, claim: null, reason: 'a foreign route that does what the spec asks' }];
  });
  const all = [...unproven, ...satisfied].filter(({ route }) => whyNotAdopted(route, observed) === null);
  const candidates = all.map(({ route, reason, claim }) => {
    const { destination } = route;
    const isOnly = all.every(
      (other) => other.route === route || !samePrefix(other.route.destination, destination),
    );
    const want = wanted.get(formatPrefix(destination));
    return {
      argument: isOnly ? formatPrefix(destination) : formatRoute(route),
      route,
      claim,
      profile: want?.profile ?? claim?.profile ?? desired.profiles[0]?.name ?? '',
      purpose: want?.purpose ?? claim?.purpose ?? purposeOf(route),
      wanted: want !== undefined,
      unproven: known.has(route),
      reason,
    };
  });
  return { ownership, candidates };
}

/** What the spec asks for, by destination: what is planned for it, or refused. */
function wantedAt(base: Plan): Map<string, { readonly profile: string; readonly purpose: Purpose }> {
  const wanted = new Map<string, { readonly profile: string; readonly purpose: Purpose }>();
  for (const { destination, profile, purpose } of base.conflicts) {
    wanted.set(formatPrefix(destination), { profile, purpose });
  }
  for (const step of base.steps) {
    if (step.kind !== 'route' || step.after === null) continue;
    wanted.set(formatPrefix(step.after.destination), { profile: step.profile, purpose: step.purpose });
  }
  return wanted;
}

/** What a route that no spec asks for was most likely for; display only. */
function purposeOf({ type, destination }: Route): Purpose {
  if (type === 'unreachable') return 'guard';
  return destination.length === addressBits(destination.family) ? 'load-balancer' : 'services';
}

/** Why a route cannot be adopted whoever asks: nothing is claimed that could not be removed again. */
function whyNotAdopted(route: Route, { host }: ObservedState): string | null {
  const notPrivate = whyNotPrivate(route.destination);
  if (notPrivate !== null) return notPrivate;
  const tunnel = tunnelOf(route, host);
  if (tunnel !== null) return `A running \`minikube tunnel\` (pid ${tunnel.pid}) has made it, and removes it`;
  if (route.nextHops.length > 0) return 'It has several next hops';
  if (route.tos !== 0) return 'It is for one type of service alone';
  if (route.type !== 'unicast' && route.type !== 'unreachable') return `It is of type ${route.type}`;
  if (route.type === 'unicast' && (route.gateway === null || route.device === null))
    return 'It has no gateway';
  if (isPlain(route)) return whyNotPlain(route, host.routes);
  return host.capabilities.protocols && (route.protocol < 5 || route.metric < 2)
    ? 'By its protocol or metric the kernel, an administrator or a network manager set it, and may set it again'
    : null;
}

/** A delete of metric 0 takes any metric (tried), so such a route must be the only one that the delete could mean. */
function whyNotPlain(route: Route, routes: readonly Route[]): string | null {
  const twin = routes.find(
    (other) =>
      other !== route &&
      other.table === MAIN_TABLE &&
      other.protocol === route.protocol &&
      other.gateway === route.gateway &&
      other.device === route.device &&
      samePrefix(other.destination, route.destination),
  );
  return twin === undefined ? null : `It differs from another one by its metric alone (${formatRoute(twin)})`;
}

/**
 * Plans the adoption of the routes that are named, each by its destination, or by the whole of it as `ip route` shows
 * it. Nothing but claims is changed. What cannot be adopted is an error of the plan, which refuses it as a whole.
 */
export function planImport(desired: DesiredState, observed: ObservedState, named: readonly string[]): Plan {
  const findings = findingsOf(desired, observed);
  const chosen = new Map<string, Importable>();
  const diagnostics: Diagnostic[] = [];
  for (const text of named) {
    const matching = findings.candidates.filter(({ route }) => isNamed(route, text));
    const [only] = matching;
    if (matching.length === 1 && only !== undefined) chosen.set(routeKey(only.route), only);
    else if (matching.length > 1) diagnostics.push(ambiguous(text, matching));
    else diagnostics.push(notImportable(text, desired, observed, findings.ownership));
  }
  const replaced = new Set([...chosen.values()].flatMap(({ claim }) => claim ?? []));
  const steps = [
    ...[...chosen.values()].map(adopt),
    ...[...replaced].map((claim) => forget(claim, 'the route in its place is adopted')),
  ].sort(stepOrder(desired.profiles.map(({ name }) => name)));
  const body: Omit<Plan, 'fingerprint'> = {
    name: desired.name,
    spec: desired.spec,
    mode: 'present',
    platform: observed.host.platform,
    only: null,
    profiles: [],
    clusters: [],
    aside: [],
    services: [],
    allocations: [],
    leases: [],
    steps,
    reports: [],
    waves: [],
    conflicts: [],
    approvals: [],
    unproven: findings.ownership.unproven
      .filter(({ route }) => !chosen.has(routeKey(route)))
      .map(({ route, reason }) => ({ route, reason })),
    diagnostics,
    localOverrides: desired.localOverrides,
  };
  return { ...body, fingerprint: fingerprintOf(body, observed.host) };
}

function isNamed(route: Route, text: string): boolean {
  const { destination } = route;
  const isAddress = destination.length === addressBits(destination.family);
  return (
    text === formatPrefix(destination) ||
    text === formatRoute(route) ||
    (isAddress && text === formatAddress(destination))
  );
}

function adopt({ route, profile, purpose, wanted, reason }: Importable): RouteStep {
  const fate = wanted ? reason : `${reason}; ${UNWANTED}`;
  return routeStep('adopt', profile, purpose, { before: null, after: route }, fate);
}

function ambiguous(text: string, matching: readonly Importable[]): Diagnostic {
  const [first] = matching;
  return {
    code: 'import-ambiguous',
    severity: 'error',
    summary: `${text} is the destination of ${matching.length} routes that can be adopted`,
    cause: matching.map(({ route }) => formatRoute(route)).join('; '),
    fix: 'Name one of them as a whole.',
    ...(first === undefined ? {} : { command: `mkplan import ${shellWord(first.argument)}` }),
  };
}

/** Why a route that was named is not adopted. Whose it is, if another spec has claimed it, is not told. */
function notImportable(
  text: string,
  desired: DesiredState,
  observed: ObservedState,
  { claimedBy, unproven }: Ownership,
): Diagnostic {
  const route = observed.host.routes.find((one) => one.table === MAIN_TABLE && isNamed(one, text));
  const refuse = (cause: string, fix: string): Diagnostic => ({
    code: 'import-refused',
    severity: 'error',
    summary: `${route === undefined ? text : formatRoute(route)} cannot be adopted`,
    cause,
    fix,
  });
  if (route === undefined) {
    const fix = 'Name a route as `mkplan import` without arguments lists it.';
    return { ...refuse('Table main has no such route.', fix), command: 'mkplan import' };
  }
  const owner = claimedBy.get(route);
  if (owner === desired.spec) return refuse('It is this spec’s already.', 'Leave it out.');
  const claim = unproven.find((one) => one.route === route)?.claim ?? null;
  if (owner !== undefined || (claim !== null && claim.owner.spec !== desired.spec)) {
    return refuse('Another spec has a claim to it.', 'Destroy that one first, or leave the route to it.');
  }
  const why = whyNotAdopted(route, observed);
  if (why !== null) return refuse(`${why}.`, 'Leave it to whoever made it.');
  return refuse(
    'It is foreign: it has neither our protocol, nor the destination and next hop of a route that the spec asks for.',
    'Leave it to whoever made it, or ask for exactly it in the spec.',
  );
}
