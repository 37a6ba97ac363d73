import { formatPrefix, type Prefix, parsePrefix } from './prefix.ts';
import { whyNeverRouted } from './scope.ts';

/** What a spec may not do unasked, and a policy can allow, in the order that help shows. */
export const SPEC_APPROVALS = [
  'context',
  'credentials',
  'gateway',
  'wide',
  'unconfirmed',
  'covers',
  'shadow',
] as const;

/**
 * Everything that has to be approved: beside what specs ask for, that another cluster than before answers (`identity`), and
 * that what minikube left is removed.
 */
export const APPROVAL_KINDS = [...SPEC_APPROVALS, 'identity', 'minikube'] as const;

/** What nothing asks for yet: the conflict policy `shadow` is not available. */
const UNASKED: readonly ApprovalKind[] = ['shadow'];

/** What something can ask for today. A host's policy may name `shadow` all the same. */
export const OFFERED_APPROVALS: readonly ApprovalKind[] = APPROVAL_KINDS.filter(
  (kind) => !UNASKED.includes(kind),
);

export type ApprovalKind = (typeof APPROVAL_KINDS)[number];

/** What the administrator of a host allows every spec on it, once and for all. */
export interface HostPolicy {
  /** Approvals that are given. */
  readonly allow: readonly ApprovalKind[];
  /** Ranges that may be routed although they are not private. Both families. */
  readonly ranges: readonly Prefix[];
}

/** Where a host has its policy. Never looked for elsewhere: root acts on it. */
export const POLICY_PATH = '/etc/mkplan/policy.json';

/** The policy of a host that has none. */
export const NO_POLICY: HostPolicy = { allow: [], ranges: [] };

/** Entries that each list of a policy may have. */
const MAX_ENTRIES = 256;

/** What is wrong with a policy, as one line for people. */
export class PolicyError extends Error {}

/** Reads a policy (schema/policy.schema.json). Throws a PolicyError unless every part of it is as it should be. */
export function decodePolicy(value: unknown): HostPolicy {
  const document = fields(value);
  const unknown = Object.keys(document).find((key) => !KEYS.includes(key));
  if (unknown !== undefined) throw new PolicyError(`unknown key ${JSON.stringify(unknown)}`);
  if (document['apiVersion'] !== 'mkplan/v1alpha1')
    throw new PolicyError('apiVersion is not mkplan/v1alpha1');
  if (document['kind'] !== 'Policy') throw new PolicyError('kind is not Policy');
  return {
    allow: listOf(document['allow'], 'allow', approvalKind),
    ranges: listOf(document['ranges'], 'ranges', range),
  };
}

const KEYS: readonly string[] = ['$schema', 'apiVersion', 'kind', 'allow', 'ranges'];

/** An object as JSON.parse makes it. None of the keys that are read is one of every object. */
function fields(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new PolicyError('not an object');
  return value as Readonly<Record<string, unknown>>;
}

function listOf<T>(value: unknown, key: string, read: (entry: unknown) => T): T[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) throw new PolicyError(`${key} is not a list`);
  if (value.length > MAX_ENTRIES) throw new PolicyError(`${key} has more than ${MAX_ENTRIES} entries`);
  return value.map((entry: unknown, index) => {
    try {
      return read(entry);
    } catch (error) {
      throw error instanceof PolicyError ? new PolicyError(`${key}[${index}]: ${error.message}`) : error;
    }
  });
}

function approvalKind(entry: unknown): ApprovalKind {
  const kind = SPEC_APPROVALS.find((one) => one === entry);
  if (kind !== undefined) return kind;
  if (entry === 'identity') {
    throw new PolicyError(
      'identity is approved by a person alone: no policy can tell one cluster from another',
    );
  }
  throw new PolicyError(`not one of ${SPEC_APPROVALS.join(', ')}`);
}

function range(entry: unknown): Prefix {
  const prefix = typeof entry === 'string' ? parsePrefix(entry) : null;
  if (prefix === null || formatPrefix(prefix) !== entry) throw new PolicyError('not a canonical CIDR');
  const why = whyNeverRouted(prefix);
  if (why !== null) throw new PolicyError(`${why}, which nothing may allow`);
  return prefix;
}
