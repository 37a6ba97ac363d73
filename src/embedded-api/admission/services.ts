import type { Family } from '../../model/prefix.ts';
import {
  arrayAt,
  isObject,
  type Json,
  type JsonObject,
  objectAt,
  textAt,
  textsAt,
  without,
} from '../objects/json.ts';
import { invalid } from '../objects/status-error.ts';
import { SERVICES } from '../resources.ts';
import { type ClusterIpAllocator, NO_ADDRESS } from './cluster-ips.ts';
import { type NodePortAllocator, withNodePorts } from './node-ports.ts';
import { checkChangedService, checkService, isAddress } from './service-rules.ts';

/** What Services are given by the server. */
export interface ServiceAllocators {
  readonly ips: ClusterIpAllocator;
  readonly ports: NodePortAllocator;
}

/** The clusterIPs that a Service holds; empty when it is headless or has none. */
export function clusterIpsOf(service: JsonObject): string[] {
  const many = textsAt(service, 'spec', 'clusterIPs');
  const one = textAt(service, 'spec', 'clusterIP');
  const held = many.length > 0 ? many : one === undefined || one === '' ? [] : [one];
  return held.filter((address) => address !== 'None');
}

function familyName(family: Family): string {
  return family === 4 ? 'IPv4' : 'IPv6';
}

/** The families that a new Service gets, by its policy (KEP-563, dual-stack). */
function familiesOf(spec: JsonObject, available: readonly Family[], name: string): Family[] {
  const asked = textsAt(spec, 'ipFamilies').map((text): Family => (text === 'IPv6' ? 6 : 4));
  const given = clusterIpsOf({ spec }).map((text): Family => (text.includes(':') ? 6 : 4));
  const policy =
    textAt(spec, 'ipFamilyPolicy') ??
    (Math.max(asked.length, given.length) > 1 ? 'RequireDualStack' : 'SingleStack');
  const wanted = [...new Set([...given, ...asked, ...available])];
  const missing = wanted.find((family) => !available.includes(family));
  if (missing !== undefined) {
    throw invalid(
      SERVICES,
      name,
      'spec.ipFamilies[0]',
      `Invalid value: "${familyName(missing)}": not configured on this cluster`,
    );
  }
  if (policy === 'RequireDualStack' && wanted.length < 2) {
    throw invalid(
      SERVICES,
      name,
      'spec.ipFamilyPolicy',
      'Invalid value: "RequireDualStack": this cluster is not configured for dual-stack services',
    );
  }
  return policy === 'SingleStack' ? wanted.slice(0, 1) : wanted;
}

function allocate(
  spec: JsonObject,
  families: readonly Family[],
  ips: ClusterIpAllocator,
  name: string,
): string[] {
  const given = clusterIpsOf({ spec });
  const taken: string[] = [];
  for (const [index, family] of families.entries()) {
    const asked = given[index];
    if (asked !== undefined && !isAddress(asked)) {
      ips.release(taken);
      throw invalid(
        SERVICES,
        name,
        `spec.clusterIPs[${index}]`,
        `Invalid value: ${JSON.stringify(asked)}: ${NO_ADDRESS}`,
      );
    }
    const problem = asked === undefined ? null : ips.take(asked);
    const address = asked ?? ips.lowestFree(family);
    if (problem !== null || address === null) {
      ips.release(taken);
      const why = problem ?? 'failed to allocate a serviceIP: range is full';
      throw invalid(SERVICES, name, 'spec.clusterIPs', `Invalid value: ${JSON.stringify(given)}: ${why}`);
    }
    taken.push(address);
  }
  return taken;
}

function portDefaults(port: Json): Json {
  if (!isObject(port)) return port;
  const targetPort = port['targetPort'];
  return {
    protocol: 'TCP',
    ...port,
    targetPort: targetPort === undefined || targetPort === 0 ? (port['port'] ?? 0) : targetPort,
  };
}

function typeDefaults(type: string): JsonObject {
  if (type === 'ExternalName') return {};
  const inside = { internalTrafficPolicy: 'Cluster' };
  if (type === 'LoadBalancer') {
    return { ...inside, allocateLoadBalancerNodePorts: true, externalTrafficPolicy: 'Cluster' };
  }
  return type === 'NodePort' ? { ...inside, externalTrafficPolicy: 'Cluster' } : inside;
}

function ingressDefaults(status: JsonObject): JsonObject {
  const loadBalancer = objectAt(status, 'loadBalancer');
  const ingress = arrayAt(loadBalancer, 'ingress');
  if (ingress.length === 0) {
    return loadBalancer['ingress'] === undefined
      ? status
      : { ...status, loadBalancer: without(loadBalancer, 'ingress') };
  }
  const complete = ingress.map((entry) =>
    isObject(entry) && entry['ip'] !== undefined ? { ipMode: 'VIP', ...entry } : entry,
  );
  return { ...status, loadBalancer: { ...loadBalancer, ingress: complete } };
}

/** A Service as a client sent it, with what the API fills in for any owner (k8s.io/kubernetes, core/v1 defaults). */
export function defaultService(service: JsonObject): JsonObject {
  const spec = objectAt(service, 'spec');
  const type = textAt(spec, 'type') ?? 'ClusterIP';
  const status = objectAt(service, 'status');
  return {
    ...service,
    spec: {
      sessionAffinity: 'None',
      ...typeDefaults(type),
      ...spec,
      type,
      ...(spec['ports'] === undefined ? {} : { ports: arrayAt(spec, 'ports').map(portDefaults) }),
    },
    ...(service['status'] === undefined
      ? {}
      : { status: type === 'LoadBalancer' ? ingressDefaults(status) : status }),
  };
}

/** A Service without selector and without address is of both families, since nobody can tell what stands behind it. */
function headlessFamilies(spec: JsonObject, available: readonly Family[], name: string): Family[] {
  const free = spec['selector'] === undefined && spec['ipFamilyPolicy'] === undefined;
  if (!free) return familiesOf(spec, available, name);
  const [first = 4] = available;
  return first === 4 ? [4, 6] : [6, 4];
}

/**
 * The spec of a new Service, defaults set, with clusterIPs and node ports allocated as kube-apiserver does.
 * Throws a StatusError 422 when it is not valid or an address cannot be had.
 */
export function prepareNewService(service: JsonObject, { ips, ports }: ServiceAllocators): JsonObject {
  const spec = objectAt(service, 'spec');
  const name = textAt(service, 'metadata', 'name') ?? '';
  checkService(name, service);
  if (textAt(spec, 'type') === 'ExternalName') return service;
  const headless = textAt(spec, 'clusterIP') === 'None';
  const families = headless
    ? headlessFamilies(spec, ips.families(), name)
    : familiesOf(spec, ips.families(), name);
  const clusterIPs = headless ? ['None'] : allocate(spec, families, ips, name);
  const allocated = {
    ...service,
    spec: {
      ipFamilyPolicy: families.length > 1 ? 'RequireDualStack' : 'SingleStack',
      ...spec,
      ipFamilies: families.map(familyName),
      clusterIP: clusterIPs[0] ?? '',
      clusterIPs,
    },
  };
  return withNodePorts({}, allocated, ports);
}

/** Fields that belong to some types alone: a change of type drops them, unless the writer changed them too. */
const TYPE_FIELDS: Readonly<Record<string, readonly string[]>> = {
  allocateLoadBalancerNodePorts: ['LoadBalancer'],
  loadBalancerClass: ['LoadBalancer'],
  externalTrafficPolicy: ['LoadBalancer', 'NodePort'],
};

/**
 * A changed Service, defaults set: what the server allocated stays where the writer left it out.
 * Throws a StatusError 422 when the writer names another clusterIP.
 */
export function carryAllocated(live: JsonObject, next: JsonObject): JsonObject {
  const before = objectAt(live, 'spec');
  const spec = objectAt(next, 'spec');
  if (textAt(spec, 'type') === 'ExternalName') return next;
  const held = textAt(before, 'clusterIP');
  const asked = textAt(spec, 'clusterIP');
  if (held !== undefined && asked !== undefined && asked !== '' && asked !== held) {
    const name = textAt(next, 'metadata', 'name') ?? '';
    throw invalid(
      SERVICES,
      name,
      'spec.clusterIPs[0]',
      `Invalid value: ["${asked}"]: may not change once set`,
    );
  }
  const kept = ['clusterIP', 'clusterIPs', 'ipFamilies', 'ipFamilyPolicy'];
  const carried = Object.fromEntries(
    kept.filter((key) => before[key] !== undefined).map((key) => [key, before[key]]),
  );
  return {
    ...next,
    spec: {
      ...carried,
      ...spec,
      ...(held === undefined ? {} : { clusterIP: held, clusterIPs: before['clusterIPs'] }),
    },
  };
}

/**
 * A changed Service as it is stored: without what its new type has no use for, with the node ports that it asks for.
 * Throws a StatusError 422 when it is not valid.
 */
export function finishChangedService(
  live: JsonObject,
  next: JsonObject,
  ports: NodePortAllocator,
): JsonObject {
  const [before, spec] = [objectAt(live, 'spec'), objectAt(next, 'spec')];
  const type = textAt(spec, 'type') ?? '';
  const dropped = Object.entries(TYPE_FIELDS)
    .filter(([key, types]) => !types.includes(type) && spec[key] === before[key])
    .map(([key]) => key);
  // Changing the type of a Service takes its address away.
  const retyped = textAt(before, 'type') === 'LoadBalancer' && type !== 'LoadBalancer';
  const status = retyped ? { status: { ...objectAt(next, 'status'), loadBalancer: {} } } : {};
  const finished = { ...next, spec: without(spec, ...dropped), ...status };
  checkChangedService(textAt(next, 'metadata', 'name') ?? '', live, finished);
  return withNodePorts(live, finished, ports);
}
