import { randomBytes, randomUUID } from 'node:crypto';
import {
  type JsonObject,
  type KubeObject,
  type ObjectMeta,
  objectAt,
  sameJson,
  textAt,
  without,
} from '../objects/json.ts';
import type { Author } from '../objects/managed-fields.ts';
import { badRequest, invalidFields, problem, required } from '../objects/status-error.ts';
import {
  apiVersionOf,
  CONFIG_MAPS,
  EVENTS,
  type Location,
  NAMESPACES,
  NODES,
  PODS,
  type Resource,
  SERVICES,
} from '../resources.ts';
import { carryAllocated, defaultService } from './services.ts';

interface NameRule {
  readonly pattern: RegExp;
  readonly longest: number;
  readonly problem: string;
}

const NAMES: Readonly<Record<Resource['names'], NameRule>> = {
  subdomain: {
    pattern: /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/,
    longest: 253,
    problem:
      "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character",
  },
  label: {
    pattern: /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/,
    longest: 63,
    problem:
      "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character",
  },
  'label-1035': {
    pattern: /^[a-z]([-a-z0-9]*[a-z0-9])?$/,
    longest: 63,
    problem:
      "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')",
  },
};

/** Throws a StatusError 422 on a name that is none. */
export function checkName(resource: Resource, name: string): void {
  const rule = NAMES[resource.names];
  if (rule.pattern.test(name) && name.length <= rule.longest) return;
  throw invalidFields(resource, name, [problem('metadata.name', name, rule.problem)]);
}

/** The body of a write with what the API fills in, which its writer then owns like the rest. */
export function setDefaults(resource: Resource, body: JsonObject): JsonObject {
  if (resource === SERVICES) return defaultService(body);
  const data = objectAt(body, 'data');
  return resource === CONFIG_MAPS && Object.keys(data).length === 0 ? without(body, 'data') : body;
}

/** Fills in `metadata.name` from `generateName`. */
export function nameNew(resource: Resource, body: JsonObject): { name: string; body: JsonObject } {
  const name = textAt(body, 'metadata', 'name');
  const base = textAt(body, 'metadata', 'generateName');
  if (name !== undefined && name !== '') return { name, body };
  if (base === undefined) {
    throw invalidFields(resource, '', [required('metadata.name', 'name or generateName is required')]);
  }
  const generated = `${base}${randomBytes(4).toString('hex').slice(0, 5)}`;
  return {
    name: generated,
    body: { ...body, metadata: { ...objectAt(body, 'metadata'), name: generated } },
  };
}

/** Throws a StatusError 400 when the body is of another kind, or names another object, than the request. */
export function checkPlace(at: Location, body: JsonObject): void {
  const [apiVersion, kind] = [textAt(body, 'apiVersion'), textAt(body, 'kind')];
  const [name, namespace] = [textAt(body, 'metadata', 'name'), textAt(body, 'metadata', 'namespace')];
  const expected = apiVersionOf(at.resource);
  if ((apiVersion ?? expected) !== expected || (kind ?? at.resource.kind) !== at.resource.kind) {
    throw badRequest(
      `${String(kind)} in version "${String(apiVersion)}" cannot be handled as a ${at.resource.kind}: the kind or the API version does not match`,
    );
  }
  if (name !== undefined && name !== '' && name !== at.name) {
    throw badRequest(`the name of the object (${name}) does not match the name on the URL (${at.name})`);
  }
  if (at.resource.namespaced && namespace !== undefined && namespace !== at.namespace) {
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  }
}

/** What the server itself puts in the status of a new object. */
function initialStatus(resource: Resource): JsonObject {
  if (resource === SERVICES) return { status: { loadBalancer: {} } };
  if (resource === NAMESPACES) return { status: { phase: 'Active' } };
  if (resource === PODS) return { status: { phase: 'Pending' } };
  if (resource === EVENTS) return { reportingComponent: '', reportingInstance: '' };
  return resource === NODES ? { status: {} } : {};
}

/** The object as it will be: the way in decides which part of the body counts. */
export function prepareReplacement(
  resource: Resource,
  live: KubeObject,
  body: JsonObject,
  author: Author,
): JsonObject {
  if (author.subresource === 'status') {
    // As on kube-apiserver, labels and annotations may be written this way, too.
    const metadata = {
      ...objectAt(body, 'metadata'),
      finalizers: live.metadata['finalizers'],
      ownerReferences: live.metadata['ownerReferences'],
    };
    const status = resource === SERVICES ? { loadBalancer: {}, ...objectAt(body, 'status') } : body['status'];
    return { ...without(live, 'status'), metadata, ...(status === undefined ? {} : { status }) };
  }
  const replaced = resource.status ? { ...without(body, 'status'), status: live['status'] } : body;
  return resource === SERVICES ? carryAllocated(live, replaced) : replaced;
}

/** Puts back the metadata that only the server writes. */
export function stampChanged(resource: Resource, live: KubeObject, next: JsonObject): KubeObject {
  const serverOwned = [
    'uid',
    'resourceVersion',
    'creationTimestamp',
    'deletionTimestamp',
    'deletionGracePeriodSeconds',
    'generation',
  ];
  const kept = Object.fromEntries(
    serverOwned.filter((key) => live.metadata[key] !== undefined).map((key) => [key, live.metadata[key]]),
  );
  const desired = (object: JsonObject): JsonObject => without(object, 'metadata', 'status');
  const changed =
    resource.generation &&
    !sameJson(desired(live), desired({ ...next, apiVersion: live.apiVersion, kind: live.kind }));
  const generation = live.metadata['generation'];
  const metadata: ObjectMeta = {
    ...without(objectAt(next, 'metadata'), 'selfLink', ...serverOwned),
    ...kept,
    ...(changed && typeof generation === 'number' ? { generation: generation + 1 } : {}),
    name: live.metadata.name,
    ...(live.metadata.namespace === undefined ? {} : { namespace: live.metadata.namespace }),
    uid: live.metadata.uid,
    resourceVersion: live.metadata.resourceVersion,
    creationTimestamp: live.metadata.creationTimestamp,
  };
  return { ...next, apiVersion: live.apiVersion, kind: live.kind, metadata };
}

/** A new object with the metadata and the status that the server gives it; its resourceVersion comes with the commit. */
export function stampNew(at: Location, body: JsonObject, time: string): KubeObject {
  const { resource, namespace, name } = at;
  const given = without(
    objectAt(body, 'metadata'),
    'selfLink',
    'deletionTimestamp',
    'deletionGracePeriodSeconds',
    'generation',
  );
  const metadata: ObjectMeta = {
    ...given,
    name,
    ...(resource.namespaced ? { namespace } : {}),
    uid: randomUUID(),
    resourceVersion: '',
    creationTimestamp: time,
    ...(resource.generation ? { generation: 1 } : {}),
  };
  return {
    ...initialStatus(resource),
    ...body,
    apiVersion: apiVersionOf(resource),
    kind: resource.kind,
    metadata,
  };
}
