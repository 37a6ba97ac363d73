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
function requireShown(body: unknown, type: Expected, { addresses }: ServiceStatus): Wire<V1Service> {
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

/** Makes this the whole of what we own of one Service's status; returns the Service as it is now. */
export async function applyStatus(
  api: ApiClient,
  context: string,
  target: ServiceTarget,
  wanted: StatusToApply,
): Promise<Wire<V1Service>> {
  const [namespace, name] = [encodeURIComponent(target.namespace), encodeURIComponent(target.name)];
  const call: ApiCall = {
    verb: 'patch',
    resource: `services/status ${target.namespace}/${target.name}`,
    path: `/api/v1/namespaces/${namespace}/services/${name}/status`,
    query: { fieldManager: FIELD_MANAGER, force: 'false' },
    // JSON is YAML (YAML 1.2, section 1.2).
    body: {
      type: 'application/apply-patch+yaml',
      text: JSON.stringify(statusConfiguration(target, wanted)),
    },
  };
  const answer = await api.send(call);
  if (isConflict(answer)) throw conflictFailure(context, target, answer);
  const { uid } = target;
  const type = { apiVersion: 'v1', kind: 'Service', namespace: target.namespace, name: target.name, uid };
  return api.shown(call, answer, (body) => requireShown(body, type, wanted));
}
