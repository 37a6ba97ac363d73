import type { DesiredProfile } from '../../model/desired.ts';
import type { Diagnostic } from '../../model/diagnostic.ts';
import type { ObservedProfile } from '../../model/observed.ts';
import { serviceName } from '../../model/plan.ts';
import { contains, formatAddress, formatPrefix, type Prefix, parseAddress } from '../../model/prefix.ts';
import type { Source } from './sources.ts';

/** The ClusterIP of a Service, which tells something of the service network: it is inside. */
export interface ClusterIp {
  /** `namespace/name`. */
  readonly service: string;
  readonly address: Prefix;
}

/** So many Services are named of those that have an address outside. */
const MOST_NAMED = 3;

/** The ClusterIPs that were seen, in the order of the Services. */
export function clusterIpsOf({ cluster }: ObservedProfile): ClusterIp[] {
  return (cluster?.services ?? []).flatMap((one) =>
    one.clusterIps.flatMap((text) => {
      const address = parseAddress(text);
      return address === null ? [] : [{ service: serviceName(one), address }];
    }),
  );
}

/** Those outside the networks; one of a family that has no network among them says nothing of these. */
export function outsideOf(networks: readonly Prefix[], clusterIps: readonly ClusterIp[]): ClusterIp[] {
  return clusterIps.filter(
    ({ address }) =>
      networks.some(({ family }) => family === address.family) &&
      !networks.some((network) => contains(network, address)),
  );
}

function named({ service, address }: ClusterIp): string {
  return `Service ${service} (${formatAddress(address)})`;
}

/** Warns of Services that the service network found does not have. */
export function servicesOutside(
  profile: DesiredProfile,
  { name, networks }: Source,
  clusterIps: readonly ClusterIp[],
): Diagnostic[] {
  const outside = outsideOf(networks, clusterIps);
  if (outside.length === 0) return [];
  const more = outside.length - MOST_NAMED;
  const shown = [...outside.slice(0, MOST_NAMED).map(named), ...(more > 0 ? [`${more} more`] : [])];
  return [
    {
      code: 'services-outside',
      severity: 'warning',
      summary: `profile ${profile.name}: outside the service network ${networks.map(formatPrefix).join(', ')} are the ClusterIPs of ${shown.join(', ')}`,
      cause: `${name} gives that network, but the API server hands out other addresses: its --service-cluster-ip-range differs, or did once`,
      fix: 'List the networks of all ClusterIPs under cidrs.services.',
      command: `kubectl --context ${profile.context} get services -A`,
      at: profile.services.at,
    },
  ];
}

function unknown(profile: DesiredProfile, cause: string, fix: string): Diagnostic {
  return {
    code: 'services-unknown',
    severity: 'warning',
    summary: `profile ${profile.name}: the service network could not be determined, so ClusterIPs are left out`,
    cause,
    fix,
    command: `kubectl --context ${profile.context} get services -A`,
    at: profile.services.at,
  };
}

/** Says that nothing tells the service network, and that the usual one is not it. */
export function servicesUnknown(profile: DesiredProfile, guess: Source, outside: ClusterIp): Diagnostic {
  return unknown(
    profile,
    `nothing names it, and ${guess.networks.map(formatPrefix).join(', ')} (${guess.name}) does not have the ClusterIP of ${named(outside)}`,
    'List it under cidrs.services, or write `services: none`.',
  );
}

/** Says that nothing tells the service network of a cluster which has no usual one. */
export function servicesUntold(profile: DesiredProfile, [seen]: readonly ClusterIp[]): Diagnostic {
  const evidence = seen === undefined ? '' : `; it has the ClusterIP of ${named(seen)}`;
  return unknown(
    profile,
    `neither a ServiceCIDR object nor kubeadm’s ClusterConfiguration names it, and it is not guessed, since every installer has its own default${evidence}`,
    'List it under cidrs.services: it is the API server’s --service-cluster-ip-range. Or write `services: none`.',
  );
}
