import { isDeepStrictEqual } from 'node:util';
import type { V1Lease } from '@kubernetes/client-node';
import { Failure } from '../model/diagnostic.ts';
import type { ObservedParticipant, Participant, Serving } from '../model/participant.ts';
import { isOfApiServer } from './client/answer.ts';
import type { ApiCall, ReadCall } from './client/calls.ts';
import { type Expected, requireObject, requireRemoved, Unexpected } from './client/expected.ts';
import type { ApiClient } from './client/http.ts';
import { compareText, requireShape, type Shape, type Wire } from './client/wire.ts';
import type { Joining } from './cluster.ts';
import { type MissingRights, reviewRight } from './rights.ts';

/**
 * Who else is in a cluster: one Lease (coordination.k8s.io/v1) a tunnel. Two rules make that the last one out clears and
 * that nobody clears what another has begun to use. Each is a write, and then a read that sees all writes before it
 * (kube-apiserver reads a list without resourceVersion from etcd by quorum):
 *
 * - whoever joins makes its Lease, then observes and plans anew; a plan that relies on what a Service shows is refused
 *   while somebody leaves;
 * - whoever leaves says so in its Lease, then observes and plans anew: it clears when all others are gone or leave too.
 *   Its Lease goes last, when its routes have gone.
 *
 * Of two that leave at once, the one that says so second sees that the other does, so at least one of them clears; both
 * may, and clearing twice comes to the same. Of one that leaves and one that joins, either the first sees the Lease of
 * the second and clears nothing, or that Lease was made after the look; then the second looks after the first had said so,
 * and sees it leave, or sees what it left.
 */
type Lease = Wire<V1Lease>;

const NAMESPACE = 'kube-system';
const COLLECTION = `/apis/coordination.k8s.io/v1/namespaces/${NAMESPACE}/leases`;
const TYPE = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', namespace: NAMESPACE } as const;
const MANAGED_BY = 'app.kubernetes.io/managed-by';
const OURS = { [MANAGED_BY]: 'mkplan' } as const;
/** Selects the Leases of every mkplan. */
export const LEASE_SELECTOR = `${MANAGED_BY}=mkplan`;
const LEAVING = 'mkplan/leaving';
/** What a tunnel serves, so that others leave it that: JSON, a list of {@link Serving}. */
const SERVES = 'mkplan/serves';

/** The number of the Lease's form; the first Leases had none, and are of the same form. */
const FORMAT = 'mkplan/format';
const KNOWN_FORMAT = 1;

/** A pool of this many ranges is none that a spec could give; what says so is not gone through for every Service. */
const MOST_RANGES = 1024;

/** How long the Lease of a session holds: renewed every 10 seconds, it outlives three renewals that get lost. */
const DURATION_SECONDS = 40;

/**
 * How far the clocks of two laptops are believed to be apart, in seconds. Generous: to take a live one for dead clears
 * Services that somebody uses, to take a dead one for live leaves them an address for a while.
 */
const SKEW_SECONDS = 300;

/** What another writer leaves: a stale resourceVersion, or an object where none was. */
const CONFLICT = 409;
/** One Lease has one writer, but for a person who edits it; so often it may be another than it was. */
const MAX_ATTEMPTS = 3;

/** The clocks that Leases are judged by. */
export interface LeaseClocks {
  /** This host's clock, in milliseconds since 1970. */
  wall(): number;
  /** Milliseconds that never go backwards. */
  monotonic(): number;
}

/** When a renewTime was first seen, and whether we saw it come. */
interface Sighting {
  readonly renewed: string;
  readonly since: number;
  readonly isWitnessed: boolean;
}

/**
 * Judges Leases. One without duration holds until it is removed. Else the best witness is how long its renewTime has stayed
 * the same before our eyes, which needs no common clock; where no renewal was seen yet, the two clocks are compared as well,
 * with a generous allowance.
 */
export class LeaseJudge {
  readonly #clocks: LeaseClocks;
  readonly #seen = new Map<string, Sighting>();

  constructor(clocks: LeaseClocks) {
    this.#clocks = clocks;
  }

  isLive({ metadata, spec }: Lease): boolean {
    const duration = spec?.leaseDurationSeconds ?? null;
    // None below a second can be stored; it would make a live tunnel look dead.
    if (duration === null || duration < 1) return true;
    const renewed = spec?.renewTime ?? '';
    const now = this.#clocks.monotonic();
    const name = metadata?.name ?? '';
    const known = this.#seen.get(name);
    const seen =
      known?.renewed === renewed ? known : { renewed, since: now, isWitnessed: known !== undefined };
    this.#seen.set(name, seen);
    if (now - seen.since > duration * 1000) return false;
    // A time that cannot be read says nothing.
    const age = this.#clocks.wall() - Date.parse(renewed);
    return seen.isWitnessed || Number.isNaN(age) || age <= (duration + SKEW_SECONDS) * 1000;
  }
}

/** Whether a Lease names no duration, as those of `apply` do not. */
function isLasting({ spec }: Lease): boolean {
  return spec?.leaseDurationSeconds === undefined;
}

function isLeaving({ metadata }: Lease): boolean {
  return metadata?.annotations?.[LEAVING] !== undefined;
}

function isServing(value: unknown): value is Serving {
  if (typeof value !== 'object' || value === null) return false;
  const { class: served, unclassed, pool } = value as Partial<Record<keyof Serving, unknown>>;
  const isPool = Array.isArray(pool) && pool.every((range) => typeof range === 'string');
  return (
    typeof served === 'string' &&
    (unclassed === 'auto' || typeof unclassed === 'boolean') &&
    (pool === null || isPool)
  );
}

/** What a Lease says that its tunnel serves; null where nothing is said that can be understood. */
function servesOf({ metadata }: Lease): readonly Serving[] | null {
  const text = metadata?.annotations?.[SERVES];
  if (text === undefined) return null;
  try {
    const said: unknown = JSON.parse(text);
    if (!Array.isArray(said) || !said.every(isServing)) return null;
    if (said.flatMap(({ pool }) => pool ?? []).length > MOST_RANGES) return null;
    return said.map(({ class: served, unclassed, pool }) => ({ class: served, unclassed, pool }));
  } catch {
    // Somebody edited it: as if nothing were said.
    return null;
  }
}

const LEASE: Shape = {
  metadata: {
    labels: { [MANAGED_BY]: 'text' },
    annotations: { [LEAVING]: 'text', [SERVES]: 'text' },
  },
  spec: { holderIdentity: 'text', leaseDurationSeconds: 'number', renewTime: 'text', acquireTime: 'text' },
};

/** Reads every Lease of ours and of others; null where they may not be read, or are not served. */
async function listLeases(
  api: ApiClient,
  call: Pick<ReadCall, 'onForbidden' | 'onNotFound' | 'signal'>,
): Promise<readonly Lease[] | null> {
  const asked = {
    resource: `leases ${NAMESPACE}`,
    path: COLLECTION,
    type: TYPE,
    query: { labelSelector: LEASE_SELECTOR },
    ...call,
  };
  const listed = await api.collect(asked, (lease: Lease) => requireShape('Lease', lease, LEASE));
  return listed?.values ?? null;
}

/** Who is in the cluster, by name; null where that may not be read, or the server has no Leases. */
export async function readParticipants(
  api: ApiClient,
  judge: LeaseJudge,
  rights: MissingRights,
  options: { readonly self: string | null; readonly signal?: AbortSignal | undefined },
): Promise<ObservedParticipant[] | null> {
  const { self, signal } = options;
  const leases = await listLeases(api, {
    onForbidden: rights.onForbidden('list leases kube-system'),
    // Then nobody can say so either, and nothing is taken away unseen.
    onNotFound: () => undefined,
    signal,
  });
  if (leases === null) return null;
  return leases
    .map((lease): ObservedParticipant => {
      const name = lease.metadata?.name ?? '';
      const holder = lease.spec?.holderIdentity ?? '';
      return {
        name,
        holder,
        own: name === self,
        live: judge.isLive(lease),
        ...(isLasting(lease) ? { lasting: true } : {}),
        leaving: isLeaving(lease),
        serves: servesOf(lease),
      };
    })
    .sort((a, b) => compareText(a.name, b.name));
}

/** Asks whether our Lease may be written: made where there is none, else changed and removed. */
export async function reviewLease(
  api: ApiClient,
  participants: readonly ObservedParticipant[] | null,
  rights: MissingRights,
  signal?: AbortSignal,
): Promise<void> {
  if (participants === null) return;
  const isThere = participants.some(({ own }) => own);
  const asked = isThere
    ? (['update leases kube-system', 'delete leases kube-system'] as const)
    : (['create leases kube-system'] as const);
  await Promise.all(asked.map((right) => reviewRight(api, right, rights, signal)));
}

/** A time of a Lease (MicroTime): RFC 3339 with six digits after the second. */
function microTime(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace(/Z$/, '000Z');
}

function freshLease({ name, holder }: Participant, now: string): Lease {
  return {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { name, namespace: NAMESPACE, labels: OURS },
    spec: { holderIdentity: holder, acquireTime: now, renewTime: now },
  };
}

/** The Lease as it is to be; a persistent one that holds already stays so, whoever renews it. */
function joined(found: Lease | null, self: Joining, now: string): Lease {
  const fresh = freshLease(self, now);
  const { leaseDurationSeconds, ...spec } = { ...found?.spec, ...fresh.spec };
  const wasPersistent = found !== null && isLasting(found);
  const { [LEAVING]: _, ...annotations } = found?.metadata?.annotations ?? {};
  return {
    ...found,
    ...fresh,
    metadata: {
      ...found?.metadata,
      ...fresh.metadata,
      labels: { ...found?.metadata?.labels, ...OURS },
      annotations: {
        ...annotations,
        [SERVES]: JSON.stringify(self.serves),
        [FORMAT]: String(KNOWN_FORMAT),
      },
    },
    spec: {
      ...spec,
      acquireTime: found?.spec?.acquireTime ?? now,
      ...(self.mode === 'persistent' || wasPersistent ? {} : { leaseDurationSeconds: DURATION_SECONDS }),
    },
  };
}

function left(found: Lease | null, self: Participant, now: string): Lease {
  const fresh = freshLease(self, now);
  const { metadata, spec } = found ?? fresh;
  const annotations = { ...metadata?.annotations, [LEAVING]: now, [FORMAT]: String(KNOWN_FORMAT) };
  // A listed object names neither version nor kind.
  return {
    ...found,
    ...fresh,
    metadata: { ...metadata, annotations },
    ...(spec === undefined ? {} : { spec }),
  };
}

/** What a Lease is to become, given what it is. */
type Change = (found: Lease | null, now: string) => Lease;

/** Changes our Lease by compare-and-swap, read anew where somebody else was faster. */
async function changeLease(api: ApiClient, name: string, wall: () => number, change: Change): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const leases = (await listLeases(api, {})) ?? [];
    const found = leases.find(({ metadata }) => metadata?.name === name) ?? null;
    requireKnownFormat(name, found);
    const wanted = change(found, microTime(wall()));
    const call: ApiCall = {
      verb: found === null ? 'create' : 'update',
      resource: `leases ${NAMESPACE}/${name}`,
      path: found === null ? COLLECTION : `${COLLECTION}/${name}`,
      body: { type: 'application/json', text: JSON.stringify(wanted) },
    };
    const answer = await api.send(call);
    if (answer.status === CONFLICT && attempt < MAX_ATTEMPTS) continue;
    const { uid, resourceVersion } = found?.metadata ?? {};
    // The same once more leaves the version as it was.
    const isSame = isDeepStrictEqual([wanted.metadata, wanted.spec], [found?.metadata, found?.spec]);
    const changedFrom = isSame ? undefined : resourceVersion;
    api.shown(call, answer, (body) => requireWritten(body, wanted, { ...TYPE, name, uid, changedFrom }));
    return;
  }
}

/** What others go by. */
function saidBy({ metadata, spec }: Lease): string {
  const { labels, annotations } = metadata ?? {};
  return JSON.stringify([
    labels?.[MANAGED_BY],
    annotations?.[LEAVING],
    annotations?.[SERVES],
    spec?.holderIdentity,
    spec?.leaseDurationSeconds,
  ]);
}

/** Throws Unexpected for an answer of another Lease: others would not know of us what we rely on. */
function requireWritten(body: unknown, wanted: Lease, type: Expected): void {
  const written = requireShape('Lease', requireObject<Lease>(body, type), LEASE);
  if (saidBy(written) !== saidBy(wanted)) throw new Unexpected('the Lease does not hold what was written');
}

/** Throws a Failure for a Lease of ours that a newer mkplan wrote: what it says is not to be unsaid. */
function requireKnownFormat(name: string, lease: Lease | null): void {
  const format = lease?.metadata?.annotations?.[FORMAT];
  if (format === undefined || Number(format) <= KNOWN_FORMAT) return;
  throw new Failure('error', [
    {
      code: 'lease-newer',
      severity: 'error',
      summary: `the Lease ${NAMESPACE}/${name} has format ${format}; this mkplan knows format ${KNOWN_FORMAT}`,
      cause: 'A newer mkplan wrote it for the same spec, so this one leaves it as it is.',
      fix: 'Run the mkplan that wrote it, or update this one.',
      command: 'mkplan --version',
    },
  ]);
}

/** Makes or renews our Lease, and takes back that we leave. Throws a Failure. */
export async function joinLease(api: ApiClient, wall: () => number, self: Joining): Promise<void> {
  await changeLease(api, self.name, wall, (found, now) => joined(found, self, now));
}

/** Has our Lease, made where there is none, say that we leave. Throws a Failure. */
export async function markLeaving(api: ApiClient, wall: () => number, self: Participant): Promise<void> {
  await changeLease(api, self.name, wall, (found, now) => left(found, self, now));
}

/** Removes our Lease; nothing where there is none. Throws a Failure. */
export async function deleteLease(api: ApiClient, name: string): Promise<void> {
  const call: ApiCall = {
    verb: 'delete',
    resource: `leases ${NAMESPACE}/${name}`,
    path: `${COLLECTION}/${name}`,
  };
  const answer = await api.send(call);
  if (answer.status === 404 && isOfApiServer(answer)) return;
  api.shown(call, answer, (body) => requireRemoved(body, { ...TYPE, name }));
}
