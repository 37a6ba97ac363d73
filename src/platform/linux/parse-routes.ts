import type { Family } from '../../model/prefix.ts';
import { MAIN_TABLE, type NextHop, type Route } from '../../model/route.ts';
import { Addresses } from './addresses.ts';
import { readDestination } from './read-prefix.ts';
import { isCount, parseRows, typeOf, unreadable } from './rows.ts';

/** One next hop, or the single one of a route. */
interface HopRow {
  readonly gateway?: string;
  /** A gateway of the other family (RFC 5549). */
  readonly via?: { readonly family: string; readonly host: string };
  readonly dev?: string;
  readonly weight?: number;
  /** Lightweight tunnel: mpls, seg6, ip … */
  readonly encap?: string;
}

/** One route as iproute2 prints it; lifetimes, counters, flags and metrics other than the preference are not read. */
interface RouteRow extends HopRow {
  readonly type?: string;
  readonly dst?: string;
  /** Source-specific routing (IPv6). */
  readonly from?: string;
  readonly tos?: string;
  readonly table?: string;
  readonly protocol?: string;
  readonly metric?: number;
  /** Nexthop object (ip-nexthop(8)). */
  readonly nhid?: number;
  readonly nexthops?: readonly HopRow[];
}

/**
 * Routes of one family, from `ip -N -json -details -4|-6 route show table all`. `table` is that of rows which name
 * none, as `ip` leaves it out when asked for one table.
 *
 * A route whose next hop is more than a gateway and a device (a nexthop object, an encapsulation, a source
 * prefix) keeps both, and gets one entry in `nextHops` that says so: it never compares equal to a route of mkplan.
 */
export function parseRoutes(text: string, family: Family, table = MAIN_TABLE): Route[] {
  const command = `ip -N -json -details -${family} route show`;
  const addresses = new Addresses();
  const rows = parseRows(text, command);
  const routes: Route[] = new Array(rows.length);
  for (let index = 0; index < rows.length; index++) {
    const row = rows[index] as RouteRow | null;
    const route = readRoute(row, family, table, addresses);
    if (route === null) throw unreadable(command, JSON.stringify(row));
    routes[index] = route;
  }
  return routes;
}

/** The hot path: one row; null when something in it cannot be read. */
function readRoute(
  row: RouteRow | null,
  family: Family,
  defaultTable: number,
  addresses: Addresses,
): Route | null {
  if (typeof row !== 'object' || row === null || row.dst === undefined) return null;
  const destination = readDestination(row.dst, family);
  const tos = row.tos === undefined ? 0 : Number(row.tos);
  const table = row.table === undefined ? defaultTable : Number(row.table);
  const protocol = Number(row.protocol);
  const metric = row.metric ?? 0;
  if (destination === null || !isCount(tos) || !isCount(table) || !isCount(protocol) || !isCount(metric)) {
    return null;
  }
  const gateway = gatewayOf(row, addresses);
  if (gateway === undefined) return null;
  const nextHops = row.nexthops === undefined ? single(row, gateway) : several(row.nexthops, addresses);
  if (nextHops === null) return null;
  const device = row.dev ?? null;
  return {
    type: typeOf(row.type),
    destination,
    tos,
    table,
    metric,
    gateway,
    device,
    protocol,
    nextHops,
  };
}

/** Canonical text; null where there is none, undefined where it is no address. */
function gatewayOf(hop: HopRow, addresses: Addresses): string | null | undefined {
  const text = hop.gateway ?? hop.via?.host;
  return text === undefined ? null : (addresses.canonical(text) ?? undefined);
}

const ORDINARY: readonly NextHop[] = [];

function single(row: RouteRow, gateway: string | null): readonly NextHop[] {
  if (row.nhid === undefined && row.encap === undefined && row.from === undefined) return ORDINARY;
  const words = [
    gateway,
    row.encap === undefined ? null : `encap ${row.encap}`,
    row.from === undefined ? null : `from ${row.from}`,
    row.nhid === undefined ? null : `nhid ${row.nhid}`,
  ];
  return [{ gateway: words.filter((word) => word !== null).join(' '), device: row.dev ?? null, weight: 1 }];
}

function several(rows: readonly HopRow[], addresses: Addresses): readonly NextHop[] | null {
  const hops: NextHop[] = [];
  for (const row of rows) {
    const gateway = gatewayOf(row, addresses);
    if (gateway === undefined) return null;
    const words = row.encap === undefined ? gateway : `${gateway ?? ''} encap ${row.encap}`.trim();
    hops.push({ gateway: words, device: row.dev ?? null, weight: row.weight ?? 1 });
  }
  return hops;
}
