import type { Claim } from '../model/claim.ts';
import { formatPrefix } from '../model/prefix.ts';
import { PROTOCOL_NAMES, type Route } from '../model/route.ts';

/**
 * Finds the claim that comes nearest to a route it does not match: same destination, and the metric, the gateway or our
 * protocol in common. `gone` are the claims whose own route is not in the table; null where none is near.
 */
export function differing(gone: readonly Claim[]): (route: Route, tag: number | null) => Claim | null {
  const at = new Map<string, Claim[]>();
  // The text of a destination is dear for a hundred thousand routes, so what cannot match is sifted out by numbers.
  const starts = new Set<number | bigint>();
  for (const claim of gone) {
    const { destination } = claim.route;
    starts.add(destination.start);
    const key = formatPrefix(destination);
    at.set(key, [...(at.get(key) ?? []), claim]);
  }
  return (route, tag) => {
    if (!starts.has(route.destination.start)) return null;
    const here = at.get(formatPrefix(route.destination)) ?? [];
    const isNear = ({ route: claimed }: Claim) =>
      route.protocol === tag ||
      claimed.metric === route.metric ||
      (claimed.gateway !== null && claimed.gateway === route.gateway);
    return here.find(isNear) ?? null;
  };
}

/** In what a route differs from the one that a claim has, for people. */
export function differenceOf(claimed: Route, found: Route): string {
  const parts = [
    claimed.type === found.type ? null : `type ${claimed.type}`,
    claimed.tos === found.tos ? null : `tos ${claimed.tos}`,
    claimed.gateway === found.gateway ? null : `via ${claimed.gateway ?? 'none'}`,
    claimed.device === found.device ? null : `dev ${claimed.device ?? 'none'}`,
    claimed.metric === found.metric ? null : `metric ${claimed.metric}`,
    claimed.protocol === found.protocol
      ? null
      : `proto ${PROTOCOL_NAMES[claimed.protocol] ?? claimed.protocol}`,
  ].filter((part) => part !== null);
  return `its claim differs: it has ${parts.join(' ') || 'one next hop'}`;
}
