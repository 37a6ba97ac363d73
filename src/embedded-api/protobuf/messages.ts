/**
 * The protobuf messages of what the API takes in that form, field by field. The numbers are those of `generated.proto`
 * in k8s.io/api and k8s.io/apimachinery v0.34.4.
 */

/** How a field's value is written, and what it becomes in JSON. */
export type FieldType =
  | 'text'
  | 'count'
  | 'flag'
  /** Standard base64 in JSON. */
  | 'bytes'
  /** meta/v1 Time: RFC 3339, whole seconds. */
  | 'time'
  /** meta/v1 MicroTime: RFC 3339, microseconds. */
  | 'micro-time'
  /** util/intstr: a number or a string. */
  | 'int-or-string'
  /** meta/v1 FieldsV1: JSON in bytes. */
  | 'json'
  | Message;

export interface Field {
  readonly name: string;
  readonly type: FieldType;
  /** `map`: of strings to values of the type. */
  readonly repeated: 'no' | 'list' | 'map';
  /**
   * Whether the zero value is said when it is written. Go writes fields that are not pointers whatever they hold, and
   * leaves those out of JSON that hold nothing.
   */
  readonly isPointer: boolean;
}

/** Fields by number. */
export interface Message {
  readonly fields: ReadonlyMap<number, Field>;
}

type Entry = readonly [number: number, field: Field];

function message(...entries: readonly Entry[]): Message {
  return { fields: new Map(entries) };
}

const single =
  (type: FieldType, isPointer: boolean) =>
  (number: number, name: string): Entry => [number, { name, type, repeated: 'no', isPointer }];

const text = single('text', false);
const count = single('count', false);
const flag = single('flag', false);
const time = single('time', false);
const microTime = single('micro-time', false);
/** Of a pointer to a type: what it holds is said even if it is zero. */
const optional = (number: number, name: string, type: FieldType): Entry => single(type, true)(number, name);
const inner = (number: number, name: string, type: Message): Entry => single(type, false)(number, name);
const list = (number: number, name: string, type: FieldType = 'text'): Entry => [
  number,
  { name, type, repeated: 'list', isPointer: false },
];
const map = (number: number, name: string, type: FieldType = 'text'): Entry => [
  number,
  { name, type, repeated: 'map', isPointer: false },
];

const OWNER_REFERENCE = message(
  text(1, 'kind'),
  text(3, 'name'),
  text(4, 'uid'),
  text(5, 'apiVersion'),
  optional(6, 'controller', 'flag'),
  optional(7, 'blockOwnerDeletion', 'flag'),
);

const MANAGED_FIELDS = message(
  text(1, 'manager'),
  text(2, 'operation'),
  text(3, 'apiVersion'),
  time(4, 'time'),
  text(6, 'fieldsType'),
  optional(7, 'fieldsV1', 'json'),
  text(8, 'subresource'),
);

const META = message(
  text(1, 'name'),
  text(2, 'generateName'),
  text(3, 'namespace'),
  text(4, 'selfLink'),
  text(5, 'uid'),
  text(6, 'resourceVersion'),
  count(7, 'generation'),
  time(8, 'creationTimestamp'),
  time(9, 'deletionTimestamp'),
  optional(10, 'deletionGracePeriodSeconds', 'count'),
  map(11, 'labels'),
  map(12, 'annotations'),
  list(13, 'ownerReferences', OWNER_REFERENCE),
  list(14, 'finalizers'),
  list(17, 'managedFields', MANAGED_FIELDS),
);

const metadata = inner(1, 'metadata', META);

const CONDITION = message(
  text(1, 'type'),
  text(2, 'status'),
  count(3, 'observedGeneration'),
  time(4, 'lastTransitionTime'),
  text(5, 'reason'),
  text(6, 'message'),
);

const OBJECT_REFERENCE = message(
  text(1, 'kind'),
  text(2, 'namespace'),
  text(3, 'name'),
  text(4, 'uid'),
  text(5, 'apiVersion'),
  text(6, 'resourceVersion'),
  text(7, 'fieldPath'),
);

const NAMESPACE_CONDITION = message(
  text(1, 'type'),
  text(2, 'status'),
  time(4, 'lastTransitionTime'),
  text(5, 'reason'),
  text(6, 'message'),
);

const NAMESPACE = message(
  metadata,
  inner(2, 'spec', message(list(1, 'finalizers'))),
  inner(3, 'status', message(text(1, 'phase'), list(2, 'conditions', NAMESPACE_CONDITION))),
);

const SERVICE_PORT = message(
  text(1, 'name'),
  text(2, 'protocol'),
  count(3, 'port'),
  single('int-or-string', false)(4, 'targetPort'),
  count(5, 'nodePort'),
  optional(6, 'appProtocol', 'text'),
);

const SERVICE_SPEC = message(
  list(1, 'ports', SERVICE_PORT),
  map(2, 'selector'),
  text(3, 'clusterIP'),
  text(4, 'type'),
  list(5, 'externalIPs'),
  text(7, 'sessionAffinity'),
  text(8, 'loadBalancerIP'),
  list(9, 'loadBalancerSourceRanges'),
  text(10, 'externalName'),
  text(11, 'externalTrafficPolicy'),
  count(12, 'healthCheckNodePort'),
  flag(13, 'publishNotReadyAddresses'),
  optional(
    14,
    'sessionAffinityConfig',
    message(optional(1, 'clientIP', message(optional(1, 'timeoutSeconds', 'count')))),
  ),
  optional(17, 'ipFamilyPolicy', 'text'),
  list(18, 'clusterIPs'),
  list(19, 'ipFamilies'),
  optional(20, 'allocateLoadBalancerNodePorts', 'flag'),
  optional(21, 'loadBalancerClass', 'text'),
  optional(22, 'internalTrafficPolicy', 'text'),
  optional(23, 'trafficDistribution', 'text'),
);

const PORT_STATUS = message(count(1, 'port'), text(2, 'protocol'), optional(3, 'error', 'text'));

const INGRESS = message(
  text(1, 'ip'),
  text(2, 'hostname'),
  optional(3, 'ipMode', 'text'),
  list(4, 'ports', PORT_STATUS),
);

const SERVICE = message(
  metadata,
  inner(2, 'spec', SERVICE_SPEC),
  inner(
    3,
    'status',
    message(inner(1, 'loadBalancer', message(list(1, 'ingress', INGRESS))), list(2, 'conditions', CONDITION)),
  ),
);

const CONFIG_MAP = message(
  metadata,
  map(2, 'data'),
  map(3, 'binaryData', 'bytes'),
  optional(4, 'immutable', 'flag'),
);

const EVENT = message(
  metadata,
  inner(2, 'involvedObject', OBJECT_REFERENCE),
  text(3, 'reason'),
  text(4, 'message'),
  inner(5, 'source', message(text(1, 'component'), text(2, 'host'))),
  time(6, 'firstTimestamp'),
  time(7, 'lastTimestamp'),
  count(8, 'count'),
  text(9, 'type'),
  microTime(10, 'eventTime'),
  optional(11, 'series', message(count(1, 'count'), microTime(2, 'lastObservedTime'))),
  text(12, 'action'),
  optional(13, 'related', OBJECT_REFERENCE),
  text(14, 'reportingComponent'),
  text(15, 'reportingInstance'),
);

const LEASE = message(
  metadata,
  inner(
    2,
    'spec',
    message(
      optional(1, 'holderIdentity', 'text'),
      optional(2, 'leaseDurationSeconds', 'count'),
      microTime(3, 'acquireTime'),
      microTime(4, 'renewTime'),
      optional(5, 'leaseTransitions', 'count'),
      optional(6, 'strategy', 'text'),
      optional(7, 'preferredHolder', 'text'),
    ),
  ),
);

const NAMED = message(text(1, 'name'));

const ENDPOINT = message(
  list(1, 'addresses'),
  inner(
    2,
    'conditions',
    message(optional(1, 'ready', 'flag'), optional(2, 'serving', 'flag'), optional(3, 'terminating', 'flag')),
  ),
  optional(3, 'hostname', 'text'),
  optional(4, 'targetRef', OBJECT_REFERENCE),
  map(5, 'deprecatedTopology'),
  optional(6, 'nodeName', 'text'),
  optional(7, 'zone', 'text'),
  optional(8, 'hints', message(list(1, 'forZones', NAMED), list(2, 'forNodes', NAMED))),
);

const ENDPOINT_SLICE = message(
  metadata,
  list(2, 'endpoints', ENDPOINT),
  list(
    3,
    'ports',
    message(
      optional(1, 'name', 'text'),
      optional(2, 'protocol', 'text'),
      optional(3, 'port', 'count'),
      optional(4, 'appProtocol', 'text'),
    ),
  ),
  text(4, 'addressType'),
);

const SERVICE_CIDR = message(
  metadata,
  inner(2, 'spec', message(list(1, 'cidrs'))),
  inner(3, 'status', message(list(1, 'conditions', CONDITION))),
);

const DELETE_OPTIONS = message(
  optional(1, 'gracePeriodSeconds', 'count'),
  optional(2, 'preconditions', message(optional(1, 'uid', 'text'), optional(2, 'resourceVersion', 'text'))),
  optional(3, 'orphanDependents', 'flag'),
  optional(4, 'propagationPolicy', 'text'),
  list(5, 'dryRun'),
);

const REQUIREMENT = message(text(1, 'key'), text(2, 'operator'), list(3, 'values'));
const SELECTOR_ATTRIBUTES = message(text(1, 'rawSelector'), list(2, 'requirements', REQUIREMENT));

const ACCESS_REVIEW = message(
  metadata,
  inner(
    2,
    'spec',
    message(
      optional(
        1,
        'resourceAttributes',
        message(
          text(1, 'namespace'),
          text(2, 'verb'),
          text(3, 'group'),
          text(4, 'version'),
          text(5, 'resource'),
          text(6, 'subresource'),
          text(7, 'name'),
          optional(8, 'fieldSelector', SELECTOR_ATTRIBUTES),
          optional(9, 'labelSelector', SELECTOR_ATTRIBUTES),
        ),
      ),
      optional(2, 'nonResourceAttributes', message(text(1, 'path'), text(2, 'verb'))),
    ),
  ),
);

/** By `apiVersion kind`. Nodes and Pods are missing: kubelets write those, and there is none here. */
const MESSAGES: Readonly<Record<string, Message>> = {
  'v1 Namespace': NAMESPACE,
  'v1 Service': SERVICE,
  'v1 ConfigMap': CONFIG_MAP,
  'v1 Event': EVENT,
  'coordination.k8s.io/v1 Lease': LEASE,
  'discovery.k8s.io/v1 EndpointSlice': ENDPOINT_SLICE,
  'networking.k8s.io/v1 ServiceCIDR': SERVICE_CIDR,
  'authorization.k8s.io/v1 SelfSubjectAccessReview': ACCESS_REVIEW,
};

/** The message of a kind; undefined where it is not taken in this form. */
export function messageOfKind(apiVersion: string, kind: string): Message | undefined {
  // Every group has them, under its own version.
  if (kind === 'DeleteOptions') return DELETE_OPTIONS;
  return Object.hasOwn(MESSAGES, `${apiVersion} ${kind}`) ? MESSAGES[`${apiVersion} ${kind}`] : undefined;
}

/** runtime.Unknown, the envelope: of which kind `raw` is. */
export const UNKNOWN = message(
  inner(1, 'typeMeta', message(text(1, 'apiVersion'), text(2, 'kind'))),
  single('bytes', false)(2, 'raw'),
  text(3, 'contentEncoding'),
  text(4, 'contentType'),
);
