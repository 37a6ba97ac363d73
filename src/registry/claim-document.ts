import type { Claim, ClaimDocument, Owner } from '../model/claim.ts';
import { PURPOSES } from '../model/plan.ts';
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
import { type Check, DocumentError, listOf, object, oneOf, orNull, text, unsigned } from './check.ts';

const address: Check<string> = (value) => {
  const given = text(value);
  const parsed = parseAddress(given);
  // Keys compare as text, so another spelling of the same address would match nothing.
  if (parsed === null || formatAddress(parsed) !== given)
    throw new DocumentError('should be a canonical address');
  return given;
};

const routeDocument = object<RouteDocument>(
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
);

/** A route in its document form. */
export const routeCheck: Check<Route> = (value) => {
  const document = routeDocument(value);
  const destination = parsePrefix(document.destination);
  // Keys compare as text here, too: what is written is what the kernel shows.
  if (destination === null || formatPrefix(destination) !== document.destination)
    throw new DocumentError('should be a canonical CIDR', ['destination']);
  return decodeRoute(document);
};

const owner = object<Owner>({
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
const claimedRoute: Check<Route> = (value) => {
  const route = routeCheck(value);
  if (route.table !== MAIN_TABLE) throw new DocumentError('is not main', ['table']);
  if (route.destination.length < 2)
    throw new DocumentError('is the default route or half of it', ['destination']);
  if (route.nextHops.length > 0) throw new DocumentError('should not be there', ['nextHops']);
  if (route.type !== 'unicast' && route.type !== 'unreachable') {
    throw new DocumentError('should be unicast or unreachable', ['type']);
  }
  return route;
};

const claim = object<Claim>({
  profile: text,
  purpose: oneOf(...PURPOSES),
  route: claimedRoute,
  owner,
  created: text,
});

/** A list of claims in their document form. */
export const claimsCheck: Check<readonly Claim[]> = listOf(claim);

const texts = new WeakMap<Claim, string>();

/** A claim as files hold it, as JSON. Made once for each claim: the journal and the registry hold the same ones. */
export function claimText(given: Claim): string {
  const known = texts.get(given);
  if (known !== undefined) return known;
  const document: ClaimDocument = { ...given, route: encodeRoute(given.route) };
  const made = JSON.stringify(document);
  texts.set(given, made);
  return made;
}
