import type { Owner } from '../../src/model/claim.ts';
import type { ObservedService } from '../../src/model/observed.ts';
import type { Action, Plan, RouteStep, ServiceStep, Step } from '../../src/model/plan.ts';
import { parsePrefix } from '../../src/model/prefix.ts';
import { MAIN_TABLE, type Route } from '../../src/model/route.ts';
import { wavesOf } from '../../src/planner/order.ts';
import { serviceStep as makeServiceStep, routeStep } from '../../src/planner/step.ts';

/** A route as the kernel shows it; ours unless told otherwise. */
export function route(destination: string, overrides: Partial<Omit<Route, 'destination'>> = {}): Route {
  const prefix = parsePrefix(destination);
  if (prefix === null) throw new RangeError(destination);
  return {
    type: 'unicast',
    destination: prefix,
    tos: 0,
    table: MAIN_TABLE,
    metric: 109,
    gateway: prefix.family === 4 ? '192.168.39.2' : 'fd00:39::2',
    device: 'virbr1',
    protocol: 109,
    nextHops: [],
    ...overrides,
  };
}

export function step(action: Action, before: Route | null, after: Route | null): RouteStep {
  return routeStep(action, 'minikube', 'services', { before, after }, 'for the test');
}

export const create = (after: Route) => step('create', null, after);
export const remove = (before: Route) => step('delete', before, null);
export const replace = (before: Route, after: Route) => step('replace', before, after);

export function serviceStep(
  service: ObservedService,
  after: readonly string[],
  told: Partial<Pick<ServiceStep, 'condition' | 'events'>> = {},
): ServiceStep {
  const { condition = { before: null, after: null }, events = [] } = told;
  return makeServiceStep('minikube', service, service.ingress, after, 'for the test', { condition, events });
}

/** A plan of these steps, in the planner's own waves. */
export function planOf(steps: readonly Step[], overrides: Partial<Plan> = {}): Plan {
  return {
    name: 'dev',
    spec: '/home/dev/project/tunnel.yaml',
    mode: 'present',
    platform: 'linux',
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
    approvals: [],
    unproven: [],
    diagnostics: [],
    localOverrides: [],
    fingerprint: 'f00d',
    ...overrides,
  };
}

export const OWNER: Owner = {
  spec: '/home/dev/project/tunnel.yaml',
  mode: 'persistent',
  pid: 4711,
  startTime: '12345',
  bootId: 'boot-1',
  networkNamespace: '4026531840',
};
