import {
  arrayAt,
  isObject,
  type Json,
  type JsonObject,
  objectAt,
  textAt,
  valueAt,
  without,
} from '../objects/json.ts';
import { invalid } from '../objects/status-error.ts';
import { SERVICES } from '../resources.ts';

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

/** Gives ports to one Service: what it holds already, what it names, or the lowest free one. */
class PortGiver {
  readonly #name: string;
  readonly #ports: NodePortAllocator;
  readonly #held: ReadonlySet<number>;
  readonly #taken = new Set<number>();

  constructor(service: JsonObject, live: JsonObject, ports: NodePortAllocator) {
    this.#name = textAt(service, 'metadata', 'name') ?? '';
    this.#ports = ports;
    this.#held = new Set(nodePortsOf(live));
  }

  /** Throws a StatusError 422 when the port that is asked for cannot be had, or there is none. */
  give(asked: Json | undefined): number {
    const [wanted] = portNumber(asked);
    if (wanted !== undefined && (this.#held.has(wanted) || this.#taken.has(wanted))) return wanted;
    const found = wanted === undefined ? this.#ports.lowestFree() : this.#ports.take(wanted) ? wanted : null;
    if (found === null) {
      this.#ports.release([...this.#taken]);
      const why = `Invalid value: ${String(asked)}: provided port is already allocated`;
      throw invalid(SERVICES, this.#name, 'spec.ports[0].nodePort', why);
    }
    this.#taken.add(found);
    return found;
  }

  /** Takes back what the Service held and holds no more. */
  settle(service: JsonObject): void {
    const kept = new Set(nodePortsOf(service));
    this.#ports.release([...this.#held, ...this.#taken].filter((port) => !kept.has(port)));
  }
}

/** The ports with their node ports; one number serves TCP and UDP of the same port. */
function givePorts(live: JsonObject, spec: JsonObject, giver: PortGiver): Json[] {
  const keyOf = (port: Json): string => `${textAt(port, 'protocol') ?? ''}/${String(valueAt(port, 'port'))}`;
  const before = new Map(
    arrayAt(live, 'spec', 'ports').map((port) => [keyOf(port), valueAt(port, 'nodePort')]),
  );
  const given = new Map<Json | undefined, number>();
  return arrayAt(spec, 'ports').map((port) => {
    if (!isObject(port)) return port;
    const asked = port['nodePort'] ?? before.get(keyOf(port)) ?? given.get(port['port']);
    if (!wantsNodePorts(spec) && portNumber(asked).length === 0) return port;
    const nodePort = giver.give(asked);
    given.set(port['port'], nodePort);
    return { ...port, nodePort };
  });
}

/**
 * The Service with the node ports that its type asks for, keeping those of `live`. Throws a StatusError 422 when a port
 * that it names cannot be had, or there is none.
 */
export function withNodePorts(live: JsonObject, service: JsonObject, ports: NodePortAllocator): JsonObject {
  const spec = objectAt(service, 'spec');
  const giver = new PortGiver(service, live, ports);
  const outside = ['NodePort', 'LoadBalancer'].includes(textAt(spec, 'type') ?? '');
  const listed = outside
    ? givePorts(live, spec, giver)
    : arrayAt(spec, 'ports').map((port) => (isObject(port) ? without(port, 'nodePort') : port));
  const asked = spec['healthCheckNodePort'] ?? valueAt(live, 'spec', 'healthCheckNodePort');
  const next = {
    ...service,
    spec: {
      ...without(spec, 'healthCheckNodePort'),
      ...(spec['ports'] === undefined ? {} : { ports: listed }),
      ...(wantsHealthCheck(spec) ? { healthCheckNodePort: giver.give(asked) } : {}),
    },
  };
  giver.settle(next);
  return next;
}
