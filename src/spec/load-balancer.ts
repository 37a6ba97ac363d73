import type { DesiredLoadBalancer, Sourced } from '../model/desired.ts';
import { formatAddress, type Prefix } from '../model/prefix.ts';
import { type AddressRange, formatRange, rangeHolds, rangesOverlap } from '../model/range.ts';
import { readAddress, readRange } from './address.ts';
import type { Context } from './context.ts';
import type { LoadBalancer } from './generated/tunnel.ts';
import type { Stretch } from './networks.ts';
import type { Flaw } from './problem.ts';
import type { Path } from './tree.ts';

const DEFAULT_CLASS = 'mkplan/tunnel';

/** A profile's load balancer, and its pool as stretches to compare with everyone else's. */
export interface ReadLoadBalancer {
  readonly loadBalancer: DesiredLoadBalancer;
  readonly stretches: readonly Stretch[];
}

/** Reads `loadBalancer`, filling in what is left out, and checks what belongs together within it. */
export function readLoadBalancer(
  context: Context,
  path: Path,
  profile: string,
  given: LoadBalancer | undefined,
): ReadLoadBalancer {
  const assign = given?.assign ?? (given?.pool === undefined ? 'none' : 'pool');
  const pool = readRanges(context, [...path, 'pool'], given?.pool ?? []);
  const exclude = readRanges(context, [...path, 'exclude'], given?.exclude ?? []);
  const reservations = readReservations(context, path, given?.reservations ?? {});
  if (assign === 'pool') {
    if (given?.pool === undefined && context.isComplete) context.error([...path, 'assign'], poolMissing());
    checkExclude(context, exclude, pool);
    checkReservations(context, reservations, pool, exclude);
  } else {
    warnUnused(context, path, assign, given);
  }
  const used = assign === 'pool';
  return {
    loadBalancer: {
      assign,
      pool: used ? pool.map(({ value }) => value) : [],
      exclude: used ? exclude.map(({ value }) => value) : [],
      class: given?.class ?? DEFAULT_CLASS,
      unclassed: given?.unclassed ?? 'auto',
      reservations: used ? reservations : new Map(),
      at: context.at(path),
    },
    stretches: used ? pool.map(({ value, at }) => ({ range: value, kind: 'pool', profile, at })) : [],
  };
}

function readRanges(context: Context, path: Path, texts: readonly string[]): Sourced<AddressRange>[] {
  const ranges: Sourced<AddressRange>[] = [];
  for (const [index, text] of texts.entries()) {
    const value = context.accept([...path, index], readRange(text));
    if (value !== null) ranges.push({ value, at: context.at([...path, index]) });
  }
  return ranges;
}

function readReservations(
  context: Context,
  path: Path,
  given: Readonly<Record<string, string>>,
): Map<string, Sourced<Prefix>> {
  const reservations = new Map<string, Sourced<Prefix>>();
  for (const [service, text] of Object.entries(given)) {
    const place = [...path, 'reservations', service];
    const value = context.accept(place, readAddress(text));
    if (value !== null) reservations.set(service, { value, at: context.at(place) });
  }
  return reservations;
}

function poolMissing(): Flaw {
  return {
    code: 'pool-missing',
    summary: 'assign is pool, and there is no pool',
    cause: 'Services would wait for an address for ever',
    fix: 'add pool: [10.200.0.0/24] or another private range that nothing uses, or write assign: none',
  };
}

/** Says what is written for nothing, since whoever wrote it expects otherwise. */
function warnUnused(context: Context, path: Path, assign: string, given: LoadBalancer | undefined): void {
  for (const key of ['pool', 'exclude', 'reservations'] as const) {
    if (given?.[key] === undefined) continue;
    context.warn([...path, key], {
      code: 'pool-unused',
      summary: `${key} is not used`,
      cause:
        given.assign === undefined ? 'there is no pool' : `assign is ${assign}: no address comes from a pool`,
      fix: given.assign === undefined ? 'add a pool' : `remove ${key}, or write assign: pool`,
    });
  }
}

function checkExclude(
  context: Context,
  exclude: readonly Sourced<AddressRange>[],
  pool: readonly Sourced<AddressRange>[],
): void {
  if (!context.isComplete) return;
  for (const { value, at } of exclude) {
    if (pool.some((entry) => rangesOverlap(entry.value, value))) continue;
    context.problems.push({
      code: 'exclude-outside-pool',
      severity: 'warning',
      summary: `${formatRange(value)} is excluded from a pool that has none of it`,
      cause: 'what is not in the pool is never given out anyway, so this may be a slip',
      fix: 'correct it, or remove it',
      at,
    });
  }
}

function checkReservations(
  context: Context,
  reservations: ReadonlyMap<string, Sourced<Prefix>>,
  pool: readonly Sourced<AddressRange>[],
  exclude: readonly Sourced<AddressRange>[],
): void {
  const holders = new Map<string, string>();
  for (const [service, { value, at }] of reservations) {
    const address = formatAddress(value);
    const flaw = flawOfReservation(context, service, value, pool, exclude, holders.get(address));
    if (flaw !== null) context.problems.push({ ...flaw, severity: 'error', at });
    if (!holders.has(address)) holders.set(address, service);
  }
}

function flawOfReservation(
  context: Context,
  service: string,
  address: Prefix,
  pool: readonly Sourced<AddressRange>[],
  exclude: readonly Sourced<AddressRange>[],
  holder: string | undefined,
): Flaw | null {
  const subject = `${formatAddress(address)}, reserved for ${service},`;
  if (holder !== undefined) {
    return {
      code: 'reservation-twice',
      summary: `${subject} is reserved for ${holder} too`,
      cause: 'one address leads to one Service',
      fix: 'reserve another address for one of them',
    };
  }
  const excluding = exclude.find((entry) => rangeHolds(entry.value, address));
  if (excluding !== undefined) {
    return {
      code: 'reservation-excluded',
      summary: `${subject} is excluded`,
      cause: `exclude has ${formatRange(excluding.value)} (line ${excluding.at.line}), and what is excluded is never given out`,
      fix: 'reserve another address, or exclude less',
    };
  }
  if (!context.isComplete || pool.some((entry) => rangeHolds(entry.value, address))) return null;
  return {
    code: 'reservation-outside-pool',
    summary: `${subject} is not in the pool`,
    cause: `the pool is ${pool.map((entry) => formatRange(entry.value)).join(', ')}`,
    fix: 'reserve an address of the pool, or add this one to it',
  };
}
