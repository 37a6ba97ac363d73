import type { HostAddress, Link } from '../../../model/observed.ts';
import { addressBits, formatAddress, type Prefix, parseAddress, truncate } from '../../../model/prefix.ts';
import { isCount, isRow, isTextOrAbsent, parseRows, unreadable } from './rows.ts';

const COMMAND = 'ip -N -json addr';

interface AddressRow {
  readonly family?: unknown;
  readonly local?: unknown;
  /** The other end of a point-to-point link; the network is its, then. */
  readonly address?: unknown;
  readonly prefixlen?: unknown;
}

interface LinkRow {
  readonly ifname?: unknown;
  readonly flags?: unknown;
  readonly addr_info?: unknown;
}

/** Links and the host's own addresses, from `ip -N -json addr`. `up` is the administrative state. */
export function parseLinks(text: string): { links: Link[]; addresses: HostAddress[] } {
  const links: Link[] = [];
  const addresses: HostAddress[] = [];
  for (const row of parseRows(text, COMMAND)) {
    if (!isRow(row)) throw unreadable(COMMAND, JSON.stringify(row));
    // `ip` prints an empty object for what a filter left out.
    if (Object.keys(row).length === 0) continue;
    const { ifname, flags = [], addr_info: listed = [] }: LinkRow = row;
    if (typeof ifname !== 'string' || !Array.isArray(flags) || !Array.isArray(listed)) {
      throw unreadable(COMMAND, JSON.stringify(row));
    }
    links.push({ name: ifname, up: flags.includes('UP') });
    for (const entry of listed) {
      const address = readAddress(entry, ifname);
      if (address === null) throw unreadable(COMMAND, JSON.stringify(entry));
      if (address !== OTHER_FAMILY) addresses.push(address);
    }
  }
  return { links, addresses };
}

/** MCTP, Phonet and others, which are not routed by IP. */
const OTHER_FAMILY = Symbol('an address of another family');

function readAddress(entry: unknown, device: string): HostAddress | typeof OTHER_FAMILY | null {
  if (!isRow(entry)) return null;
  const { family, local: own, address: other, prefixlen }: AddressRow = entry;
  if (typeof family !== 'string') return null;
  if (family !== 'inet' && family !== 'inet6') return OTHER_FAMILY;
  if (typeof own !== 'string' || !isTextOrAbsent(other) || !isCount(prefixlen)) return null;
  const local: Prefix | null = parseAddress(own);
  const peer: Prefix | null = other === undefined ? local : parseAddress(other);
  if (local === null || peer === null || peer.family !== local.family) return null;
  if (local.family !== (family === 'inet' ? 4 : 6) || prefixlen > addressBits(local.family)) return null;
  return { address: formatAddress(local), network: truncate(peer, prefixlen), device };
}
