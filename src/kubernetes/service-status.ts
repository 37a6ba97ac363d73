import { isDeepStrictEqual } from 'node:util';
import type { V1Condition, V1Service, V1Status } from '@kubernetes/client-node';
import { CONDITION_TYPE, type Condition, type ServiceStatus } from '../model/condition.ts';
import { Failure } from '../model/diagnostic.ts';
import { FIELD_MANAGER } from '../model/observed.ts';
import { shellWord } from '../model/shell-word.ts';
import { type ApiAnswer, isOfApiServer } from './client/answer.ts';
import { statusMessage } from './client/api-errors.ts';
import type { ApiCall } from './client/calls.ts';
import { type Expected, requireObject, Unexpected } from './client/expected.ts';
import type { ApiClient } from './client/http.ts';
import { isShaped, type Shape, type Wire, wireTime } from './client/wire.ts';
import type { ServiceTarget } from './cluster.ts';
import { observedService } from './services.ts';

/** `ipMode` came with Kubernetes 1.29; an apply that names a field the schema lacks is refused, not trimmed. */
const IP_MODE_SINCE_MINOR = 29;

/** Whether this version (`v1.31.0`, as /version gives it) knows `ipMode`. */
export function knowsIpMode(version: string): boolean {
  const minor = /^v1\.(\d+)/.exec(version)?.[1];
  return minor === undefined || Number(minor) >= IP_MODE_SINCE_MINOR;
}

/** The status to apply, and what this server and this moment add to it. */
interface StatusToApply extends ServiceStatus {
  readonly withIpMode: boolean;
  readonly now: Date;
}

/** Every field of a condition is required by its schema; it has no generation to name, since Services have none. */
function conditionBody(condition: Condition, now: Date): Wire<V1Condition> {
  const { status, reason, message, lastTransitionTime } = condition;
  return {
    type: CONDITION_TYPE,
    status,
    reason,
    message,
    lastTransitionTime: lastTransitionTime ?? wireTime(now),
  };
}

/**
 * The apply configuration. With uid and resourceVersion the API server refuses another Service of that name, and
 * one that changed. Without a field an apply gives it up, and the server removes what nobody else owns.
 */
export function statusConfiguration(target: ServiceTarget, wanted: StatusToApply): Wire<V1Service> {
  const { namespace, name, uid, resourceVersion } = target;
  const { addresses, condition, withIpMode, now } = wanted;
  const ingress = addresses.map((ip) => ({ ip, ...(withIpMode ? { ipMode: 'VIP' } : {}) }));
  const status = {
    ...(ingress.length === 0 ? {} : { loadBalancer: { ingress } }),
    ...(condition === null ? {} : { conditions: [conditionBody(condition, now)] }),
  };
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { namespace, name, uid, resourceVersion },
    ...(Object.keys(status).length === 0 ? {} : { status }),
  };
}

/** How a Status tells whose field it is. */
const CONFLICT: Shape = { details: { causes: [{ reason: 'text', field: 'text', message: 'text' }] } };

/** Whether the API server itself says that this Service is no longer the one, or belongs to somebody else. */
function isConflict(answer: ApiAnswer): boolean {
  const isChanged = answer.status === 409 || answer.status === 404;
  return isChanged && isOfApiServer(answer) && isShaped(answer.body, CONFLICT);
}

/** The Service that was answered. Throws Unexpected where it does not show what was written: others would not see it. */
function requireShown(
  body: unknown,
  type: Expected,
  { addresses }: Pick<ServiceStatus, 'addresses'>,
): Wire<V1Service> {
  const service = requireObject<Wire<V1Service>>(body, type);
  const { ingress } = observedService(service);
  // What is cleared may be shown still: somebody else may have given it as well.
  if (addresses.length === 0 || isDeepStrictEqual(ingress, addresses)) return service;
  throw new Unexpected('the Service does not show what was written');
}

function conflictFailure(context: string, target: ServiceTarget, answer: ApiAnswer): Failure {
  const name = `${target.namespace}/${target.name}`;
  const causes = (answer.body as Wire<V1Status> | null)?.details?.causes ?? [];
  const conflict = causes.find((cause) => cause.reason === 'FieldManagerConflict');
  if (conflict === undefined) {
    return new Failure('stale', [
      {
        code: 'service-changed',
        severity: 'error',
        summary: `context "${context}": Service ${name} is no longer the one that was planned for`,
        cause: statusMessage(answer),
        fix: 'Plan again: somebody changed, recreated or removed the Service meanwhile.',
      },
    ]);
  }
  const part = conflict.field?.startsWith('.status.conditions') ? 'condition' : 'ingress';
  const manager = /conflict with "([^"]*)"/.exec(conflict.message ?? '')?.[1] ?? 'another manager';
  return new Failure('conflict', [
    {
      code: 'service-conflict',
      severity: 'error',
      summary: `context "${context}": the ${part} of Service ${name} belongs to "${manager}"`,
      cause: `Field manager "${manager}" owns ${conflict.field?.slice(1) ?? 'it'}, and it is never taken from anybody.`,
      fix: `Stop what runs as "${manager}", or give the Service a loadBalancerClass that it does not serve.`,
      command: `kubectl --context=${shellWord(context)} get service -n ${target.namespace} ${target.name} -o yaml --show-managed-fields`,
    },
  ]);
}

/** A JSON patch of a Service's status, by a field manager of its own. */
interface IngressPatch {
  readonly manager: string;
  /** What the ingress has to show for it: the patch is refused where it shows anything else. */
  readonly before: readonly string[];
  readonly after: readonly string[];
}

/** The operations (RFC 6902), refused as a whole where one `test` fails: uid, resourceVersion and each address. */
function ingressOperations(
  { uid, resourceVersion }: ServiceTarget,
  { before, after }: IngressPatch,
): unknown[] {
  const test = (path: string, value: string) => ({ op: 'test', path, value });
  return [
    test('/metadata/uid', uid),
    test('/metadata/resourceVersion', resourceVersion),
    ...before.map((ip, index) => test(`/status/loadBalancer/ingress/${index}/ip`, ip)),
    after.length === 0
      ? { op: 'remove', path: '/status/loadBalancer/ingress' }
      : { op: 'add', path: '/status/loadBalancer', value: { ingress: after.map((ip) => ({ ip })) } },
  ];
}

/** A `test` that failed is answered so, and no reason with it. */
const TEST_FAILED = 422;

/** Patches the ingress of a Service whose ingress is not ours; returns the Service as it is now. */
async function patchIngress(
  api: ApiClient,
  context: string,
  target: ServiceTarget,
  patch: IngressPatch,
): Promise<Wire<V1Service>> {
  const call = statusCall(
    target,
    { fieldManager: patch.manager },
    {
      type: 'application/json-patch+json',
      text: JSON.stringify(ingressOperations(target, patch)),
    },
  );
  const answer = await api.send(call);
  const isRefused = answer.status === TEST_FAILED && isOfApiServer(answer);
  if (isRefused || isConflict(answer)) throw conflictFailure(context, target, answer);
  const type = typeOf(target);
  return api.shown(call, answer, (body) => requireShown(body, type, { addresses: patch.after }));
}

/**
 * Makes this the whole of what we own of a Service's status, as {@link applyStatus} does. What is taken from another manager is removed
 * before by a JSON patch, and what is given back to it put there afterwards: an apply would have to be forced, and what it gives up goes
 * with its owner. Where the first of two writes was made and the second refused, the Failure is of kind `error`: something was written.
 */
export async function writeStatus(
  api: ApiClient,
  context: string,
  target: ServiceTarget,
  wanted: StatusToApply,
): Promise<Wire<V1Service>> {
  const { taken, returned } = wanted;
  if (taken === undefined && returned === undefined) return await applyStatus(api, context, target, wanted);
  const at = (service: Wire<V1Service>) => ({
    ...target,
    resourceVersion: service.metadata?.resourceVersion ?? '',
  });
  if (taken !== undefined) {
    const patch = { manager: FIELD_MANAGER, before: taken.addresses, after: [] };
    const removed = await patchIngress(api, context, target, patch);
    return await asSecond(() => applyStatus(api, context, at(removed), wanted));
  }
  const cleared = await applyStatus(api, context, target, wanted);
  if (returned === undefined) return cleared;
  const patch = { manager: returned.manager, before: [], after: returned.addresses };
  return await asSecond(() => patchIngress(api, context, at(cleared), patch));
}

/** A write after another that was made. */
async function asSecond<T>(write: () => Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (error) {
    throw error instanceof Failure ? new Failure('error', error.diagnostics) : error;
  }
}

function statusCall(
  { namespace, name }: ServiceTarget,
  query: Readonly<Record<string, string>>,
  body: NonNullable<ApiCall['body']>,
): ApiCall {
  const [inNamespace, named] = [encodeURIComponent(namespace), encodeURIComponent(name)];
  return {
    verb: 'patch',
    resource: `services/status ${namespace}/${name}`,
    path: `/api/v1/namespaces/${inNamespace}/services/${named}/status`,
    query,
    body,
  };
}

function typeOf({ namespace, name, uid }: ServiceTarget): Expected {
  return { apiVersion: 'v1', kind: 'Service', namespace, name, uid };
}

/** Makes this the whole of what we own of one Service's status; returns the Service as it is now. */
async function applyStatus(
  api: ApiClient,
  context: string,
  target: ServiceTarget,
  wanted: StatusToApply,
): Promise<Wire<V1Service>> {
  const call = statusCall(
    target,
    { fieldManager: FIELD_MANAGER, force: 'false' },
    {
      // JSON is YAML (YAML 1.2, section 1.2).
      type: 'application/apply-patch+yaml',
      text: JSON.stringify(statusConfiguration(target, wanted)),
    },
  );
  const answer = await api.send(call);
  if (isConflict(answer)) throw conflictFailure(context, target, answer);
  return api.shown(call, answer, (body) => requireShown(body, typeOf(target), wanted));
}
