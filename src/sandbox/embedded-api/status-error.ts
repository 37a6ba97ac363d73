import type { Json, JsonObject } from './json.ts';
import type { Resource } from './resources.ts';

/** One entry of `details.causes` (meta/v1 StatusCause). */
export interface StatusCause {
  readonly reason: string;
  readonly message: string;
  readonly field: string;
}

/** An answer other than success, in the shape of meta/v1 Status. */
export class StatusError extends Error {
  readonly code: number;
  readonly reason: string;
  readonly details: JsonObject;

  constructor(code: number, reason: string, message: string, details: JsonObject = {}) {
    super(message);
    this.name = 'StatusError';
    this.code = code;
    this.reason = reason;
    this.details = details;
  }

  /** The Status object that goes over the wire. */
  toStatus(): JsonObject {
    return {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: this.message,
      reason: this.reason,
      ...(Object.keys(this.details).length === 0 ? {} : { details: this.details }),
      code: this.code,
    };
  }
}

/** How messages name a resource: `services`, `leases.coordination.k8s.io`. */
function qualified(resource: Resource): string {
  return resource.group === '' ? resource.plural : `${resource.plural}.${resource.group}`;
}

function detailsOf(resource: Resource, name: string, kind = resource.plural): JsonObject {
  return { name, ...(resource.group === '' ? {} : { group: resource.group }), kind };
}

/** 404: no such object. */
export function notFound(resource: Resource, name: string): StatusError {
  const message = `${qualified(resource)} "${name}" not found`;
  return new StatusError(404, 'NotFound', message, detailsOf(resource, name));
}

/** 404: no such path; the text is the server's own. */
export function noSuchPath(): StatusError {
  return new StatusError(404, 'NotFound', 'the server could not find the requested resource');
}

/** 409: the name is taken. */
export function alreadyExists(resource: Resource, name: string): StatusError {
  const message = `${qualified(resource)} "${name}" already exists`;
  return new StatusError(409, 'AlreadyExists', message, detailsOf(resource, name));
}

/** 409: the write rests on another state of the object than the present one. */
export function conflict(resource: Resource, name: string, why: string): StatusError {
  const message = `Operation cannot be fulfilled on ${qualified(resource)} "${name}": ${why}`;
  return new StatusError(409, 'Conflict', message, detailsOf(resource, name));
}

/** Why an outdated resourceVersion is refused, in the API's own words. */
export const MODIFIED =
  'the object has been modified; please apply your changes to the latest version and try again';

/** 422: a value that the kind does not allow. `problem` goes on after `field: `. */
export function invalid(resource: Resource, name: string, field: string, problem: string): StatusError {
  const message = `${resource.kind}${resource.group === '' ? '' : `.${resource.group}`} "${name}" is invalid: ${field}: ${problem}`;
  const causes: Json[] = [{ reason: 'FieldValueInvalid', message: problem, field }];
  return new StatusError(422, 'Invalid', message, { ...detailsOf(resource, name, resource.kind), causes });
}

/** 400: a request that cannot be read. */
export function badRequest(message: string): StatusError {
  return new StatusError(400, 'BadRequest', message);
}

/** 410: history before this revision is gone. As an answer to a list it is `Expired`, like the ERROR event of a watch. */
export function expired(message: string): StatusError {
  return new StatusError(410, 'Expired', message);
}

/** 405: the resource has no such verb. */
export function methodNotAllowed(): StatusError {
  return new StatusError(
    405,
    'MethodNotAllowed',
    'the server does not allow this method on the requested resource',
  );
}

/** 409: other field managers own what an apply would change (server-side apply, "Conflicts"). */
export function applyConflict(causes: readonly StatusCause[]): StatusError {
  const count = causes.length;
  const byManager = new Map<string, string[]>();
  for (const { message, field } of causes) {
    byManager.set(message, [...(byManager.get(message) ?? []), field]);
  }
  const [only, ...rest] = causes;
  const text =
    only !== undefined && rest.length === 0
      ? `${only.message}: ${only.field}`
      : [...byManager]
          .map(([manager, fields]) =>
            [`${manager.replace(/^conflict /, 'conflicts ')}:`, ...fields.map((field) => `- ${field}`)].join(
              '\n',
            ),
          )
          .join('\n');
  return new StatusError(
    409,
    'Conflict',
    `Apply failed with ${count} conflict${count === 1 ? '' : 's'}: ${text}`,
    { causes: causes.map((cause): Json => ({ ...cause })) },
  );
}
