import type { V1EndpointSlice, V1Service } from '@kubernetes/client-node';
import { CONDITION_TYPE, type ObservedCondition } from '../model/condition.ts';
import {
  FIELD_MANAGER,
  isMinikube,
  type ObservedEndpoints,
  type ObservedService,
} from '../model/observed.ts';
import { Unexpected } from './client/expected.ts';
import type { ApiClient } from './client/http.ts';
import {
  canonicalAddress,
  compareNames,
  compareText,
  requireShape,
  type Shape,
  type Wire,
} from './client/wire.ts';
import type { MissingRights } from './rights.ts';

/** The annotation by which a Service asks for an address. */
const IP_ANNOTATION = 'mkplan/ip';

/** The annotations by which Services ask other implementations: MetalLB, Cilium and kube-vip, each with its older names. */
const OTHER_ANNOTATIONS = [
  'io.cilium/lb-ipam-ips',
  'kube-vip.io/loadbalancerIPs',
  'lbipam.cilium.io/ips',
  'metallb.io/loadBalancerIPs',
  'metallb.universe.tf/loadBalancerIPs',
] as const;

/** What is asked for, and where. */
export const SERVICES = {
  resource: 'services',
  path: '/api/v1/services',
  type: { apiVersion: 'v1', kind: 'Service', namespace: '*' },
} as const;
export const ENDPOINT_SLICES = {
  resource: 'endpointslices',
  path: '/apis/discovery.k8s.io/v1/endpointslices',
  type: { apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', namespace: '*' },
} as const;

/** A cloud's service controller keeps a Service by it until its load balancer is gone (KEP-980); k3s' and kind's do so, too. */
const CONTROLLER_FINALIZER = 'service.kubernetes.io/load-balancer-cleanup';

const SERVICE_NAME_LABEL = 'kubernetes.io/service-name';
/** Past this many names a selector costs the API server more than the whole list costs us. */
const MAX_SELECTED_NAMES = 50;

function step(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined;
}

/** Where managedFields have the ingress (KEP-555). The list is atomic, so whoever owns any of it owns all of it. */
const INGRESS = ['f:status', 'f:loadBalancer', 'f:ingress'];

/** Where they have the condition: conditions are told apart by their type. */
const CONDITION = ['f:status', 'f:conditions', `k:${JSON.stringify({ type: CONDITION_TYPE })}`];

/** The field managers that own something below a path of FieldsV1. */
function managersOf(service: Wire<V1Service>, path: readonly string[]): string[] {
  return (service.metadata?.managedFields ?? []).flatMap((entry) => {
    const fields: unknown = entry.fieldsV1;
    return path.reduce(step, fields) === undefined ? [] : [entry.manager ?? ''];
  });
}

const SERVICE: Shape = {
  metadata: {
    namespace: 'text',
    name: 'text',
    uid: 'text',
    resourceVersion: 'text',
    creationTimestamp: 'text',
    annotations: Object.fromEntries([IP_ANNOTATION, ...OTHER_ANNOTATIONS].map((name) => [name, 'text'])),
    finalizers: ['text'],
    managedFields: [{ manager: 'text', fieldsV1: 'any' }],
  },
  spec: {
    type: 'text',
    loadBalancerClass: 'text',
    loadBalancerIP: 'text',
    clusterIP: 'text',
    clusterIPs: ['text'],
    ipFamilies: ['text'],
    ipFamilyPolicy: 'text',
    externalTrafficPolicy: 'text',
    selector: 'any',
    ports: [{ port: 'number', protocol: 'text' }],
  },
  status: {
    loadBalancer: { ingress: [{ ip: 'text', hostname: 'text' }] },
    conditions: [
      { type: 'text', status: 'text', reason: 'text', message: 'text', lastTransitionTime: 'text' },
    ],
  },
};

const SLICE: Shape = {
  metadata: { namespace: 'text', labels: { [SERVICE_NAME_LABEL]: 'text' } },
  endpoints: [
    { nodeName: 'text', addresses: ['text'], conditions: { ready: 'flag' }, targetRef: { uid: 'text' } },
  ],
};

/** Of several managers a foreign one is named: it has a say. What minikube left counts only where nothing else does. */
function foremost(managers: readonly string[]): string | null {
  const foreign = managers.filter((manager) => manager !== FIELD_MANAGER);
  return foreign.find((manager) => !isMinikube(manager)) ?? foreign[0] ?? managers[0] ?? null;
}

/** What an ingress shows beside the addresses that can be read. */
function namesOf({ ip, hostname }: { readonly ip?: string; readonly hostname?: string }): string[] {
  const unread = canonicalAddress(ip) === null ? ip : undefined;
  return [unread ?? '', hostname ?? ''].filter((text) => text !== '');
}

/** What other implementations are asked for. They read an empty annotation as none, and so does mkplan. */
function otherRequests(annotations: Readonly<Record<string, string>> | undefined): Record<string, string> {
  const asked = OTHER_ANNOTATIONS.map((name) => [name, annotations?.[name] ?? ''] as const);
  return Object.fromEntries(asked.filter(([, text]) => text.trim() !== ''));
}

function observedCondition(service: Wire<V1Service>): ObservedCondition | null {
  const found = service.status?.conditions?.find(({ type }) => type === CONDITION_TYPE);
  if (found === undefined) return null;
  return {
    status: found.status === 'True' || found.status === 'False' ? found.status : 'Unknown',
    reason: found.reason ?? '',
    message: found.message ?? '',
    lastTransitionTime: found.lastTransitionTime ?? null,
    manager: foremost(managersOf(service, CONDITION)) ?? '',
  };
}

/** What tells one Service from another, and one state of it from the next. */
function requireIdentity({ metadata }: Wire<V1Service>): void {
  if ((metadata?.uid ?? '') !== '' && (metadata?.resourceVersion ?? '') !== '') return;
  throw new Unexpected(
    `the Service "${metadata?.namespace}/${metadata?.name}" has no uid or no resourceVersion`,
  );
}

/** What a Service tells. Throws Unexpected for what is none. */
export function observedService(service: Wire<V1Service>): ObservedService {
  requireShape('Service', service, SERVICE);
  const { metadata, spec, status } = service;
  const clusterIps = spec?.clusterIPs ?? [spec?.clusterIP];
  const ingress = status?.loadBalancer?.ingress ?? [];
  return {
    namespace: metadata?.namespace ?? '',
    name: metadata?.name ?? '',
    uid: metadata?.uid ?? '',
    resourceVersion: metadata?.resourceVersion ?? '',
    type: spec?.type ?? 'ClusterIP',
    loadBalancerClass: spec?.loadBalancerClass ?? null,
    clusterIps: clusterIps.flatMap((ip) => canonicalAddress(ip) ?? []),
    ipFamilies: (spec?.ipFamilies ?? []).filter((family) => family === 'IPv4' || family === 'IPv6'),
    ipFamilyPolicy: spec?.ipFamilyPolicy ?? null,
    externalTrafficPolicy: spec?.externalTrafficPolicy ?? null,
    loadBalancerIp: spec?.loadBalancerIP ?? null,
    requestedIp: metadata?.annotations?.[IP_ANNOTATION] ?? null,
    otherRequests: otherRequests(metadata?.annotations),
    ingress: ingress.flatMap(({ ip }) => canonicalAddress(ip) ?? []),
    ingressNames: ingress.flatMap(namesOf),
    ingressManager: foremost(managersOf(service, INGRESS)),
    condition: observedCondition(service),
    created: metadata?.creationTimestamp ?? '',
    hasSelector: Object.keys(spec?.selector ?? {}).length > 0,
    ports: (spec?.ports ?? []).map(({ port, protocol }) => `${port}/${protocol ?? 'TCP'}`),
    ...(metadata?.finalizers?.includes(CONTROLLER_FINALIZER) === true ? { hasController: true } : {}),
  };
}

/** The same of a Service of type LoadBalancer, or one that still holds an ingress or a condition of ours; null of any other. */
export function relevantService(service: Wire<V1Service>): ObservedService | null {
  requireShape('Service', service, SERVICE);
  const isRelevant =
    service.spec?.type === 'LoadBalancer' ||
    [INGRESS, CONDITION].some((path) => managersOf(service, path).includes(FIELD_MANAGER));
  if (!isRelevant) return null;
  requireIdentity(service);
  return observedService(service);
}

/** The relevant Services, by namespace and name. None where that right is missing. */
export async function listServices(
  api: ApiClient,
  rights: MissingRights,
  signal?: AbortSignal,
): Promise<ObservedService[]> {
  const call = { ...SERVICES, onForbidden: rights.onForbidden('list services'), signal };
  const listed = await api.collect(call, relevantService);
  return (listed?.values ?? []).filter((service) => service !== null).sort(compareNames);
}

/** What one EndpointSlice tells. */
export interface SliceEndpoints {
  /** `namespace/name` of its Service. */
  readonly service: string;
  /** Ready endpoints: the node, null where it names none, and what the endpoint stands for. */
  readonly ready: readonly (readonly [node: string | null, target: string])[];
}

/**
 * The ready endpoints of a slice. One whose readiness is not known counts as ready (API reference). Null of a slice that
 * belongs to no Service. Throws Unexpected for what is no slice.
 */
export function sliceEndpoints(slice: Wire<V1EndpointSlice>): SliceEndpoints | null {
  requireShape('EndpointSlice', slice, SLICE);
  const name = slice.metadata?.labels?.[SERVICE_NAME_LABEL] ?? null;
  if (name === null) return null;
  const ready = (slice.endpoints ?? []).flatMap(({ conditions, nodeName, targetRef, addresses }) => {
    const listed: readonly string[] | null | undefined = addresses;
    return conditions?.ready === false
      ? []
      : [[nodeName ?? null, targetRef?.uid ?? listed?.[0] ?? ''] as const];
  });
  return { service: `${slice.metadata?.namespace ?? ''}/${name}`, ready };
}

/** What the slices of one Service come to. */
interface Counted {
  slices: number;
  readonly byNode: Map<string | null, Set<string>>;
}

/** Counts ready endpoints by Service and node, in the order of the Services. */
export function countEndpoints(
  slices: Iterable<SliceEndpoints>,
  services: readonly ObservedService[],
): ObservedEndpoints[] {
  const counts = new Map<string, Counted>(
    services.map((service) => [`${service.namespace}/${service.name}`, { slices: 0, byNode: new Map() }]),
  );
  for (const { service, ready } of slices) {
    const counted = counts.get(service);
    if (counted === undefined) continue;
    counted.slices++;
    for (const [node, target] of ready) {
      // One pod may stand in two slices for a while, and in one of each family when dual-stack.
      counted.byNode.set(node, (counted.byNode.get(node) ?? new Set()).add(target));
    }
  }
  return services.map(({ namespace, name }) => {
    const counted = counts.get(`${namespace}/${name}`);
    const nodes = [...(counted?.byNode ?? [])].flatMap(([node, ready]) =>
      node === null ? [] : [[node, ready.size] as const],
    );
    return {
      namespace,
      service: name,
      slices: counted?.slices ?? 0,
      readyByNode: Object.fromEntries(nodes.sort((a, b) => compareText(a[0], b[0]))),
      readyElsewhere: counted?.byNode.get(null)?.size ?? 0,
    };
  });
}

/**
 * Ready endpoints of these Services, in their order; nothing of any where that right is missing, and null where the server
 * has no EndpointSlices of v1 (Kubernetes before 1.21).
 */
export async function listEndpoints(
  api: ApiClient,
  services: readonly ObservedService[],
  rights: MissingRights,
  signal?: AbortSignal,
): Promise<ObservedEndpoints[] | null> {
  if (services.length === 0) return [];
  const names = [...new Set(services.map((service) => service.name))];
  const selector =
    names.length > MAX_SELECTED_NAMES
      ? {}
      : { labelSelector: `${SERVICE_NAME_LABEL} in (${names.join(',')})` };
  let isServed = true;
  const call = {
    ...ENDPOINT_SLICES,
    query: selector,
    onForbidden: rights.onForbidden('list endpointslices'),
    onNotFound: () => {
      isServed = false;
    },
    signal,
  };
  const listed = await api.collect(call, sliceEndpoints);
  if (!isServed) return null;
  if (listed === null) return [];
  return countEndpoints(
    listed.values.filter((slice) => slice !== null),
    services,
  );
}
