import type { DesiredState } from '../../../model/desired.ts';
import type { ObservedState } from '../../../model/observed.ts';
import { tellApart } from '../../../planner/conflicts/foreign.ts';
import type { SessionRecord } from '../../../registry/registry.ts';
import type { StatusReport } from '../../views/status-report.ts';
import type { Doubts } from './doubts.ts';

/** A session that has recorded itself, and what there is of it. */
export interface SessionStatus {
  readonly record: SessionRecord;
  /** Whether its process is still there. */
  readonly live: boolean;
  /** Whether its routes are in another network namespace, and cannot be seen from here. */
  readonly elsewhere: boolean;
  /** What it left; null while it lives. */
  readonly left: SessionLeft | null;
}

/** What a session made that ended without taking it away. */
export interface SessionLeft {
  /** Routes of it that stand. */
  readonly routes: number;
  /** Services that show an address of this spec; null where that cannot be told. */
  readonly services: number | null;
  /** Whether `mkplan apply` made routes for the same spec, which are to stay. */
  readonly lasting: boolean;
  /** Whether the spec is still there: `mkplan destroy` reads it. */
  readonly hasSpec: boolean;
}

/** Whether there is anything to say of a session: one that left nothing is of no interest. */
export function isWorthTelling({ left }: SessionStatus): boolean {
  return left === null || left.routes > 0 || left.services !== 0;
}

/** What is left of a session. `told` is the state of its spec, where that could be read. */
export function leftBy(
  { spec }: SessionRecord,
  observed: ObservedState,
  hasSpec: boolean,
  told: { readonly desired: DesiredState; readonly report: StatusReport; readonly doubts: Doubts } | null,
): SessionLeft {
  const claims = [...tellApart(observed, spec, 0).owned.values()].map(({ claim }) => claim);
  const made = claims.filter(({ owner }) => owner.mode === 'session');
  const lasting = made.length < claims.length;
  if (told === null) {
    // Nobody has asked the clusters: without the spec it is not known which they are.
    const gave = observed.registry.claims.some(
      ({ owner, purpose }) => owner.spec === spec && purpose === 'load-balancer',
    );
    return { routes: made.length, services: gave ? null : 0, lasting, hasSpec };
  }
  const { desired, report, doubts } = told;
  const isUnknown = desired.profiles.some(({ name }) => doubts.areServicesUnknown(name));
  const services = report.services.filter(
    ({ state, addresses }) => (state === 'served' || state === 'pending') && addresses.length > 0,
  ).length;
  return { routes: made.length, services: isUnknown ? null : services, lasting, hasSpec };
}
