/** What the API serves, and of each kind what the server must know to merge it. */

/**
 * How a list is merged (the `x-kubernetes-list-type` of the OpenAPI schema): `map` by the given keys,
 * `set` by value. Lists that are not named are atomic: one value, owned as a whole.
 */
export type ListType = KeyedList | { readonly type: 'set' };

/** A list that is merged by keys. */
export interface KeyedList {
  readonly type: 'map';
  readonly keys: readonly string[];
  /** What a key is that an item leaves out (`default` of the OpenAPI schema). */
  readonly defaults?: Readonly<Record<string, string>>;
}

export interface Resource {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly singular: string;
  readonly kind: string;
  readonly shortNames: readonly string[];
  readonly namespaced: boolean;
  /** Whether `status` is a subresource of its own, which writes to the object itself leave alone. */
  readonly status: boolean;
  /** Whether `metadata.generation` counts changes of what is not status. */
  readonly generation: boolean;
  /** Whether a PUT may leave out `metadata.resourceVersion`. */
  readonly unconditionalUpdate: boolean;
  /** Whether a PUT makes the object when there is none. */
  readonly createOnUpdate: boolean;
  /** Whether a DELETE answers with the object instead of a Status. */
  readonly deletedObject: boolean;
  /** What names have to be (RFC 1123, RFC 1035). */
  readonly names: 'subdomain' | 'label' | 'label-1035';
  /** By path of field names, dots between them; items of lists add nothing to the path. */
  readonly lists: Readonly<Record<string, ListType>>;
  /** Objects that are owned as one value (`x-kubernetes-map-type: atomic`). */
  readonly atomic: readonly string[];
  /** Fields that a fieldSelector may name besides metadata.name and metadata.namespace. */
  readonly selectable: readonly string[];
}

/** Where an object is. `namespace` is empty for cluster-scoped resources. */
export interface Location {
  readonly resource: Resource;
  readonly namespace: string;
  readonly name: string;
}

const BY_TYPE: ListType = { type: 'map', keys: ['type'] };

const TCP = { protocol: 'TCP' };

/** Lists that every object has. */
const METADATA_LISTS: Resource['lists'] = {
  'metadata.finalizers': { type: 'set' },
  'metadata.ownerReferences': { type: 'map', keys: ['uid'] },
};

function resource(names: Pick<Resource, 'group' | 'plural' | 'kind'> & Partial<Resource>): Resource {
  return {
    version: 'v1',
    singular: names.kind.toLowerCase(),
    shortNames: [],
    namespaced: true,
    status: false,
    generation: false,
    unconditionalUpdate: true,
    createOnUpdate: false,
    deletedObject: false,
    names: 'subdomain',
    atomic: [],
    selectable: [],
    ...names,
    lists: { ...METADATA_LISTS, ...names.lists },
  };
}

export const SERVICES = resource({
  group: '',
  plural: 'services',
  kind: 'Service',
  shortNames: ['svc'],
  status: true,
  createOnUpdate: true,
  deletedObject: true,
  names: 'label-1035',
  lists: {
    'spec.ports': { type: 'map', keys: ['port', 'protocol'], defaults: TCP },
    'status.conditions': BY_TYPE,
  },
  atomic: ['spec.selector'],
  selectable: ['spec.clusterIP', 'spec.type'],
});

export const NODES = resource({
  group: '',
  plural: 'nodes',
  kind: 'Node',
  shortNames: ['no'],
  namespaced: false,
  status: true,
  lists: {
    'spec.podCIDRs': { type: 'set' },
    'status.conditions': BY_TYPE,
    'status.addresses': BY_TYPE,
  },
  selectable: ['spec.unschedulable'],
});

export const NAMESPACES = resource({
  group: '',
  plural: 'namespaces',
  kind: 'Namespace',
  shortNames: ['ns'],
  namespaced: false,
  status: true,
  names: 'label',
  lists: { 'status.conditions': BY_TYPE },
  selectable: ['status.phase'],
});

export const ENDPOINT_SLICES = resource({
  group: 'discovery.k8s.io',
  plural: 'endpointslices',
  kind: 'EndpointSlice',
  generation: true,
});

export const SERVICE_CIDRS = resource({
  group: 'networking.k8s.io',
  plural: 'servicecidrs',
  kind: 'ServiceCIDR',
  namespaced: false,
  status: true,
  lists: { 'status.conditions': BY_TYPE },
});

export const PODS = resource({
  group: '',
  plural: 'pods',
  kind: 'Pod',
  shortNames: ['po'],
  status: true,
  deletedObject: true,
  generation: true,
  lists: {
    'spec.containers': { type: 'map', keys: ['name'] },
    'spec.initContainers': { type: 'map', keys: ['name'] },
    'spec.containers.ports': { type: 'map', keys: ['containerPort', 'protocol'], defaults: TCP },
    'spec.containers.env': { type: 'map', keys: ['name'] },
    'status.conditions': BY_TYPE,
    'status.podIPs': { type: 'map', keys: ['ip'] },
  },
  selectable: ['spec.nodeName', 'status.phase', 'status.podIP'],
});

export const CONFIG_MAPS = resource({
  group: '',
  plural: 'configmaps',
  kind: 'ConfigMap',
  shortNames: ['cm'],
});

export const EVENTS = resource({
  group: '',
  plural: 'events',
  kind: 'Event',
  shortNames: ['ev'],
  createOnUpdate: true,
  atomic: ['involvedObject'],
  selectable: [
    'involvedObject.kind',
    'involvedObject.namespace',
    'involvedObject.name',
    'involvedObject.uid',
    'reason',
    'type',
  ],
});

export const LEASES = resource({
  group: 'coordination.k8s.io',
  plural: 'leases',
  kind: 'Lease',
  unconditionalUpdate: false,
  createOnUpdate: true,
});

/** Everything that is served, in the order of discovery. */
export const RESOURCES: readonly Resource[] = [
  CONFIG_MAPS,
  EVENTS,
  NAMESPACES,
  NODES,
  PODS,
  SERVICES,
  LEASES,
  ENDPOINT_SLICES,
  SERVICE_CIDRS,
];

/** `v1`, `discovery.k8s.io/v1`. */
export function apiVersionOf(resource: Resource): string {
  return resource.group === '' ? resource.version : `${resource.group}/${resource.version}`;
}

/** The resource of a path; undefined when it is not served. */
export function findResource(group: string, version: string, plural: string): Resource | undefined {
  return RESOURCES.find(
    (candidate) => candidate.group === group && candidate.version === version && candidate.plural === plural,
  );
}

/** The resource of a manifest; undefined when it is not served. */
export function resourceOfKind(apiVersion: string, kind: string): Resource | undefined {
  return RESOURCES.find((candidate) => candidate.kind === kind && apiVersionOf(candidate) === apiVersion);
}
