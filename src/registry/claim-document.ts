import type { Claim, ClaimDocument, Owner } from '../model/claim.ts';
import { PURPOSES, type Purpose } from '../model/plan.ts';
import { formatAddress, formatPrefix, parseAddress, parsePrefix } from '../model/prefix.ts';
import {
  decodeRoute,
  encodeRoute,
  MAIN_TABLE,
  type NextHop,
  ROUTE_TYPES,
  type Route,
  type RouteDocument,
} from '../model/route.ts';
import {
  type Check,
  DocumentError,
  listOf,
  object,
  oneOf,
  openObject,
  orNull,
  record,
  text,
  type Unknown,
  unsigned,
} from './check.ts';

const address: Check<string> = (value) => {
  const given = text(value);
  const parsed = parseAddress(given);
  // Keys compare as text, so another spelling of the same address would match nothing.
  if (parsed === null || formatAddress(parsed) !== given)
    throw new DocumentError('should be a canonical address');
  return given;
};

const ROUTE: Parameters<typeof object<RouteDocument>> = [
  {
    destination: text,
    type: oneOf(...ROUTE_TYPES),
    gateway: address,
    device: text,
    metric: unsigned,
    protocol: unsigned,
    table: unsigned,
    tos: unsigned,
    nextHops: listOf(object<NextHop>({ gateway: orNull(address), device: orNull(text), weight: unsigned })),
  },
  ['type', 'gateway', 'device', 'metric', 'protocol', 'table', 'tos', 'nextHops'],
];
const routeDocument = object<RouteDocument>(...ROUTE);
const openRouteDocument = openObject<RouteDocument>(...ROUTE);

/** A route in its document form. */
export const routeCheck: Check<Route> = (value) => routeOf(routeDocument(value));

function routeOf(document: RouteDocument): Route {
  const destination = parsePrefix(document.destination);
  // Keys compare as text here, too: what is written is what the kernel shows.
  if (destination === null || formatPrefix(destination) !== document.destination)
    throw new DocumentError('should be a canonical CIDR', ['destination']);
  return decodeRoute(document);
}

const owner = openObject<Owner>({
  spec: text,
  mode: oneOf('session', 'persistent'),
  pid: unsigned,
  startTime: text,
  bootId: text,
  networkNamespace: text,
});

/**
 * A route that a claim can be of: what mkplan makes or adopts, and nothing that it would never change. The registry is a
 * file, and a claim decides what is removed.
 */
const claimedRoute: Check<{ readonly known: Route; readonly unknown: Unknown }> = (value) => {
  const { known, unknown } = openRouteDocument(value);
  const route = routeOf(known);
  if (route.table !== MAIN_TABLE) throw new DocumentError('is not main', ['table']);
  if (route.destination.length < 2)
    throw new DocumentError('is the default route or half of it', ['destination']);
  if (route.nextHops.length > 0) throw new DocumentError('should not be there', ['nextHops']);
  if (route.type !== 'unicast' && route.type !== 'unreachable') {
    throw new DocumentError('should be unicast or unreachable', ['type']);
  }
  return { known: route, unknown };
};

const openClaim = openObject<{
  readonly profile: string;
  readonly purpose: Purpose;
  readonly route: ReturnType<typeof claimedRoute>;
  readonly owner: ReturnType<typeof owner>;
  readonly created: string;
  readonly cluster?: string;
}>({ profile: text, purpose: oneOf(...PURPOSES), route: claimedRoute, owner, created: text, cluster: text }, [
  'cluster',
]);

const hasAny = (unknown: Unknown) => Object.keys(unknown).length > 0;

const claim: Check<Claim> = (value) => {
  const { known, unknown: own } = openClaim(value);
  const { route, owner } = known;
  const unknown = {
    ...own,
    ...(hasAny(route.unknown) ? { route: route.unknown } : {}),
    ...(hasAny(owner.unknown) ? { owner: owner.unknown } : {}),
  };
  return { ...known, route: route.known, owner: owner.known, ...(hasAny(unknown) ? { unknown } : {}) };
};

/** A list of claims in their document form. */
export const claimsCheck: Check<readonly Claim[]> = listOf(claim);

const texts = new WeakMap<Claim, string>();

/** A claim as files hold it, as JSON. Made once for each claim: the journal and the registry hold the same ones. */
export function claimText(given: Claim): string {
  const known = texts.get(given);
  if (known !== undefined) return known;
  const made = JSON.stringify(documentOf(given));
  texts.set(given, made);
  return made;
}

function documentOf({ unknown, ...claim }: Claim): ClaimDocument {
  const document: ClaimDocument = { ...claim, route: encodeRoute(claim.route) };
  if (unknown === undefined) return document;
  const { route, owner, ...own } = unknown;
  return {
    ...document,
    route: { ...document.route, ...recordOrNone(route) },
    owner: { ...document.owner, ...recordOrNone(owner) },
    ...own,
  };
}

function recordOrNone(value: unknown): Unknown {
  return value === undefined ? {} : record(value);
}
