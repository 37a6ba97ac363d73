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
    ];
  }
  if (resource === NODES) {
    return [
      NAME,
      { name: 'Status', cell: readiness },
      { name: 'Roles', cell: roles },
      AGE,
      { name: 'Version', cell: (node) => textAt(node, 'status', 'nodeInfo', 'kubeletVersion') ?? '' },
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
      ({ name }): Json => ({
        name,
        type: 'string',
        format: name === 'Name' ? 'name' : '',
        description: '',
        priority: 0,
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
