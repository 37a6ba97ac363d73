import { claimKey, isOfThisHost } from '../model/claim.ts';
import type { ObservedState } from '../model/observed.ts';
import type { Plan, RouteStep } from '../model/plan.ts';
import { MAIN_TABLE, type Route, routeKey } from '../model/route.ts';
import { forget } from './diff.ts';
import { fingerprintOf } from './fingerprint.ts';
import { wavesOf } from './order.ts';
import { routeStep, stepOrder } from './step.ts';

export interface CleanupOptions {
  /** Also what belongs to owners that still exist. */
  readonly all: boolean;
  /** Keys of the claims whose owner is gone: a session whose process ended, a spec that was deleted. */
  readonly orphaned: ReadonlySet<string>;
}

/**
 * Judges every claim on its own, with no spec, no cluster and no profile:
 *
 * | claim of                                | its route  | step   |
 * |-----------------------------------------|------------|--------|
 * | another boot                            | went too   | forget |
 * | this boot, another network namespace    | unknown    | none   |
 * | this host                               | is gone    | forget |
 * | this host, orphaned (or `all`)          | is there   | delete |
 * | this host, its owner exists             | is there   | none   |
 */
export function planCleanup(observed: ObservedState, options: CleanupOptions): Plan {
  const { host } = observed;
  const claims = observed.registry.claims;
  const keys = new Set(claims.map(claimKey));
  const present = new Map<string, Route>();
  for (const route of host.routes) {
    const key = route.table === MAIN_TABLE ? routeKey(route) : '';
    if (keys.has(key)) present.set(key, route);
  }
  const steps = claims
    .flatMap((claim): RouteStep[] => {
      const key = claimKey(claim);
      if (claim.owner.bootId !== host.bootId) return [forget(claim)];
      if (!isOfThisHost(claim, host)) return [];
      const route = present.get(key);
      if (route === undefined) return [forget(claim)];
      const orphaned = options.orphaned.has(key);
      if (!orphaned && !options.all) {
        const reason = `kept for ${claim.owner.spec}`;
        return [routeStep('none', claim.profile, claim.purpose, { before: route, after: route }, reason)];
      }
      const reason = orphaned ? `its owner ${claim.owner.spec} is gone` : `made for ${claim.owner.spec}`;
      return [routeStep('delete', claim.profile, claim.purpose, { before: route, after: null }, reason)];
    })
    .sort(stepOrder([]));
  const body: Omit<Plan, 'fingerprint'> = {
    name: 'cleanup',
    spec: '',
    mode: 'absent',
    platform: host.platform,
    profiles: [],
    services: [],
    allocations: [],
    steps,
    waves: wavesOf(steps),
    conflicts: [],
    approvals: [],
    unproven: [],
    diagnostics: [],
    localOverrides: [],
  };
  return { ...body, fingerprint: fingerprintOf(body, host) };
}
