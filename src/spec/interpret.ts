import { resolve } from 'node:path';
import type {
  ConflictPolicy,
  DesiredCidr,
  DesiredCidrs,
  DesiredGateway,
  DesiredProfile,
  DesiredState,
  Sourced,
} from '../model/desired.ts';
import { type Family, formatAddress, formatPrefix } from '../model/prefix.ts';
import { rangeOf } from '../model/range.ts';
import { DEFAULT_PROTOCOL } from '../model/route.ts';
import { readCidr, readGateway } from './address.ts';
import type { Context } from './context.ts';
import type { CIDREntry, Gateway, Networks, Profile, TunnelOverlay } from './generated/tunnel.ts';
import { readLoadBalancer } from './load-balancer.ts';
import { checkOverlaps, type Stretch } from './networks.ts';
import { duplicateProfile } from './overlay.ts';
import type { Flaw } from './problem.ts';
import type { Path } from './tree.ts';

/**
 * Turns what the schema accepted into the desired state: defaults filled in, text made numbers, and everything
 * that only shows when values are seen together checked. Problems go to the context.
 */
export function interpret(
  context: Context,
  spec: TunnelOverlay,
  file: string,
  localOverrides: readonly string[],
): DesiredState {
  const policy = readPolicy(context, ['spec', 'conflictPolicy'], spec.spec?.conflictPolicy, null);
  const given = spec.spec?.profiles ?? [];
  const profiles = given.map((profile, index) =>
    readProfile(context, ['spec', 'profiles', index], profile, policy),
  );
  checkNames(context, given);
  checkOverlaps(
    profiles.flatMap(({ stretches }) => stretches),
    context,
  );
  return {
    name: spec.metadata?.name ?? '',
    spec: resolve(file),
    mode: 'present',
    protocol: spec.spec?.protocol ?? DEFAULT_PROTOCOL,
    profiles: profiles.map(({ desired }) => desired),
    localOverrides,
  };
}

function checkNames(context: Context, profiles: readonly Profile[]): void {
  const names = new Set<string>();
  for (const [index, { name }] of profiles.entries()) {
    if (names.has(name)) context.error(['spec', 'profiles', index, 'name'], duplicateProfile(name));
    names.add(name);
  }
}

interface ReadProfile {
  readonly desired: DesiredProfile;
  readonly stretches: readonly Stretch[];
}

function readProfile(
  context: Context,
  path: Path,
  given: Profile,
  inherited: Sourced<ConflictPolicy> | null,
): ReadProfile {
  const at = context.at(path);
  const conflictPolicy = readPolicy(
    context,
    [...path, 'conflictPolicy'],
    given.conflictPolicy,
    inherited,
  ) ?? {
    value: 'abort',
    at,
  };
  if (given.via === 'forward') context.error([...path, 'via'], forwardMissing());
  const seen = new Map<string, number>();
  const readKind = (kind: 'services' | 'pods') =>
    readNetworks(context, [...path, 'cidrs', kind], given.cidrs?.[kind], conflictPolicy.value, seen);
  const [services, pods] = [readKind('services'), readKind('pods')];
  const { loadBalancer, stretches } = readLoadBalancer(
    context,
    [...path, 'loadBalancer'],
    given.name,
    given.loadBalancer,
  );
  return {
    desired: {
      name: given.name,
      context: given.context ?? given.name,
      via: given.via ?? 'auto',
      gateway: {
        value: readGateways(context, [...path, 'gateway'], given.gateway),
        at: context.at([...path, 'gateway']),
      },
      conflictPolicy,
      services,
      pods,
      loadBalancer,
      at,
    },
    stretches: [
      ...stretches,
      ...stretchesOf(services.value, 'services', given.name),
      ...stretchesOf(pods.value, 'pods', given.name),
    ],
  };
}

function stretchesOf(cidrs: DesiredCidrs, kind: 'services' | 'pods', profile: string): Stretch[] {
  if (typeof cidrs === 'string') return [];
  return cidrs.map(({ prefix, at }) => ({ range: rangeOf(prefix), kind, profile, at }));
}

/** A policy with the place that gives it; what is inherited where none is given. */
function readPolicy(
  context: Context,
  path: Path,
  given: ConflictPolicy | undefined,
  inherited: Sourced<ConflictPolicy> | null,
): Sourced<ConflictPolicy> | null {
  if (given === undefined) return inherited;
  if (given === 'carve' || given === 'shadow') context.error(path, policyMissing(given));
  return { value: given, at: context.at(path) };
}

function policyMissing(policy: string): Flaw {
  return {
    code: 'not-available',
    summary: `conflictPolicy ${policy} is not available yet`,
    cause: 'this version of mkplan knows abort and skip',
    fix: 'use abort or skip',
  };
}

function forwardMissing(): Flaw {
  return {
    code: 'not-available',
    summary: 'via: forward is not available yet',
    cause: 'this version of mkplan reaches clusters by routes alone',
    fix: 'use auto or route, with a driver whose network can be routed to',
  };
}

function readGateways(context: Context, path: Path, given: Gateway | undefined): DesiredGateway {
  if (given === undefined || given === 'auto') return 'auto';
  const read = (place: Path, text: string | undefined, family: Family | null) => {
    const address = text === undefined ? null : context.accept(place, readGateway(text, family));
    return address === null ? null : { text: formatAddress(address), family: address.family };
  };
  if (typeof given === 'string') {
    const gateway = read(path, given, null);
    return {
      ipv4: gateway?.family === 4 ? gateway.text : null,
      ipv6: gateway?.family === 6 ? gateway.text : null,
    };
  }
  return {
    ipv4: read([...path, 'ipv4'], given.ipv4, 4)?.text ?? null,
    ipv6: read([...path, 'ipv6'], given.ipv6, 6)?.text ?? null,
  };
}

/** `seen` holds the line of every CIDR that the profile has given so far. */
function readNetworks(
  context: Context,
  path: Path,
  given: Networks | undefined,
  inherited: ConflictPolicy,
  seen: Map<string, number>,
): Sourced<DesiredCidrs> {
  const at = context.at(path);
  if (given === undefined || typeof given === 'string') return { value: given ?? 'auto', at };
  const cidrs: DesiredCidr[] = [];
  for (const [index, entry] of given.entries()) {
    const cidr = readEntry(context, [...path, index], entry, inherited);
    if (cidr === null) continue;
    const text = formatPrefix(cidr.prefix);
    const earlier = seen.get(text);
    if (earlier === undefined) seen.set(text, cidr.at.line);
    else context.error([...path, index], duplicateCidr(text, earlier));
    cidrs.push(cidr);
  }
  return { value: cidrs, at };
}

function readEntry(
  context: Context,
  path: Path,
  entry: CIDREntry,
  inherited: ConflictPolicy,
): DesiredCidr | null {
  const isText = typeof entry === 'string';
  const place = isText ? path : [...path, 'cidr'];
  const prefix = context.accept(place, readCidr(isText ? entry : entry.cidr, context.allowedRanges));
  const given = isText ? undefined : entry.conflictPolicy;
  const policy = readPolicy(context, [...path, 'conflictPolicy'], given, null);
  return prefix === null
    ? null
    : { prefix, conflictPolicy: policy?.value ?? inherited, at: context.at(path) };
}

function duplicateCidr(text: string, line: number): Flaw {
  return {
    code: 'duplicate-cidr',
    summary: `${text} is listed twice`,
    cause: `line ${line} lists it already for this profile, and one destination has one route`,
    fix: 'remove one of them',
  };
}
