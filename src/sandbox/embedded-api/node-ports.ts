import { arrayAt, isObject, type Json, type JsonObject, objectAt, textAt, valueAt, without } from './json.ts';
import { SERVICES } from './resources.ts';
import { invalid } from './status-error.ts';

/** kube-apiserver's default --service-node-port-range. */
const FIRST = 30_000;
const LAST = 32_767;

/** Hands out ports that every node answers on, lowest first. */
export class NodePortAllocator {
  readonly #taken = new Set<number>();

  /** The lowest free port, now taken; null when there is none. */
  lowestFree(): number | null {
    for (let port = FIRST; port <= LAST; port++) {
      if (this.take(port)) return port;
    }
    return null;
  }

  /** Takes the given port; false when another has it. */
  take(port: number): boolean {
    if (this.#taken.has(port)) return false;
    this.#taken.add(port);
    return true;
  }

  /** Gives ports back. */
  release(ports: readonly number[]): void {
    for (const port of ports) this.#taken.delete(port);
  }
}

function wantsNodePorts(spec: JsonObject): boolean {
  const type = textAt(spec, 'type');
  return type === 'NodePort' || (type === 'LoadBalancer' && spec['allocateLoadBalancerNodePorts'] !== false);
}

function wantsHealthCheck(spec: JsonObject): boolean {
  return textAt(spec, 'type') === 'LoadBalancer' && textAt(spec, 'externalTrafficPolicy') === 'Local';
}

function portNumber(value: Json | undefined): number[] {
  return typeof value === 'number' && value !== 0 ? [value] : [];
}

/** The node ports that a Service holds, that of its health check included. */
export function nodePortsOf(service: JsonObject): number[] {
  return [
    ...arrayAt(service, 'spec', 'ports').flatMap((port) => portNumber(valueAt(port, 'nodePort'))),
    ...portNumber(valueAt(service, 'spec', 'healthCheckNodePort')),
  ];
}

function takePort(
  name: string,
  ports: NodePortAllocator,
  held: ReadonlySet<number>,
  asked: Json | undefined,
): number {
  const [wanted] = portNumber(asked);
  if (wanted !== undefined && (held.has(wanted) || ports.take(wanted))) return wanted;
  const found = wanted === undefined ? ports.lowestFree() : null;
  if (found !== null) return found;
  throw invalid(
    SERVICES,
    name,
    'spec.ports[0].nodePort',
    `Invalid value: ${String(asked)}: provided port is already allocated`,
  );
}

/**
 * The Service with the node ports that its type asks for, keeping those of `live`. Throws a StatusError 422 when a port
 * that it names cannot be had, or there is none.
 */
export function withNodePorts(live: JsonObject, service: JsonObject, ports: NodePortAllocator): JsonObject {
  const spec = objectAt(service, 'spec');
  const name = textAt(service, 'metadata', 'name') ?? '';
  const held = new Set(nodePortsOf(live));
  const keyOf = (port: Json): string => `${textAt(port, 'protocol') ?? ''}/${String(valueAt(port, 'port'))}`;
  const before = new Map(
    arrayAt(live, 'spec', 'ports').map((port) => [keyOf(port), valueAt(port, 'nodePort')]),
  );
  const give = (port: Json): Json => {
    if (!isObject(port)) return port;
    const asked = port['nodePort'] ?? before.get(keyOf(port));
    const given = wantsNodePorts(spec) || portNumber(asked).length > 0;
    return given ? { ...port, nodePort: takePort(name, ports, held, asked) } : port;
  };
  const outside = ['NodePort', 'LoadBalancer'].includes(textAt(spec, 'type') ?? '');
  const listed = spec['ports'];
  const given = arrayAt(spec, 'ports').map((port) =>
    outside ? give(port) : isObject(port) ? without(port, 'nodePort') : port,
  );
  const health = wantsHealthCheck(spec)
    ? {
        healthCheckNodePort: takePort(
          name,
          ports,
          held,
          spec['healthCheckNodePort'] ?? valueAt(live, 'spec', 'healthCheckNodePort'),
        ),
      }
    : {};
  const next = {
    ...service,
    spec: {
      ...without(spec, 'healthCheckNodePort'),
      ...(listed === undefined ? {} : { ports: given }),
      ...health,
    },
  };
  const kept = new Set(nodePortsOf(next));
  ports.release([...held].filter((port) => !kept.has(port)));
  return next;
}
