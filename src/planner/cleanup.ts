import { type Claim, claimKey, isOfThisHost } from '../model/claim.ts';
import type { ObservedState } from '../model/observed.ts';
import type { Approval, Plan, RouteStep, Unproven } from '../model/plan.ts';
import { formatPrefix } from '../model/prefix.ts';
import { compareRoutes, DEFAULT_PROTOCOL, MAIN_TABLE, type Route, routeKey } from '../model/route.ts';
import { forget } from './diff.ts';
import { differenceOf, differing } from './differing.ts';
import { fingerprintOf } from './fingerprint.ts';
import { leftRoute, tunnelDiagnostics, unknownOfHost } from './networks/minikube.ts';
import { wavesOf } from './order.ts';
import { routeStep, stepOrder } from './step.ts';

export interface CleanupOptions {
  /** Also what belongs to owners that still exist. */
  readonly all: boolean;
  /** Why the owner of a claim is gone: its session ended, or its spec was deleted. */
  readonly orphaned: ReadonlyMap<Claim, string>;
  /** Also the routes that each `minikube tunnel` left which has ended. */
  readonly minikube: boolean;
}

/** What one claim comes to: its step, and the route that stands in its place, if another one does. */
interface Verdict {
  readonly steps: readonly RouteStep[];
  readonly unproven: readonly Unproven[];
}

/**
 * Judges every claim on its own, with no spec, no cluster and no profile:
 *
 * | claim of                                | its route       | step   |
 * |-----------------------------------------|-----------------|--------|
 * | another boot                            | went with it    | forget |
 * | this boot, another network namespace    | unknown         | none   |
 * | this host                               | is gone         | forget |
 * | this host                               | is another now  | forget, and the other is shown as `?` |
 * | this host, orphaned (or `all`)          | is there        | delete |
 * | this host, its owner exists             | is there        | none   |
 *
 * With `minikube`, a route that equals an entry of minikube's tunnels.json whose process is gone is deleted as well, which
 * needs approval: it is foreign.
 */
export function planCleanup(observed: ObservedState, options: CleanupOptions): Plan {
  const { host } = observed;
  const here = routesHere(observed);
  const verdicts = observed.registry.claims.map((claim) => judge(claim, observed, here, options));
  const left = options.minikube ? leftSteps(observed, here) : [];
  const steps = [...verdicts.flatMap((verdict) => verdict.steps), ...left].sort(stepOrder([]));
  const body: Omit<Plan, 'fingerprint'> = {
    name: 'cleanup',
    spec: '',
    mode: 'absent',
    platform: host.platform,
    only: null,
    profiles: [],
    clusters: [],
    aside: [],
    services: [],
    allocations: [],
    leases: [],
    steps,
    reports: [],
    waves: wavesOf(steps),
    conflicts: [],
    approvals: left.flatMap(approvalOf),
    unproven: unprovenOf(verdicts, here),
    // Nothing is wanted here, so nothing that minikube does is an error.
    diagnostics: [
      ...tunnelDiagnostics({ mode: 'absent', profiles: [] }, host),
      ...host.problems.map(unknownOfHost),
    ],
    localOverrides: [],
  };
  return { ...body, fingerprint: fingerprintOf(body, host) };
}

/** The routes of table main that matter here. */
interface RoutesHere {
  /** Of claims, by key. */
  readonly claimed: ReadonlyMap<string, Route>;
  /** Without a claim, and our protocol or the destination of a claim. */
  readonly near: readonly { readonly route: Route; readonly claim: Claim | null }[];
}

function routesHere({ host, registry }: ObservedState): RoutesHere {
  const claims = registry.claims.filter((claim) => isOfThisHost(claim, host));
  const keys = new Set(claims.map(claimKey));
  const protocols = new Set(claims.map((claim) => claim.route.protocol));
  const claimed = new Map<string, Route>();
  const others: Route[] = [];
  for (const route of host.routes) {
    if (route.table !== MAIN_TABLE) continue;
    const key = protocols.has(route.protocol) ? routeKey(route) : '';
    if (keys.has(key)) claimed.set(key, route);
    else others.push(route);
  }
  const find = differing(claims.filter((claim) => !claimed.has(claimKey(claim))));
  const tag = host.capabilities.protocols ? DEFAULT_PROTOCOL : null;
  const near = others.flatMap((route) => {
    const claim = find(route, tag);
    return claim !== null || route.protocol === tag ? [{ route, claim }] : [];
  });
  return { claimed, near };
}

function judge(claim: Claim, { host }: ObservedState, here: RoutesHere, options: CleanupOptions): Verdict {
  const key = claimKey(claim);
  const { profile, purpose, owner } = claim;
  const only = (step: RouteStep): Verdict => ({ steps: [step], unproven: [] });
  if (owner.bootId !== host.bootId) {
    return only(forget(claim, 'the host was restarted since, and its route went with that'));
  }
  if (!isOfThisHost(claim, host)) {
    const reason = `of network namespace ${owner.networkNamespace}, which cannot be seen from here`;
    return only(routeStep('none', profile, purpose, { before: claim.route, after: claim.route }, reason));
  }
  const route = here.claimed.get(key);
  if (route === undefined) {
    const others = here.near.filter((one) => one.claim === claim);
    const reason =
      others.length === 0 ? 'its route is gone' : 'its route is another one now, which is left alone';
    return {
      steps: [forget(claim, reason)],
      unproven: others.map((one) => ({ route: one.route, reason: differenceOf(claim.route, one.route) })),
    };
  }
  const orphaned = options.orphaned.get(claim);
  if (orphaned === undefined && !options.all) {
    return only(
      routeStep('none', profile, purpose, { before: route, after: route }, `kept for ${owner.spec}`),
    );
  }
  const reason = orphaned ?? `made for ${owner.spec}`;
  return only(routeStep('delete', profile, purpose, { before: route, after: null }, reason));
}

function unprovenOf(verdicts: readonly Verdict[], { near }: RoutesHere): Unproven[] {
  const tagged = near
    .filter(({ claim }) => claim === null)
    .map(({ route }) => ({
      route,
      reason: 'it carries our protocol, but no claim of this user has its key',
    }));
  return [...verdicts.flatMap((verdict) => verdict.unproven), ...tagged].sort((a, b) =>
    compareRoutes(a.route, b.route),
  );
}

/** Deletes of what each `minikube tunnel` left that has ended, each route once. */
function leftSteps({ host }: ObservedState, { claimed }: RoutesHere): RouteStep[] {
  const ours = new Set(claimed.values());
  const steps = new Map<Route, RouteStep>();
  for (const tunnel of host.minikubeTunnels) {
    const route = leftRoute(tunnel, host);
    if (route === null || ours.has(route)) continue;
    const reason = `left by \`minikube tunnel\` (pid ${tunnel.pid}), which has ended`;
    steps.set(route, routeStep('delete', tunnel.profile, 'services', { before: route, after: null }, reason));
  }
  return [...steps.values()];
}

function approvalOf({ profile, before, reason }: RouteStep): Approval[] {
  if (before === null) return [];
  return [
    { kind: 'minikube', profile, subject: formatPrefix(before.destination), why: `foreign: ${reason}` },
  ];
}
