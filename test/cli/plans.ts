import type { Conflict, Plan, RouteStep, ServiceStep } from '../../src/model/plan.ts';
import { type Prefix, parsePrefix } from '../../src/model/prefix.ts';
import { decodeRoute, type Route, type RouteDocument } from '../../src/model/route.ts';

/** The prefix that a test names by its CIDR. */
export function prefix(cidr: string): Prefix {
  const parsed = parsePrefix(cidr);
  if (parsed === null) throw new Error(`not a CIDR: ${cidr}`);
  return parsed;
}

/** A route of ours to a destination; what the test does not name is usual. */
export function ours(destination: string, rest: Partial<RouteDocument> = {}): Route {
  return decodeRoute({
    destination,
    gateway: '192.168.39.10',
    device: 'virbr1',
    metric: 109,
    protocol: 109,
    ...rest,
  });
}

export function routeStep(
  action: RouteStep['action'],
  routes: { readonly before?: Route; readonly after?: Route },
  rest: Partial<RouteStep> = {},
): RouteStep {
  const before = routes.before ?? null;
  const after = routes.after ?? null;
  return {
    kind: 'route',
    action,
    profile: 'minikube',
    purpose: 'services',
    reason: 'no such route yet',
    before,
    after,
    inverse: { action: 'none', before: after, after: before },
    precondition: { present: [], absent: [] },
    ...rest,
  };
}

export function serviceStep(
  action: ServiceStep['action'],
  name: string,
  before: readonly string[],
  after: readonly string[],
  reason = 'lowest free address',
): ServiceStep {
  return {
    kind: 'service',
    action,
    profile: 'minikube',
    namespace: 'default',
    name,
    uid: `uid-${name}`,
    resourceVersion: '7',
    reason,
    before,
    after,
    inverse: { action: 'none', before: after, after: before },
    condition: { before: null, after: null },
    events: [],
  };
}

export function conflictOf(rest: Partial<Conflict> = {}): Conflict {
  return {
    relation: 'inside',
    profile: 'minikube',
    purpose: 'services',
    destination: prefix('10.96.0.0/12'),
    foreign: decodeRoute({ destination: '10.100.0.0/16', gateway: '10.8.0.1', device: 'tun0', protocol: 4 }),
    owner: 'a VPN (device tun0)',
    disputed: '10.100.0.0/16',
    winner: 'the foreign route',
    outcome: 'refused',
    summary: 'a more specific foreign route keeps 10.100.0.0/16',
    resolution: 'set conflictPolicy: skip to leave this route out',
    at: { file: '/home/me/team/tunnel.yaml', line: 9, column: 7 },
    ...rest,
  };
}

/** An empty plan of /home/me/team/tunnel.yaml, with what the test puts into it. */
export function planOf(rest: Partial<Plan> = {}): Plan {
  return {
    name: 'dev',
    spec: '/home/me/team/tunnel.yaml',
    mode: 'present',
    platform: 'linux',
    only: null,
    profiles: [],
    clusters: [],
    aside: [],
    services: [],
    allocations: [],
    leases: [],
    steps: [],
    reports: [],
    waves: [],
    conflicts: [],
    approvals: [],
    unproven: [],
    diagnostics: [],
    localOverrides: [],
    fingerprint: 'f00d',
    ...rest,
  };
}
