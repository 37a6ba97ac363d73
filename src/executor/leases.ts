import { type Diagnostic, messageOf } from '../model/diagnostic.ts';
import type { LeaseChange } from '../model/plan.ts';
import type { ServicePort } from './services.ts';

type LeasePort = Pick<ServicePort, 'join' | 'announceLeaving' | 'leave'>;

/**
 * Tells the clusters, all at once, what is about to be done there. Says whether there was anything to tell: what was planned before
 * that has to be looked at again (`kubernetes/leases.ts` says why). Throws a Failure.
 */
export async function announce(port: LeasePort, leases: readonly LeaseChange[]): Promise<boolean> {
  const due = leases.filter(({ announced }) => !announced);
  await allOf(
    due.map(({ profile, action, serves }) =>
      action === 'join' ? port.join(profile, serves) : port.announceLeaving(profile),
    ),
  );
  return due.length > 0;
}

/** Waits until each has ended, however the others did; then throws what the first of those threw that failed. */
export async function allOf(work: readonly Promise<unknown>[]): Promise<void> {
  for (const one of await Promise.allSettled(work)) if (one.status === 'rejected') throw one.reason;
}

/** Removes our Leases where we leave, when all else is done. Returns what could not be removed. */
export async function leaveAll(port: LeasePort, leases: readonly LeaseChange[]): Promise<Diagnostic[]> {
  return await eachLeaving(leases, ({ profile }) => port.leave(profile), leaseRemains);
}

/** Takes back that we leave, once everything else was taken back. Returns where that could not be told. */
export async function stayAll(port: LeasePort, leases: readonly LeaseChange[]): Promise<Diagnostic[]> {
  return await eachLeaving(leases, ({ profile, serves }) => port.join(profile, serves), stillLeaving);
}

async function eachLeaving(
  leases: readonly LeaseChange[],
  work: (lease: LeaseChange) => Promise<void>,
  describe: (profile: string, cause: string) => Diagnostic,
): Promise<Diagnostic[]> {
  const leaving = leases.filter(({ action }) => action === 'leave');
  const told = await Promise.allSettled(leaving.map(work));
  return leaving.flatMap(({ profile }, index) => {
    const one = told[index];
    return one?.status === 'rejected' ? [describe(profile, messageOf(one.reason))] : [];
  });
}

function leaseRemains(profile: string, cause: string): Diagnostic {
  return {
    code: 'residue-lease',
    severity: 'error',
    summary: `our Lease in the cluster of profile ${profile} was left behind: others take it that this tunnel is still used`,
    cause,
    fix: 'Run `mkplan destroy` again once the cluster answers: it removes the Lease.',
    command: 'mkplan destroy',
  };
}

function stillLeaving(profile: string, cause: string): Diagnostic {
  return {
    code: 'residue-leaving',
    severity: 'error',
    summary: `our Lease in the cluster of profile ${profile} still says that this tunnel is leaving`,
    cause,
    fix: 'Run `mkplan apply` once the cluster answers to stay, or `mkplan destroy` to leave.',
    command: 'mkplan apply',
  };
}
