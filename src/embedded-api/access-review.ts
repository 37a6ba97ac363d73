import { type Json, type JsonObject, objectAt } from './objects/json.ts';
import { StatusError } from './objects/status-error.ts';

const API_VERSION = 'authorization.k8s.io/v1';

/** Where a client asks what it may do. */
export const ACCESS_REVIEWS = `/apis/${API_VERSION}/selfsubjectaccessreviews`;

/**
 * Answers a SelfSubjectAccessReview. Every client that gets in is a member of system:masters, and that group may do
 * everything. Throws a StatusError 422 when it does not say what is asked for.
 */
export function reviewAccess(review: JsonObject): JsonObject {
  const spec = objectAt(review, 'spec');
  const asked = ['resourceAttributes', 'nonResourceAttributes'].filter((key) => spec[key] !== undefined);
  if (asked.length !== 1) {
    const field = 'spec.resourceAttributes';
    const text =
      'Invalid value: null: exactly one of nonResourceAttributes or resourceAttributes must be specified';
    const causes: Json[] = [{ reason: 'FieldValueInvalid', message: text, field }];
    const message = `.authorization.k8s.io "" is invalid: ${field}: ${text}`;
    throw new StatusError(422, 'Invalid', message, { group: 'authorization.k8s.io', causes });
  }
  return {
    kind: 'SelfSubjectAccessReview',
    apiVersion: API_VERSION,
    metadata: {},
    spec,
    status: { allowed: true },
  };
}
