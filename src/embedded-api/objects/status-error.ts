import type { Resource } from '../resources.ts';
import type { Json, JsonObject } from './json.ts';

/** One entry of `details.causes` (meta/v1 StatusCause). */
export interface StatusCause {
  readonly reason: string;
  readonly message: string;
  readonly field: string;
}

/** An answer other than success, in the shape of meta/v1 Status. */
export class StatusError extends Error {
  readonly code: number;
  /** Empty where the server gives none. */
  readonly reason: string;
  /** Null where the server gives none. */
  readonly details: JsonObject | null;

  constructor(code: number, reason: string, message: string, details: JsonObject | null = null) {
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
      ...(this.reason === '' ? {} : { reason: this.reason }),
      ...(this.details === null ? {} : { details: this.details }),
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
  return new StatusError(404, 'NotFound', 'the server could not find the requested resource', {});
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

/** 409: a precondition of a deletion does not hold. */
export function preconditionFailed(
  resource: Resource,
  name: string,
  what: 'UID' | 'ResourceVersion',
  asked: string,
  own: string,
): StatusError {
  const why = `the ${what} in the precondition (${asked}) does not match the ${what} in record (${own}). The object might have been deleted and then recreated`;
  const message = `Operation cannot be fulfilled on ${resource.kind} "${name}": ${why}`;
  return new StatusError(409, 'Conflict', message, detailsOf(resource, name, resource.kind));
}

/** Why an outdated resourceVersion is refused, in the API's own words. */
export const MODIFIED =
  'the object has been modified; please apply your changes to the latest version and try again';

/** One field that the kind does not allow; `text` goes on after `field: `. */
export interface Problem {
  readonly field: string;
  readonly reason: string;
  readonly text: string;
}

/** A value that is not allowed. */
export function problem(field: string, value: Json, why: string): Problem {
  return { field, reason: 'FieldValueInvalid', text: `Invalid value: ${JSON.stringify(value)}: ${why}` };
}

/** A value that is missing. */
export function required(field: string, why?: string): Problem {
  return {
    field,
    reason: 'FieldValueRequired',
    text: `Required value${why === undefined ? '' : `: ${why}`}`,
  };
}

/** A field that may not be there. */
export function forbidden(field: string, why: string): Problem {
  return { field, reason: 'FieldValueForbidden', text: `Forbidden: ${why}` };
}

/** A value that is none of those that there are. */
export function unsupported(field: string, value: string, supported: readonly string[]): Problem {
  const listed = supported.map((one) => JSON.stringify(one)).join(', ');
  return {
    field,
    reason: 'FieldValueNotSupported',
    text: `Unsupported value: ${JSON.stringify(value)}: supported values: ${listed}`,
  };
}

/** 422: values that the kind does not allow. */
export function invalidFields(resource: Resource, name: string, problems: readonly Problem[]): StatusError {
  const kind = `${resource.kind}${resource.group === '' ? '' : `.${resource.group}`}`;
  const texts = problems.map(({ field, text }) => `${field}: ${text}`);
  const why = texts.length === 1 ? texts[0] : `[${texts.join(', ')}]`;
  const causes = problems.map(({ field, reason, text }): Json => ({ reason, message: text, field }));
  const named = name === '' ? {} : { name };
  const group = resource.group === '' ? {} : { group: resource.group };
  const details = { ...named, ...group, kind: resource.kind, causes };
  return new StatusError(422, 'Invalid', `${kind} "${name}" is invalid: ${why}`, details);
}

/** 422: a query that the verb does not allow. */
export function invalidOptions(
  kind: 'ListOptions' | 'PatchOptions',
  problems: readonly Problem[],
): StatusError {
  const texts = problems.map(({ field, text }) => `${field}: ${text}`);
  const causes = problems.map(({ field, reason, text }): Json => ({ reason, message: text, field }));
  const details = { group: 'meta.k8s.io', kind, causes };
  return new StatusError(422, 'Invalid', `${kind}.meta.k8s.io "" is invalid: ${texts.join(', ')}`, details);
}

/** 422: a value that the kind does not allow. `text` goes on after `field: `. */
export function invalid(resource: Resource, name: string, field: string, text: string): StatusError {
  return invalidFields(resource, name, [{ field, reason: 'FieldValueInvalid', text }]);
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
    {},
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
