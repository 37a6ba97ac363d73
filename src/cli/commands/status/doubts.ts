import { type DesiredProfile, type DesiredState, needsCluster } from '../../../model/desired.ts';
import type { ObservedProfile, ObservedState, Right } from '../../../model/observed.ts';
import { type Plan, type Purpose, serviceName } from '../../../model/plan.ts';
import type { ServiceStatus, StatusReport } from '../../views/status-report.ts';
import { endpointKey } from '../../wiring/probe.ts';

const KUBEADM: Right = 'get configmaps kube-system/kubeadm-config';

/** What the spec asks for and nobody can tell: its cluster did not answer, or the user may not look there. */
export class Doubts {
  readonly #desired: ReadonlyMap<string, DesiredProfile>;
  readonly #observed: ReadonlyMap<string, ObservedProfile>;

  constructor(desired: DesiredState, observed: ObservedState) {
    this.#desired = new Map(desired.profiles.map((profile) => [profile.name, profile]));
    this.#observed = new Map(observed.profiles.map((profile) => [profile.name, profile]));
  }

  /** Whether a profile's cluster was asked, and told nothing. */
  isSilent(name: string): boolean {
    const profile = this.#desired.get(name);
    return profile !== undefined && needsCluster(profile) && this.#cluster(name) === null;
  }

  /** Whether nobody knows which of a profile's routes the spec asks for. What the spec no longer names, it does not ask for. */
  areRoutesUnknown(name: string, purpose: Purpose): boolean {
    const profile = this.#desired.get(name);
    if (profile === undefined) return false;
    if (this.isSilent(name)) return true;
    switch (purpose) {
      case 'pods':
        return (
          profile.pods.value === 'auto' && (this.#lacks(name, 'list nodes') || this.#lacks(name, KUBEADM))
        );
      case 'services':
        return (
          profile.services.value === 'auto' &&
          this.#lacks(name, KUBEADM) &&
          this.#cluster(name)?.serviceCidrs.length === 0 &&
          this.#cluster(name)?.nodes.every(({ serviceRange }) => serviceRange === undefined) === true
        );
      case 'load-balancer':
      case 'guard':
        return this.areServicesUnknown(name);
    }
  }

  /** Whether nobody knows which Services of a profile there are. */
  areServicesUnknown(name: string): boolean {
    const profile = this.#desired.get(name);
    if (profile === undefined || profile.loadBalancer.assign === 'none') return false;
    return this.isSilent(name) || this.#lacks(name, 'list services');
  }

  /** Whether nobody knows which Nodes a profile's cluster has. */
  areNodesUnknown(name: string): boolean {
    return this.isSilent(name) || this.#lacks(name, 'list nodes');
  }

  #cluster(name: string): ObservedProfile['cluster'] {
    return this.#observed.get(name)?.cluster ?? null;
  }

  #lacks(name: string, right: Right): boolean {
    return this.#cluster(name)?.missingRights.includes(right) ?? false;
  }
}

/** Errors of a plan that come of what could not be seen. */
const BLINDNESS: ReadonlySet<string> = new Set(['rights-missing']);

/**
 * Whether all is as the spec asks; null where that cannot be told: an open transaction changes what was seen, or something was not seen and
 * all that was is as it should be.
 */
export function isFulfilled(
  desired: DesiredState,
  plan: Plan,
  { registry: { open } }: ObservedState,
  { doubts, routes, services }: Pick<StatusReport, 'routes' | 'services'> & { readonly doubts: Doubts },
): boolean | null {
  if (open !== null && !open.awaiting) return null;
  const isUnmet =
    routes.some(
      ({ state, profile, purpose }) => state !== 'present' && !doubts.areRoutesUnknown(profile, purpose),
    ) ||
    services.some(({ state, routed }) => state === 'pending' || routed === false) ||
    plan.steps.some((step) => step.kind === 'service' && step.action !== 'none') ||
    plan.clusters.some(({ former }) => former !== null) ||
    plan.conflicts.some(({ outcome }) => outcome === 'refused') ||
    plan.diagnostics.some(
      ({ code, severity, profile = '' }) =>
        severity === 'error' && !BLINDNESS.has(code) && !doubts.isSilent(profile),
    ) ||
    plan.aside.some(({ profile }) => !doubts.isSilent(profile));
  if (isUnmet) return false;
  const isUnknown =
    plan.steps.some(
      (step) =>
        step.kind === 'route' &&
        step.action !== 'none' &&
        step.action !== 'adopt' &&
        doubts.areRoutesUnknown(step.profile, step.purpose),
    ) || desired.profiles.some(({ name }) => doubts.isSilent(name) || doubts.areServicesUnknown(name));
  return isUnknown ? null : true;
}

/**
 * Why nobody is served although the way is there: routed Services without a ready endpoint, or with an address of which no
 * port answers; for people. `answers`: by `endpointKey`, whether a TCP connection was taken.
 */
export function unanswered(
  services: readonly ServiceStatus[],
  answers: ReadonlyMap<string, boolean>,
): string[] {
  return services
    .filter(({ routed }) => routed === true)
    .flatMap((service) => {
      const name = serviceName(service);
      if (service.endpoints === 0) return [`${name} has no ready endpoints, so connections to it fail`];
      return service.addresses
        .filter((address) => isSilent(address, service.ports, answers))
        .map((address) => `${name} does not answer at ${address}: no TCP port of it takes a connection`);
    });
}

function isSilent(address: string, ports: readonly number[], answers: ReadonlyMap<string, boolean>): boolean {
  return ports.length > 0 && ports.every((port) => answers.get(endpointKey({ address, port })) === false);
}
