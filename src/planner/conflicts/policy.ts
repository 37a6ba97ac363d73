import type { Diagnostic } from '../../model/diagnostic.ts';
import type { Approval } from '../../model/plan.ts';
import { type HostPolicy, POLICY_PATH } from '../../model/policy.ts';
import { contains, formatPrefix } from '../../model/prefix.ts';
import { whyNotPrivate } from '../../model/scope.ts';
import type { WantedRoute } from '../networks/wanted.ts';

/** Approvals, those marked that the host's policy gives. */
export function withPolicy(approvals: readonly Approval[], { allow }: HostPolicy): Approval[] {
  return approvals.map((approval) =>
    allow.includes(approval.kind) ? { ...approval, byPolicy: true } : approval,
  );
}

/** Names each destination that only the host's policy lets be routed; addresses of a pool go with its guard. */
export function policyRanges(routes: readonly WantedRoute[], { ranges }: HostPolicy): Diagnostic[] {
  if (ranges.length === 0) return [];
  const guards = routes.filter((wanted) => wanted.purpose === 'guard').map((wanted) => wanted.destination);
  return routes.flatMap((wanted): Diagnostic[] => {
    const why = whyNotPrivate(wanted.destination);
    const range = ranges.find((one) => contains(one, wanted.destination));
    if (why === null || range === undefined) return [];
    const inPool =
      wanted.purpose === 'load-balancer' && guards.some((guard) => contains(guard, wanted.destination));
    if (inPool) return [];
    return [
      {
        code: 'policy-range',
        severity: 'warning',
        summary: `profile ${wanted.profile}: ${why}, and is routed because this host's policy allows ${formatPrefix(range)}`,
        cause: `${POLICY_PATH} lists the range; whoever has those addresses elsewhere is not reached from this host meanwhile`,
        fix: 'nothing, if that is meant; else use a private range',
        at: wanted.at,
      },
    ];
  });
}
