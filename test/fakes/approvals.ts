import type { Plan } from '../../src/model/plan.ts';
import { isOpen } from '../../src/planner/approvals.ts';

/** Nobody approved that a route takes part of a foreign one. */
export function approvedNothing({ approvals }: Plan): ReadonlyMap<string, string> {
  const covers = approvals.filter((one) => one.kind === 'covers' && isOpen(one));
  return new Map(covers.map(({ subject }) => [subject, `${subject} needs approval`]));
}
