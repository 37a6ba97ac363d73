import type { Family } from '../../../model/prefix.ts';
import { MAIN_TABLE, type NextHop, type Route } from '../../../model/route.ts';
import { Addresses } from './addresses.ts';
import { readDestination } from './read-prefix.ts';
import { isCount, isRow, isTextOrAbsent, parseRows, shown, typeOf, unreadable } from './rows.ts';

/** One next hop, or the single one of a route; nothing of it is believed to be what it should be. */
interface HopRow {
  readonly gateway?: unknown;
  /** A gateway of the other family (RFC 5549). */
  readonly via?: unknown;
  readonly dev?: unknown;
  readonly weight?: unknown;
  /** Lightweight tunnel: mpls, seg6, ip … */
  readonly encap?: unknown;
}

/** One route as iproute2 prints it; lifetimes, counters, flags and metrics other than the preference are not read. */
interface RouteRow extends HopRow {
  readonly type?: unknown;
  readonly dst?: unknown;
  /** Source-specific routing (IPv6). */
  readonly from?: unknown;
  readonly tos?: unknown;
  readonly table?: unknown;
  readonly protocol?: unknown;
  readonly metric?: unknown;
  /** Nexthop object (ip-nexthop(8)). */
  readonly nhid?: unknown;
  readonly nexthops?: unknown;
}

/**
 * Routes of one family, from `ip -N -json -details -4|-6 route show table all`. `table` and `protocol`
 * are those of rows which name none, as `ip` leaves out what it was asked for.
 *
 * A route whose next hop is more than a gateway and a device (a nexthop object, an encapsulation, a source
 * prefix) keeps both, and gets one entry in `nextHops` that says so: it never compares equal to a route of mkplan.
 */
export function parseRoutes(
  text: string,
  family: Family,
  { table = MAIN_TABLE, protocol = Number.NaN } = {},
): Route[] {
  const command = `ip -N -json -details -${family} route show`;
  const addresses = new Addresses();
  const usual = { table, protocol };
  const rows = parseRows(text, command);
  const routes: Route[] = new Array(rows.length);
  for (let index = 0; index < rows.length; index++) {
    const row = rows[index];
    const route = isRow(row) ? readRoute(row, family, usual, addresses) : null;
    if (route === null) throw unreadable(command, JSON.stringify(row));
    routes[index] = route;
  }
  return routes;
}

/** A number that `ip -N` prints as text, or does not print where it has its usual value; NaN for anything else. */
function numeral(value: unknown, usual: number): number {
  if (value === undefined) return usual;
  if (typeof value !== 'string') return Number.NaN;
  const number = Number(value);
  // Of the many ways to write a number that JavaScript knows, `ip` has two.
  return String(number) === value || /^0x[0-9a-f]+$/.test(value) ? number : Number.NaN;
}

/** The hot path: one row; null when something in it cannot be read. */
function readRoute(
  row: RouteRow,
  family: Family,
  usual: { readonly table: number; readonly protocol: number },
  addresses: Addresses,
): Route | null {
  const { type, dst, metric = 0, dev = null } = row;
  if (typeof dst !== 'string' || !isTextOrAbsent(type) || !(dev === null || typeof dev === 'string'))
    return null;
  const destination = readDestination(dst, family);
  const tos = numeral(row.tos, 0);
  const table = numeral(row.table, usual.table);
  const protocol = numeral(row.protocol, usual.protocol);
  if (destination === null || !isCount(tos) || !isCount(table) || !isCount(protocol) || !isCount(metric)) {
    return null;
  }
  const gateway = gatewayOf(row, addresses);
  if (gateway === undefined) return null;
  const nextHops = row.nexthops === undefined ? single(row, gateway, dev) : several(row.nexthops, addresses);
  if (nextHops === null) return null;
  return { type: typeOf(type), destination, tos, table, metric, gateway, device: dev, protocol, nextHops };
}

/** Canonical text; null where there is none, undefined where it is not an address. */
function gatewayOf({ gateway, via }: HopRow, addresses: Addresses): string | null | undefined {
  if (gateway === undefined && via === undefined) return null;
  const text = gateway ?? (isRow(via) ? via['host'] : undefined);
  return typeof text === 'string' ? (addresses.canonical(text) ?? undefined) : undefined;
}

const ORDINARY: readonly NextHop[] = [];

function single(row: RouteRow, gateway: string | null, device: string | null): readonly NextHop[] {
  if (row.nhid === undefined && row.encap === undefined && row.from === undefined) return ORDINARY;
  const words = [
    gateway,
    row.encap === undefined ? null : `encap ${shown(row.encap)}`,
    row.from === undefined ? null : `from ${shown(row.from)}`,
    row.nhid === undefined ? null : `nhid ${shown(row.nhid)}`,
  ];
  return [{ gateway: words.filter((word) => word !== null).join(' '), device, weight: 1 }];
}

function several(rows: unknown, addresses: Addresses): readonly NextHop[] | null {
  if (!Array.isArray(rows)) return null;
  const hops: NextHop[] = [];
  for (const row of rows as readonly unknown[]) {
    if (!isRow(row)) return null;
    const { dev = null, weight = 1, encap }: HopRow = row;
    const gateway = gatewayOf(row, addresses);
    if (gateway === undefined || !isCount(weight) || !(dev === null || typeof dev === 'string')) return null;
    const words = encap === undefined ? gateway : `${gateway ?? ''} encap ${shown(encap)}`.trim();
    hops.push({ gateway: words, device: dev, weight });
  }
  return hops;
}
