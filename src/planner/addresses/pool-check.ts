import type { DesiredProfile } from '../../model/desired.ts';
import type { Diagnostic } from '../../model/diagnostic.ts';
import type { ObservedProfile } from '../../model/observed.ts';
import { formatPrefix, parseAddress } from '../../model/prefix.ts';
import { formatRange, rangeHolds, rangeOf, rangesOverlap } from '../../model/range.ts';
import type { ReachedNetwork } from '../networks/wanted.ts';

/**
 * A pool must not overlap a service or pod network, whichever profile's: kube-apiserver could give the same address to
 * a ClusterIP. Nor may it hold a node. The spec's own CIDRs were checked when it was read; here are those found out.
 */
export function checkPool(
  profile: DesiredProfile,
  observed: readonly ObservedProfile[],
  reached: readonly ReachedNetwork[],
): Diagnostic[] {
  const { pool, at } = profile.loadBalancer;
  const networks = reached.filter(({ purpose }) => purpose === 'services' || purpose === 'pods');
  const nodes = observed.flatMap((one) => one.cluster?.nodes.flatMap((node) => node.internalIps) ?? []);
  return pool.flatMap((range) => {
    const network = networks.find((route) => rangesOverlap(range, rangeOf(route.destination)));
    const node = nodes.find((ip) => {
      const address = parseAddress(ip);
      return address !== null && rangeHolds(range, address);
    });
    const what =
      network !== undefined
        ? `the ${network.purpose} network ${formatPrefix(network.destination)} of profile ${network.profile}`
        : node !== undefined
          ? `the node address ${node}`
          : null;
    if (what === null) return [];
    const diagnostic: Diagnostic = {
      code: 'pool-overlaps-network',
      severity: 'error',
      summary: `the pool ${formatRange(range)} of profile ${profile.name} overlaps ${what}`,
      cause: 'the cluster could give the same address to something else',
      fix: 'choose a pool that is neither in a service, pod nor node network',
      at,
    };
    return [diagnostic];
  });
}
