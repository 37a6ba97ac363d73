import { NODES, type Resource, SERVICES } from '../resources.ts';
import {
  arrayAt,
  type Json,
  type JsonObject,
  type KubeObject,
  objectAt,
  textAt,
  textsAt,
  valueAt,
} from './json.ts';

/** The columns that `kubectl get` shows, which the server makes (meta/v1 Table). */
interface Column {
  readonly name: string;
  /** Whether it is for `-o wide` alone. */
  readonly isWide?: true;
  readonly cell: (object: KubeObject, now: Date) => string;
}

/** Age as kubectl writes it: the one or two largest units. */
function age(object: KubeObject, now: Date): string {
  const seconds = Math.max(
    0,
    Math.floor((now.getTime() - Date.parse(object.metadata.creationTimestamp)) / 1000),
  );
  if (seconds < 120) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 10 && seconds % 60 !== 0) return `${minutes}m${seconds % 60}s`;
  if (minutes < 180) return `${minutes}m`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours}h` : `${Math.floor(hours / 24)}d`;
}

function externalIp(service: KubeObject): string {
  const ingress = arrayAt(service, 'status', 'loadBalancer', 'ingress')
    .map((entry) => textAt(entry, 'ip') ?? textAt(entry, 'hostname'))
    .filter((text) => text !== undefined);
  const shown = [...ingress, ...textsAt(service, 'spec', 'externalIPs')];
  if (shown.length > 0) return shown.join(',');
  return textAt(service, 'spec', 'type') === 'LoadBalancer' ? '<pending>' : '<none>';
}

function ports(service: KubeObject): string {
  const shown = arrayAt(service, 'spec', 'ports').map((port) => {
    const nodePort = valueAt(port, 'nodePort');
    return `${String(valueAt(port, 'port'))}${nodePort === undefined ? '' : `:${String(nodePort)}`}/${textAt(port, 'protocol') ?? 'TCP'}`;
  });
  return shown.length === 0 ? '<none>' : shown.join(',');
}

function readiness(node: KubeObject): string {
  const ready = arrayAt(node, 'status', 'conditions').find(
    (condition) => textAt(condition, 'type') === 'Ready',
  );
  const state = textAt(ready, 'status');
  return state === 'True' ? 'Ready' : state === undefined ? 'Unknown' : 'NotReady';
}

const ROLE = 'node-role.kubernetes.io/';

function roles(node: KubeObject): string {
  const named = Object.keys(objectAt(node, 'metadata', 'labels')).filter((label) => label.startsWith(ROLE));
  return named.length === 0 ? '<none>' : named.map((label) => label.slice(ROLE.length)).join(',');
}

/** What the API server shows of a node that says nothing (kubernetes, pkg/printers/internalversion). */
const UNKNOWN = '<unknown>';

function nodeInfo(node: KubeObject, name: string): string | undefined {
  const text = textAt(node, 'status', 'nodeInfo', name);
  return text === '' ? undefined : text;
}

function nodeAddress(node: KubeObject, type: string): string {
  const address = arrayAt(node, 'status', 'addresses').find((entry) => textAt(entry, 'type') === type);
  return textAt(address, 'address') ?? '<none>';
}

function selector(service: KubeObject): string {
  const pairs = Object.entries(objectAt(service, 'spec', 'selector'));
  return pairs.length === 0 ? '<none>' : pairs.map(([key, value]) => `${key}=${String(value)}`).join(',');
}

const NAME: Column = { name: 'Name', cell: (object) => object.metadata.name };
const AGE: Column = { name: 'Age', cell: age };

function columnsOf(resource: Resource): readonly Column[] {
  if (resource === SERVICES) {
    return [
      NAME,
      { name: 'Type', cell: (service) => textAt(service, 'spec', 'type') ?? '' },
      { name: 'Cluster-IP', cell: (service) => textAt(service, 'spec', 'clusterIP') ?? '<none>' },
      { name: 'External-IP', cell: externalIp },
      { name: 'Port(s)', cell: ports },
      AGE,
      { name: 'Selector', isWide: true, cell: selector },
    ];
  }
  if (resource === NODES) {
    return [
      NAME,
      { name: 'Status', cell: readiness },
      { name: 'Roles', cell: roles },
      AGE,
      { name: 'Version', cell: (node) => nodeInfo(node, 'kubeletVersion') ?? '' },
      { name: 'Internal-IP', isWide: true, cell: (node) => nodeAddress(node, 'InternalIP') },
      { name: 'External-IP', isWide: true, cell: (node) => nodeAddress(node, 'ExternalIP') },
      { name: 'OS-Image', isWide: true, cell: (node) => nodeInfo(node, 'osImage') ?? UNKNOWN },
      { name: 'Kernel-Version', isWide: true, cell: (node) => nodeInfo(node, 'kernelVersion') ?? UNKNOWN },
      {
        name: 'Container-Runtime',
        isWide: true,
        cell: (node) => nodeInfo(node, 'containerRuntimeVersion') ?? UNKNOWN,
      },
    ];
  }
  return [NAME, AGE];
}

/** Whether a client prefers a Table (`application/json;as=Table;v=v1;g=meta.k8s.io`). */
export function wantsTable(accept: string | undefined): boolean {
  const [first = ''] = (accept ?? '').split(',');
  return /;\s*as=Table\b/.test(first) && /;\s*v=v1\b/.test(first);
}

/** Objects as a Table; `metadata` is that of the list, or of the one object. */
export function tableOf(
  resource: Resource,
  objects: readonly KubeObject[],
  metadata: JsonObject,
  now: Date,
): JsonObject {
  const columns = columnsOf(resource);
  return {
    kind: 'Table',
    apiVersion: 'meta.k8s.io/v1',
    metadata,
    columnDefinitions: columns.map(
      ({ name, isWide }): Json => ({
        name,
        type: 'string',
        format: name === 'Name' ? 'name' : '',
        description: '',
        priority: isWide === true ? 1 : 0,
      }),
    ),
    rows: objects.map(
      (object): Json => ({
        cells: columns.map(({ cell }) => cell(object, now)),
        object: { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: object.metadata },
      }),
    ),
  };
}
