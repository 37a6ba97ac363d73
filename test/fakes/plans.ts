import type { Owner } from '../../src/model/claim.ts';
import type { ObservedService } from '../../src/model/observed.ts';
import type { Action, Change, Plan, RouteStep, ServiceStep, Step } from '../../src/model/plan.ts';
import { parsePrefix } from '../../src/model/prefix.ts';
import { MAIN_TABLE, type Route, routeKey } from '../../src/model/route.ts';

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

const INVERSE: Readonly<Record<Action, Action>> = {
  create: 'delete',
  delete: 'create',
  replace: 'replace',
  adopt: 'forget',
  forget: 'adopt',
  none: 'none',
};

export function step(action: Action, before: Route | null, after: Route | null): RouteStep {
  const changes = action === 'create' || action === 'replace' || action === 'delete';
  return {
    kind: 'route',
    action,
    profile: 'minikube',
    purpose: 'services',
    reason: 'for the test',
    before,
    after,
    inverse: { action: INVERSE[action], before: after, after: before },
    precondition: {
      present: changes && before !== null ? [routeKey(before)] : [],
      absent: changes && after !== null ? [routeKey(after)] : [],
    },
  };
}

export const create = (after: Route) => step('create', null, after);
export const remove = (before: Route) => step('delete', before, null);
export const replace = (before: Route, after: Route) => step('replace', before, after);

export function serviceStep(service: ObservedService, after: readonly string[]): ServiceStep {
  const { namespace, name, uid, resourceVersion, ingress: before } = service;
  const action = (from: readonly string[], to: readonly string[]) =>
    from.length === 0 ? 'create' : to.length === 0 ? 'delete' : 'replace';
  return {
    kind: 'service',
    action: action(before, after),
    profile: 'minikube',
    namespace,
    name,
    uid,
    resourceVersion,
    reason: 'for the test',
    before,
    after,
    inverse: { action: action(after, before), before: after, after: before },
  };
}

/** A plan of these steps, in waves: clear, add, assign, delete. */
export function planOf(steps: readonly Step[], overrides: Partial<Plan> = {}): Plan {
  const waves: Record<Change['op'], Change[]> = { clear: [], add: [], assign: [], delete: [] };
  for (const [index, { kind, action }] of steps.entries()) {
    if (kind === 'service') {
      waves[action === 'delete' ? 'clear' : 'assign'].push({
        step: index,
        op: action === 'delete' ? 'clear' : 'assign',
      });
    } else {
      if (action === 'create' || action === 'replace') waves.add.push({ step: index, op: 'add' });
      if (action === 'delete' || action === 'replace') waves.delete.push({ step: index, op: 'delete' });
    }
  }
  return {
    name: 'dev',
    spec: '/home/dev/project/tunnel.yaml',
    mode: 'present',
    platform: 'linux',
    profiles: [],
    services: [],
    allocations: [],
    steps,
    waves: [waves.clear, waves.add, waves.assign, waves.delete].filter((wave) => wave.length > 0),
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
