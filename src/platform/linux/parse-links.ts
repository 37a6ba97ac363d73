import type { HostAddress, Link } from '../../model/observed.ts';
import { addressBits, formatAddress, type Prefix, parseAddress, truncate } from '../../model/prefix.ts';
import { parseRows, unreadable } from './rows.ts';

const COMMAND = 'ip -N -json -details addr';

interface AddressRow {
  readonly family?: string;
  readonly local?: string;
  /** The other end of a point-to-point link; the network is its, then. */
  readonly address?: string;
  readonly prefixlen?: number;
}

interface LinkRow {
  readonly ifname?: string;
  readonly flags?: readonly string[];
  readonly addr_info?: readonly AddressRow[];
}

/** Links and the host's own addresses, from `ip -N -json -details addr`. `up` is the administrative state. */
export function parseLinks(text: string): { links: Link[]; addresses: HostAddress[] } {
  const links: Link[] = [];
  const addresses: HostAddress[] = [];
  for (const row of parseRows(text, COMMAND) as readonly LinkRow[]) {
    // `ip` prints an empty object for what a filter left out.
    if (Object.keys(row ?? {}).length === 0) continue;
    if (typeof row.ifname !== 'string') throw unreadable(COMMAND, JSON.stringify(row));
    links.push({ name: row.ifname, up: row.flags?.includes('UP') ?? false });
    for (const entry of row.addr_info ?? []) {
      // Other families (MCTP, Phonet) are not routed by IP.
      if (entry.family !== 'inet' && entry.family !== 'inet6') continue;
      const address = readAddress(entry, row.ifname);
      if (address === null) throw unreadable(COMMAND, JSON.stringify(entry));
      addresses.push(address);
    }
  }
  return { links, addresses };
}

function readAddress(entry: AddressRow, device: string): HostAddress | null {
  const length = entry.prefixlen ?? -1;
  const local: Prefix | null = parseAddress(entry.local ?? '');
  const peer: Prefix | null = entry.address === undefined ? local : parseAddress(entry.address);
  if (local === null || peer === null || length < 0 || length > addressBits(local.family)) return null;
  return { address: formatAddress(local), network: truncate(peer, length), device };
}
