import { formatPrefix, parsePrefix } from '../../model/prefix.ts';
import { type Json, type JsonObject, objectAt, sameJson, textAt, textsAt, valueAt } from '../objects/json.ts';
import { badRequest, forbidden, invalidFields, type Problem, problem } from '../objects/status-error.ts';
import { CONFIG_MAPS, EVENTS, LEASES, type Resource, SERVICE_CIDRS } from '../resources.ts';

/** What kube-apiserver refuses of objects other than Services, as far as mkplan can meet it. */

const CONFIG_KEY = /^[-._a-zA-Z0-9]+$/;
const MICRO_TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{6}(Z|[+-]\d{2}:\d{2})$/;

/** All values of a ConfigMap together (k8s.io/api/core/v1, MaxSecretSize). */
const MAX_CONFIG_BYTES = 1_048_576;

function undecodable(resource: Resource, why: string): Error {
  return badRequest(`${resource.kind} in version "v1" cannot be handled as a ${resource.kind}: ${why}`);
}

function checkTypes(resource: Resource, body: JsonObject): void {
  if (resource === CONFIG_MAPS) {
    for (const [key, value] of Object.entries(objectAt(body, 'data'))) {
      if (typeof value !== 'string') throw undecodable(resource, `data[${key}] is not a string`);
    }
  }
  if (resource !== LEASES) return;
  for (const key of ['renewTime', 'acquireTime']) {
    const time: Json | undefined = valueAt(body, 'spec', key);
    if (time !== undefined && time !== null && (typeof time !== 'string' || !MICRO_TIME.test(time))) {
      const format = '2006-01-02T15:04:05.000000Z07:00';
      throw undecodable(resource, `parsing time ${JSON.stringify(time)} as "${format}": cannot parse`);
    }
  }
}

function configMapProblems(next: JsonObject, live: JsonObject | null): Problem[] {
  const data = objectAt(next, 'data');
  const why =
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";
  const problems = Object.keys(data)
    .filter((key) => !CONFIG_KEY.test(key))
    .map((key) => problem(`data[${key}]`, key, why));
  const size = Object.values(data).reduce<number>((sum, value) => sum + Buffer.byteLength(String(value)), 0);
  if (size > MAX_CONFIG_BYTES) {
    const text = `Too long: may not be more than ${MAX_CONFIG_BYTES} bytes`;
    problems.push({ field: '[]', reason: 'FieldValueTooLong', text });
  }
  if (live?.['immutable'] === true && !sameJson(data, objectAt(live, 'data'))) {
    problems.push(forbidden('data', 'field is immutable when `immutable` is set'));
  }
  return problems;
}

function leaseProblems(next: JsonObject): Problem[] {
  const duration = valueAt(next, 'spec', 'leaseDurationSeconds');
  if (typeof duration !== 'number' || duration > 0) return [];
  return [problem('spec.leaseDurationSeconds', duration, 'must be greater than 0')];
}

function eventProblems(next: JsonObject): Problem[] {
  const involved = textAt(next, 'involvedObject', 'namespace') ?? '';
  const own = textAt(next, 'metadata', 'namespace') ?? '';
  // An object that is in no namespace has its Events in `default`.
  if (involved === own || (involved === '' && own === 'default')) return [];
  return [problem('involvedObject.namespace', involved, 'does not match event.namespace')];
}

function serviceCidrProblems(next: JsonObject): Problem[] {
  return textsAt(next, 'spec', 'cidrs').flatMap((cidr, index) => {
    const prefix = parsePrefix(cidr);
    if (prefix !== null && formatPrefix(prefix) === cidr) return [];
    return [problem(`spec.cidrs[${index}]`, cidr, 'must not have bits set beyond the prefix length')];
  });
}

/**
 * Throws a StatusError 400 on values of a wrong type, and 422 on values that the kind does not allow; `live` is the
 * object before, null when it is new.
 */
export function checkObject(
  resource: Resource,
  name: string,
  next: JsonObject,
  live: JsonObject | null,
): void {
  checkTypes(resource, next);
  const problems =
    resource === CONFIG_MAPS
      ? configMapProblems(next, live)
      : resource === LEASES
        ? leaseProblems(next)
        : resource === EVENTS && live === null
          ? eventProblems(next)
          : resource === SERVICE_CIDRS
            ? serviceCidrProblems(next)
            : [];
  if (problems.length > 0) throw invalidFields(resource, name, problems);
}
