import type { Diagnostic } from '../../model/diagnostic.ts';
import type { WatchEvent } from '../../model/event.ts';
import {
  type Plan,
  type RouteStep,
  type ServiceState,
  type ServiceStep,
  type ServiceSummary,
  serviceName,
} from '../../model/plan.ts';
import { formatAddress, formatPrefix } from '../../model/prefix.ts';
import type { Route } from '../../model/route.ts';
import { count } from '../views/text.ts';
import { doubtOf, type SessionState } from './session-state.ts';

/** How a route stands: `unknown` until it has been read again, `held` while it is left as it is. */
export type RouteStanding = 'present' | 'adding' | 'removing' | 'held' | 'unknown';

/** How a Service stands; `served` only where its address and the routes to it were read. */
export type ServiceStanding = Exclude<RouteStanding, 'present'> | ServiceState;

export interface RouteView {
  readonly profile: string;
  readonly purpose: RouteStep['purpose'];
  readonly route: Route;
  readonly standing: RouteStanding;
}

export interface ServiceView {
  readonly profile: string;
  /** `namespace/name`. */
  readonly name: string;
  readonly addresses: readonly string[];
  readonly standing: ServiceStanding;
  readonly reason: string;
}

/** The routes of the last plan, in its order. */
export function routeViews(session: SessionState): RouteView[] {
  const { plan, held } = session;
  if (plan === null) return [];
  const isUnknown = doubtOf(session).routes;
  return plan.steps.flatMap((step) => {
    const route = step.kind === 'route' ? (step.after ?? step.before) : null;
    if (step.kind !== 'route' || route === null) return [];
    const isHeld =
      held.has(`profile ${step.profile}`) || held.has(`route ${formatPrefix(route.destination)}`);
    const standing = isHeld ? 'held' : isUnknown ? 'unknown' : STANDINGS[step.action];
    return [{ profile: step.profile, purpose: step.purpose, route, standing }];
  });
}

/** A claim that is adopted or forgotten is a change of its route, as people see it. */
const STANDINGS: Readonly<Record<RouteStep['action'], RouteStanding>> = {
  none: 'present',
  create: 'adding',
  replace: 'adding',
  adopt: 'adding',
  delete: 'removing',
  forget: 'removing',
};

/** The LoadBalancer Services of the last plan, in its order. */
export function serviceViews(
  session: SessionState,
  routes: readonly RouteView[] = routeViews(session),
): ServiceView[] {
  const { plan } = session;
  if (plan === null) return [];
  const steps = new Map(
    plan.steps.flatMap((step) => (step.kind === 'service' ? [[keyOf(step), step] as const] : [])),
  );
  const ways = new Map(
    routes
      .filter(({ purpose }) => purpose === 'load-balancer')
      .map(({ route, standing }) => [formatAddress(route.destination), standing]),
  );
  return plan.services.map((service) => {
    const { profile, addresses, reason } = service;
    const standing = standingOf(session, service, steps.get(keyOf(service)), ways);
    return { profile, name: serviceName(service), addresses, standing, reason };
  });
}

function keyOf(service: ServiceStep | Plan['services'][number]): string {
  return `${service.profile} ${serviceName(service)}`;
}

function standingOf(
  session: SessionState,
  service: Plan['services'][number],
  step: ServiceStep | undefined,
  ways: ReadonlyMap<string, RouteStanding>,
): ServiceStanding {
  const { held, profiles } = session;
  if (held.has(`profile ${service.profile}`) || held.has(`Service ${keyOf(service)}`)) return 'held';
  if (service.state !== 'served') return service.state;
  const doubt = doubtOf(session);
  const isSilent = profiles.some(({ name, answers }) => name === service.profile && answers === false);
  if (doubt.services || doubt.routes || isSilent) return 'unknown';
  if (step !== undefined && step.action !== 'none') return step.action === 'delete' ? 'removing' : 'adding';
  for (const address of service.addresses) {
    const way = ways.get(address) ?? 'present';
    if (way !== 'present') return way;
  }
  return 'served';
}

/** Numbers for whoever wants no lists. */
export interface SessionCounts {
  readonly held: number;
  readonly pending: number;
  readonly served: number;
}

/** How many things are set aside, and how many Services wait and are served. */
export function countsOf(session: SessionState): SessionCounts {
  const services = serviceViews(session);
  const those = (wanted: ServiceStanding) => services.filter(({ standing }) => standing === wanted).length;
  return { held: session.held.size, pending: those('pending'), served: those('served') };
}

/** The Services that wait for an address, and why. */
export function pendingServices(session: SessionState): ServiceView[] {
  return serviceViews(session).filter(({ standing }) => standing === 'pending');
}

/** Why each Service of a plan that is pending is so, by profile and name. */
export function pendingReasons(services: readonly ServiceSummary[]): ReadonlyMap<string, string> {
  return new Map(
    services
      .filter(({ state }) => state === 'pending')
      .map((one) => [`${one.profile} ${serviceName(one)}`, one.reason]),
  );
}

/** One warning for each reason: the Services that became pending, or are pending for another reason, since people were told. */
export function pendingNews(
  told: ReadonlyMap<string, string>,
  pending: ReadonlyMap<string, string>,
): (WatchEvent & { type: 'watch.warning' })[] {
  const news = new Map<string, string[]>();
  for (const [name, why] of pending) {
    if (told.get(name) !== why) news.set(why, [...(news.get(why) ?? []), name]);
  }
  return [...news].map(([why, [first = '', ...others]]) => {
    const [profile, name] = first.split(' ');
    const summary =
      others.length === 0
        ? `Service ${name} of profile ${profile} is pending`
        : `Service ${name} of profile ${profile} and ${count(others.length, 'other')} are pending`;
    const diagnostic: Diagnostic = {
      code: 'service-pending',
      severity: 'warning',
      summary,
      cause: why,
      fix: `Change what is asked for, or the pool of profile ${profile} in the spec.`,
    };
    return { type: 'watch.warning', diagnostic };
  });
}
