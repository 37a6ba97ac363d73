import type { DesiredCidrs, DesiredProfile, DesiredState } from '../../src/model/desired.ts';
import { type Prefix, parsePrefix } from '../../src/model/prefix.ts';
import { type AddressRange, rangeOf } from '../../src/model/range.ts';

const at = { file: 'tunnel.yaml', line: 1, column: 1 };

function prefixOf(cidr: string): Prefix {
  const parsed = parsePrefix(cidr);
  if (parsed === null) throw new Error(`not a prefix: ${cidr}`);
  return parsed;
}

export function cidrs(...texts: string[]): DesiredCidrs {
  return texts.map((text) => ({ prefix: prefixOf(text), conflictPolicy: 'abort', at }));
}

export interface ProfileChanges {
  name?: string;
  gateway?: 'auto' | string;
  services?: DesiredCidrs;
  pods?: DesiredCidrs;
  assign?: 'pool' | 'clusterIP' | 'none';
  pool?: AddressRange[];
  reservations?: Record<string, string>;
}

/** A profile that needs nothing of a cluster unless told otherwise. */
export function desiredProfile(changes: ProfileChanges = {}): DesiredProfile {
  const { name = 'dev', gateway = '192.168.39.2', assign = 'none' } = changes;
  const reservations = Object.entries(changes.reservations ?? {});
  return {
    name,
    context: name,
    via: 'auto',
    gateway: { value: gateway === 'auto' ? 'auto' : { ipv4: gateway, ipv6: null }, at },
    conflictPolicy: { value: 'abort', at },
    services: { value: changes.services ?? 'none', at },
    pods: { value: changes.pods ?? 'none', at },
    loadBalancer: {
      assign,
      pool: changes.pool ?? [],
      exclude: [],
      class: 'mkplan/tunnel',
      unclassed: 'auto',
      reservations: new Map(reservations.map(([key, ip]) => [key, [{ value: prefixOf(ip), at }]])),
      at,
    },
    at,
  };
}

export function desiredState(...profiles: DesiredProfile[]): DesiredState {
  return {
    name: 'dev',
    spec: '/project/tunnel.yaml',
    mode: 'present',
    protocol: 109,
    profiles,
    localOverrides: [],
  };
}

export function pool(cidr: string): AddressRange {
  return rangeOf(prefixOf(cidr));
}
