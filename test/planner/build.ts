import type { Claim } from '../../src/model/claim.ts';
import type {
  DesiredCidr,
  DesiredLoadBalancer,
  DesiredProfile,
  DesiredState,
} from '../../src/model/desired.ts';
import type {
  ObservedCluster,
  ObservedEndpoints,
  ObservedHost,
  ObservedNode,
  ObservedProfile,
  ObservedService,
  ObservedState,
  Rule,
} from '../../src/model/observed.ts';
import type { ObservedParticipant } from '../../src/model/participant.ts';
import { NO_POLICY } from '../../src/model/policy.ts';
import { type Prefix, parsePrefix } from '../../src/model/prefix.ts';
import { rangeOf } from '../../src/model/range.ts';
import { decodeRoute, type Route, type RouteDocument } from '../../src/model/route.ts';
import { ALL_CAPABILITIES } from '../../src/model/system.ts';

/** Small makers of desired and observed state, with defaults that need nothing and meet nothing. */

export const AT = { file: 'tunnel.yaml', line: 1, column: 1 };
const SPEC = '/project/tunnel.yaml';
export const HOST_ID = { bootId: 'boot-1', networkNamespace: '4026531840' };
export const VM = '192.168.39.174';

export function prefix(text: string): Prefix {
  const parsed = parsePrefix(text);
  if (parsed === null) throw new Error(`not a prefix: ${text}`);
  return parsed;
}

/** A policy rule that asks a table about everything, unless told otherwise. */
export function rule(priority: number, table: number | null, rest: Partial<Rule> = {}): Rule {
  return {
    family: 4,
    priority,
    action: 'lookup',
    table,
    suppressPrefixLength: null,
    to: null,
    applies: 'always',
    not: false,
    selector: '',
    ...rest,
  };
}

export function route(document: RouteDocument): Route {
  return decodeRoute(document);
}

export function cidr(text: string, conflictPolicy: DesiredCidr['conflictPolicy'] = 'abort'): DesiredCidr {
  return { prefix: prefix(text), conflictPolicy, at: AT };
}

/** Reservations of these addresses. */
export function reserved(
  addresses: Readonly<Record<string, readonly string[]>>,
): DesiredLoadBalancer['reservations'] {
  const addressOf = (text: string) => ({
    value: prefix(`${text}/${text.includes(':') ? 128 : 32}`),
    at: AT,
  });
  return new Map(Object.entries(addresses).map(([service, texts]) => [service, texts.map(addressOf)]));
}

export function loadBalancer(
  pool: readonly string[],
  rest: Partial<DesiredLoadBalancer> = {},
): DesiredLoadBalancer {
  return {
    assign: pool.length === 0 ? 'none' : 'pool',
    pool: pool.map((text) => rangeOf(prefix(text))),
    exclude: [],
    class: 'mkplan/tunnel',
    unclassed: 'auto',
    reservations: new Map(),
    at: AT,
    ...rest,
  };
}

export function profile(rest: Partial<DesiredProfile> = {}): DesiredProfile {
  return {
    name: 'minikube',
    context: rest.name ?? 'minikube',
    via: 'auto',
    gateway: { value: { ipv4: VM, ipv6: null }, at: AT },
    conflictPolicy: { value: 'abort', at: AT },
    services: { value: 'none', at: AT },
    pods: { value: 'none', at: AT },
    loadBalancer: loadBalancer([]),
    at: AT,
    ...rest,
  };
}

export function desired(profiles: readonly DesiredProfile[], rest: Partial<DesiredState> = {}): DesiredState {
  return { name: 'dev', spec: SPEC, mode: 'present', protocol: 109, profiles, localOverrides: [], ...rest };
}

/** A laptop: a LAN with the default route, and the VM's network on virbr1. */
export function host(routes: readonly RouteDocument[] = [], rest: Partial<ObservedHost> = {}): ObservedHost {
  const base: RouteDocument[] = [
    { destination: '0.0.0.0/0', gateway: '192.168.1.1', device: 'eth0', protocol: 16, metric: 100 },
    { destination: '192.168.1.0/24', device: 'eth0', protocol: 2 },
    { destination: '192.168.39.0/24', device: 'virbr1', protocol: 2 },
  ];
  return {
    platform: 'linux',
    capabilities: ALL_CAPABILITIES,
    ...HOST_ID,
    rules: [rule(0, 255), rule(32766, 254), rule(32767, 253)],
    routes: [...base, ...routes].map(decodeRoute),
    links: [],
    addresses: [
      { address: '192.168.1.10', network: prefix('192.168.1.0/24'), device: 'eth0' },
      { address: '192.168.39.1', network: prefix('192.168.39.0/24'), device: 'virbr1' },
    ],
    answers: [],
    critical: [],
    minikubeTunnels: [],
    problems: [],
    policy: NO_POLICY,
    ...rest,
  };
}

export function claim(document: RouteDocument, rest: Partial<Claim> = {}): Claim {
  return {
    profile: 'minikube',
    purpose: 'services',
    route: decodeRoute(document),
    owner: { spec: SPEC, mode: 'persistent', pid: 1, startTime: '1', ...HOST_ID },
    created: '2026-01-01T00:00:00Z',
    ...rest,
  };
}

export function node(
  name: string,
  internalIps: readonly string[],
  podCidrs: readonly string[],
  rest: Partial<ObservedNode> = {},
): ObservedNode {
  return { name, ready: true, controlPlane: name === 'minikube', internalIps, podCidrs, ...rest };
}

export function service(name: string, rest: Partial<ObservedService> = {}): ObservedService {
  return {
    namespace: 'default',
    name,
    uid: `uid-${name}`,
    resourceVersion: '1',
    type: 'LoadBalancer',
    loadBalancerClass: null,
    clusterIps: ['10.96.0.50'],
    ipFamilies: ['IPv4'],
    ipFamilyPolicy: 'SingleStack',
    externalTrafficPolicy: 'Cluster',
    loadBalancerIp: null,
    requestedIp: null,
    otherRequests: {},
    ingress: [],
    ingressNames: [],
    ingressManager: null,
    condition: null,
    created: '2026-01-01T00:00:00Z',
    hasSelector: true,
    ports: ['80/TCP'],
    ...rest,
  };
}

/** Ready endpoints of a Service of namespace default, by node. */
export function endpoints(
  service: string,
  readyByNode: ObservedEndpoints['readyByNode'],
  rest: Partial<ObservedEndpoints> = {},
): ObservedEndpoints {
  return { namespace: 'default', service, slices: 1, readyByNode, readyElsewhere: 0, ...rest };
}

/** This tunnel's own Lease, which holds. */
export const OWN: ObservedParticipant = {
  name: 'mkplan-0',
  holder: 'me@here:/project/tunnel.yaml',
  own: true,
  live: true,
  leaving: false,
  serves: null,
};

/** Another tunnel's Lease, which holds. */
export function other(who: string, rest: Partial<ObservedParticipant> = {}): ObservedParticipant {
  return { ...OWN, name: `mkplan-${who}`, holder: `${who}@there:/project/tunnel.yaml`, own: false, ...rest };
}

export function cluster(rest: Partial<ObservedCluster> = {}): ObservedCluster {
  return {
    identity: null,
    version: 'v1.34.0',
    nodes: [node('minikube', [VM], ['10.244.0.0/24'])],
    serviceCidrs: ['10.96.0.0/12'],
    kubeadm: { serviceSubnet: '10.96.0.0/12', podSubnet: '10.244.0.0/16' },
    otherLoadBalancers: [],
    services: [],
    endpoints: [],
    allocations: { resourceVersion: null, allocations: [] },
    participants: [OWN],
    strayPods: [],
    missingRights: [],
    ...rest,
  };
}

export function observedProfile(rest: Partial<ObservedProfile> = {}): ObservedProfile {
  return {
    name: 'minikube',
    config: {
      driver: 'kvm2',
      unroutable: null,
      nodes: [{ name: 'minikube', ip: VM, controlPlane: true }],
      serviceCidr: '10.96.0.0/12',
    },
    minikubeIp: VM,
    context: {
      name: 'minikube',
      server: `https://${VM}:8443`,
      fromMinikube: true,
      answeredAt: VM,
      program: null,
      proxy: null,
    },
    cluster: cluster(),
    problems: [],
    ...rest,
  };
}

export function observed(rest: Partial<ObservedState> = {}): ObservedState {
  return { host: host(), registry: { claims: [], open: null }, profiles: [observedProfile()], ...rest };
}
