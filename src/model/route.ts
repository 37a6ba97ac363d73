import { comparePrefixes, formatPrefix, type Prefix, parsePrefix } from './prefix.ts';

/** Linux routing table numbers (ip-route(8), /etc/iproute2/rt_tables). */
export const MAIN_TABLE = 254;
export const LOCAL_TABLE = 255;

/** Linux route protocol that mkplan writes on its routes unless told otherwise; unassigned in rt_protos. */
export const DEFAULT_PROTOCOL = 109;

/** What the kernel calls a route whose maker named no protocol (rtnetlink(7), RTPROT_BOOT). */
const BOOT_PROTOCOL = 3;

/** Names of route protocols that people know (/etc/iproute2/rt_protos). */
export const PROTOCOL_NAMES: Readonly<Record<number, string>> = {
  2: 'kernel',
  3: 'boot',
  4: 'static',
  9: 'ra',
  12: 'bird',
  16: 'dhcp',
  186: 'bgp',
  187: 'isis',
  188: 'ospf',
  189: 'rip',
};

/**
 * The metrics of mkplan's routes. Always explicit and above 1, since `ip route del … metric 0` matches any
 * metric. A route that moves to another next hop goes in at the other one first, so the destination always has a route.
 */
export const METRICS: readonly [number, number] = [109, 110];

/** Types of routes (ip-route(8)); `other` stands for those that mkplan does not know. */
export const ROUTE_TYPES = [
  'unicast',
  'local',
  'broadcast',
  'anycast',
  'multicast',
  'blackhole',
  'unreachable',
  'prohibit',
  'throw',
  'other',
] as const;

export type RouteType = (typeof ROUTE_TYPES)[number];

/** One path of a multipath route. */
export interface NextHop {
  readonly gateway: string | null;
  readonly device: string | null;
  readonly weight: number;
}

/**
 * A route as the kernel shows it. Text addresses are canonical (RFC 5952), so they compare as strings.
 * Lifetimes, counters and cache data are left out: they change without the route changing.
 */
export interface Route {
  readonly type: RouteType;
  /** What is matched; its family is the route's. 0.0.0.0/0 and ::/0 are the default routes. */
  readonly destination: Prefix;
  readonly tos: number;
  readonly table: number;
  /** Lower wins; 0 when the kernel shows none. Windows: RouteMetric. */
  readonly metric: number;
  /** The next hop's address; null where the destination is on-link or the type has no next hop. */
  readonly gateway: string | null;
  readonly device: string | null;
  /** Who installed it: Linux `proto` as a number. */
  readonly protocol: number;
  /** More than one path (ip-route(8) `nexthop`); empty for the ordinary single path. */
  readonly nextHops: readonly NextHop[];
}

/** Everything that identifies a route to the kernel, and so everything that a delete must name. */
export function routeKey(route: Route): string {
  return [
    route.type,
    formatPrefix(route.destination),
    `tos ${route.tos}`,
    `table ${route.table}`,
    `metric ${route.metric}`,
    `via ${route.gateway ?? '-'}`,
    `dev ${route.device ?? '-'}`,
    `proto ${route.protocol}`,
    ...route.nextHops.map((hop) => `nexthop ${hop.gateway ?? '-'} ${hop.device ?? '-'} ${hop.weight}`),
  ].join(' ');
}

/** Whether two routes send a packet the same way: type, next hop and device; metric and protocol do not count. */
export function sameNextHop(a: Route, b: Route): boolean {
  return (
    a.type === b.type &&
    a.gateway === b.gateway &&
    a.device === b.device &&
    a.nextHops.length === 0 &&
    b.nextHops.length === 0
  );
}

/**
 * Whether a route is what `ip route add DESTINATION via GATEWAY` makes, by hand or by `minikube tunnel`: protocol boot, and
 * no metric asked for (0, which IPv6 shows as 1024).
 */
export function isPlain(route: Route): boolean {
  return (
    route.type === 'unicast' &&
    route.protocol === BOOT_PROTOCOL &&
    route.metric === (route.destination.family === 4 ? 0 : 1024)
  );
}

/** Order for output: destination, then metric, then everything else of the key. */
export function compareRoutes(a: Route, b: Route): number {
  const byDestination = comparePrefixes(a.destination, b.destination) || a.metric - b.metric;
  if (byDestination !== 0) return byDestination;
  const [keyA, keyB] = [routeKey(a), routeKey(b)];
  return keyA < keyB ? -1 : keyA > keyB ? 1 : 0;
}

/** A route as files hold it; what is usual is left out. */
export interface RouteDocument {
  readonly destination: string;
  readonly type?: RouteType;
  readonly gateway?: string;
  readonly device?: string;
  readonly metric?: number;
  readonly protocol?: number;
  readonly table?: number;
  readonly tos?: number;
  readonly nextHops?: readonly NextHop[];
}

/** The document form: unicast, table main, metric 0, tos 0 and protocol 0 are left out. */
export function encodeRoute(route: Route): RouteDocument {
  return {
    destination: formatPrefix(route.destination),
    ...(route.type === 'unicast' ? {} : { type: route.type }),
    ...(route.gateway === null ? {} : { gateway: route.gateway }),
    ...(route.device === null ? {} : { device: route.device }),
    ...(route.metric === 0 ? {} : { metric: route.metric }),
    ...(route.protocol === 0 ? {} : { protocol: route.protocol }),
    ...(route.table === MAIN_TABLE ? {} : { table: route.table }),
    ...(route.tos === 0 ? {} : { tos: route.tos }),
    ...(route.nextHops.length === 0 ? {} : { nextHops: route.nextHops }),
  };
}

/** The inverse of {@link encodeRoute}. Throws a RangeError on a malformed destination. */
export function decodeRoute(document: RouteDocument): Route {
  const destination = parsePrefix(document.destination);
  if (destination === null) throw new RangeError(`not a canonical CIDR: ${document.destination}`);
  return {
    type: document.type ?? 'unicast',
    destination,
    tos: document.tos ?? 0,
    table: document.table ?? MAIN_TABLE,
    metric: document.metric ?? 0,
    gateway: document.gateway ?? null,
    device: document.device ?? null,
    protocol: document.protocol ?? 0,
    nextHops: document.nextHops ?? [],
  };
}

/** One line as `ip route` prints it, for people. */
export function formatRoute(route: Route): string {
  return [
    ...(route.type === 'unicast' ? [] : [route.type]),
    route.destination.length === 0 ? 'default' : formatPrefix(route.destination),
    ...(route.gateway === null ? [] : ['via', route.gateway]),
    ...(route.device === null ? [] : ['dev', route.device]),
    ...route.nextHops.map((hop) => `nexthop via ${hop.gateway ?? '-'} dev ${hop.device ?? '-'}`),
    ...(route.table === MAIN_TABLE ? [] : [`table ${route.table}`]),
    ...(route.protocol === 0 ? [] : [`proto ${PROTOCOL_NAMES[route.protocol] ?? route.protocol}`]),
    ...(route.metric === 0 ? [] : [`metric ${route.metric}`]),
  ].join(' ');
}
