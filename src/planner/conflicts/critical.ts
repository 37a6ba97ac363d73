import type { CriticalKind, ObservedHost } from '../../model/observed.ts';
import { type Prefix, parseAddress } from '../../model/prefix.ts';
import type { Route } from '../../model/route.ts';

/** An address that must not change its way. */
export interface CriticalPoint {
  readonly kind: CriticalKind | 'default-gateway';
  readonly address: Prefix;
  /** Canonical text of the address. */
  readonly text: string;
  readonly owner: string;
  /** For people: what the address is. */
  readonly detail: string;
}

const NAMES: Readonly<Record<CriticalKind, string>> = {
  'dns-server': 'a DNS server of this host',
  'api-server': 'the API server of a profile',
  'ssh-client': 'the ssh client of this session',
  'vpn-endpoint': "a VPN's endpoint",
  proxy: 'a proxy that this host goes through',
  'live-peer': 'the other end of an open connection',
};

/** The default gateways, read off the routes, and what the snapshot lists besides. */
export function criticalPoints(host: ObservedHost, defaults: readonly Route[]): CriticalPoint[] {
  const gateways = defaults
    .flatMap((route) => [route.gateway, ...route.nextHops.map((hop) => hop.gateway)])
    .filter((gateway) => gateway !== null);
  const points = [...new Set(gateways)].flatMap((text): CriticalPoint[] => {
    const address = parseAddress(text);
    const name = 'the default gateway of this host';
    return address === null ? [] : [{ kind: 'default-gateway', address, text, owner: name, detail: name }];
  });
  for (const { kind, address: text, detail } of host.critical) {
    const address = parseAddress(text);
    if (address !== null)
      points.push({ kind, address, text, owner: NAMES[kind], detail: `${NAMES[kind]} (${detail})` });
  }
  return points;
}
