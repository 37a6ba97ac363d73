import type { DesiredLoadBalancer, Sourced } from '../model/desired.ts';
import { formatAddress, type Prefix } from '../model/prefix.ts';
import { type AddressRange, formatRange, rangeHolds, rangesOverlap } from '../model/range.ts';
import { readAddress, readRange } from './address.ts';
import type { Context } from './context.ts';
import type { LoadBalancer } from './generated/tunnel.ts';
import type { Stretch } from './networks.ts';
import { errorAt, type Flaw, warningAt } from './problem.ts';
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
    checkReservations(context, reservations, exclude);
    // What is outside can be told of a pool alone that was read to its end.
    if (context.isComplete && pool.length === given?.pool?.length) {
      checkExcludeInside(context, exclude, pool);
      checkReservationsInside(context, reservations, pool);
    }
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
    const value = context.accept([...path, index], readRange(text, context.allowedRanges));
    if (value !== null) ranges.push({ value, at: context.at([...path, index]) });
  }
  return ranges;
}

function readReservations(
  context: Context,
  path: Path,
  given: Readonly<Record<string, string | readonly string[]>>,
): Map<string, readonly Sourced<Prefix>[]> {
  const reservations = new Map<string, readonly Sourced<Prefix>[]>();
  for (const [service, reserved] of Object.entries(given)) {
    const place = [...path, 'reservations', service];
    const texts: [Path, string][] =
      typeof reserved === 'string'
        ? [[place, reserved]]
        : reserved.map((text, index) => [[...place, index], text]);
    const addresses = texts.flatMap(([at, text]) => {
      const value = context.accept(at, readAddress(text));
      return value === null ? [] : [{ value, at: context.at(at) }];
    });
    checkFamilies(context, service, addresses);
    if (addresses.length > 0) reservations.set(service, addresses);
  }
  return reservations;
}

/** A Service has at most one address of each family. */
function checkFamilies(context: Context, service: string, addresses: readonly Sourced<Prefix>[]): void {
  const [first, second] = addresses;
  if (first === undefined || second === undefined || first.value.family !== second.value.family) return;
  const flaw = {
    code: 'reservation-family',
    summary: `two IPv${first.value.family} addresses are reserved for ${service}`,
    cause: 'a Service has at most one address of each family',
    fix: `keep one of ${formatAddress(first.value)} and ${formatAddress(second.value)}`,
  };
  context.problems.push(errorAt(second.at, flaw));
}

/** Every reserved address with its Service. */
function eachReservation(
  reservations: ReadonlyMap<string, readonly Sourced<Prefix>[]>,
): (readonly [string, Sourced<Prefix>])[] {
  return [...reservations].flatMap(([service, addresses]) =>
    addresses.map((address) => [service, address] as const),
  );
}

function poolMissing(): Flaw {
  return {
    code: 'pool-missing',
    summary: 'assign is pool, and there is no pool',
    cause: 'Services would wait for an address for ever',
    fix: 'add pool: [10.200.0.0/24] or another private range that nothing uses, or write assign: none',
  };
}

/** Says what is written for nothing, since its author expects otherwise. */
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

function checkExcludeInside(
  context: Context,
  exclude: readonly Sourced<AddressRange>[],
  pool: readonly Sourced<AddressRange>[],
): void {
  for (const { value, at } of exclude) {
    if (pool.some((entry) => rangesOverlap(entry.value, value))) continue;
    const flaw = {
      code: 'exclude-outside-pool',
      summary: `${formatRange(value)} is excluded from a pool that has none of it`,
      cause: 'what is not in the pool is never given out anyway, so this may be a slip',
      fix: 'correct it, or remove it',
    };
    context.problems.push(warningAt(at, flaw));
  }
}

function checkReservationsInside(
  context: Context,
  reservations: ReadonlyMap<string, readonly Sourced<Prefix>[]>,
  pool: readonly Sourced<AddressRange>[],
): void {
  for (const [service, { value, at }] of eachReservation(reservations)) {
    if (pool.some((entry) => rangeHolds(entry.value, value))) continue;
    const flaw = {
      code: 'reservation-outside-pool',
      summary: `${formatAddress(value)}, reserved for ${service}, is not in the pool`,
      cause: `the pool is ${pool.map((entry) => formatRange(entry.value)).join(', ')}`,
      fix: 'reserve an address of the pool, or add this one to it',
    };
    context.problems.push(errorAt(at, flaw));
  }
}

function checkReservations(
  context: Context,
  reservations: ReadonlyMap<string, readonly Sourced<Prefix>[]>,
  exclude: readonly Sourced<AddressRange>[],
): void {
  const holders = new Map<string, string>();
  for (const [service, { value, at }] of eachReservation(reservations)) {
    const address = formatAddress(value);
    const holder = holders.get(address);
    if (holder === undefined) holders.set(address, service);
    else context.problems.push(errorAt(at, reservedTwice(address, service, holder)));
    const excluding = exclude.find((entry) => rangeHolds(entry.value, value));
    if (excluding !== undefined) {
      context.problems.push(errorAt(at, reservedAndExcluded(address, service, excluding)));
    }
  }
}

function reservedTwice(address: string, service: string, holder: string): Flaw {
  return {
    code: 'reservation-twice',
    summary: `${address}, reserved for ${service}, is reserved for ${holder} too`,
    cause: 'one address leads to one Service',
    fix: 'reserve another address for one of them',
  };
}

function reservedAndExcluded(address: string, service: string, excluding: Sourced<AddressRange>): Flaw {
  return {
    code: 'reservation-excluded',
    summary: `${address}, reserved for ${service}, is excluded`,
    cause: `exclude has ${formatRange(excluding.value)} (line ${excluding.at.line}), and what is excluded is never given out`,
    fix: 'reserve another address, or exclude less',
  };
}
