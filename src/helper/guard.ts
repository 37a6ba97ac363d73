import { formatAddress, type Prefix, parseAddress } from '../model/prefix.ts';
import { isPlain, MAIN_TABLE, type Route } from '../model/route.ts';
import { whyNotPrivate } from '../model/scope.ts';
import type { Capabilities } from '../model/system.ts';
import type { RouteChange } from '../platform/route-table.ts';

/** Largest metric: an unsigned 32-bit number. */
const MAX_METRIC = 0xffff_ffff;

/** `boot`, `static` and below belong to the kernel and to people (/etc/iproute2/rt_protos); a protocol is one byte. */
const LOWEST_PROTOCOL = 5;
const HIGHEST_PROTOCOL = 255;

/**
 * A device name as the kernel takes it (dev_valid_name: at most 15 bytes, no slash, colon or white space), less
 * what `ip` would read as an option, and less the quotes, `#` and `\` that its batches give a meaning.
 */
const DEVICE = /^(?!-)[^\s/:"'#\\\p{Cc}]{1,15}$/u;

/**
 * Why the helper does not make a change for any caller; null when it does. It is the last to look before root
 * acts, and believes nothing that was checked elsewhere: private destinations of table main alone, by routes that
 * carry a metric of their own, and a protocol where the system has them, and name their whole key. The one exception is a plain route, with
 * gateway and device named: such are adopted by `mkplan import`, and left behind by `minikube tunnel`. `allowed` are the
 * ranges that the host's policy adds to the private ones.
 */
export function whyRefused(
  { op, route }: RouteChange,
  capabilities: Capabilities,
  allowed: readonly Prefix[] = [],
): string | null {
  const public_ = whyNotPrivate(route.destination, allowed);
  if (public_ !== null) return public_;
  if (route.table !== MAIN_TABLE) return `table ${route.table} is not main`;
  if (route.tos !== 0) return `tos ${route.tos} is not 0`;
  if (route.nextHops.length > 0)
    return 'a route with several next hops, or an unusual one, is not one of ours';
  const unmarked = isPlain(route) ? null : whyUnmarked(route, capabilities);
  if (unmarked !== null) return unmarked;
  if (route.type === 'unicast') return whyNotUnicast(route, op);
  if (route.type === 'unreachable' && capabilities.guards) return whyNotUnreachable(route);
  return capabilities.guards
    ? `type ${route.type} is neither unicast nor unreachable`
    : `type ${route.type} is not unicast`;
}

function whyUnmarked({ metric, protocol }: Route, { protocols }: Capabilities): string | null {
  if (metric < 2 || metric > MAX_METRIC) return `metric ${metric} is not from 2 to 2^32-1`;
  if (!protocols) return protocol === 0 ? null : `protocol ${protocol} is one that routes here cannot have`;
  return protocol < LOWEST_PROTOCOL || protocol > HIGHEST_PROTOCOL
    ? `protocol ${protocol} is not from ${LOWEST_PROTOCOL} to ${HIGHEST_PROTOCOL}`
    : null;
}

function whyNotUnicast(route: Route, op: RouteChange['op']): string | null {
  const gateway = route.gateway === null ? null : parseAddress(route.gateway);
  if (gateway === null) return 'the gateway is not an address';
  // As every key has it; nothing else is ever written to a batch.
  if (formatAddress(gateway) !== route.gateway) return 'the gateway is not in canonical form';
  if (gateway.family !== route.destination.family) return 'the gateway is of the other family';
  // An add without device is for the kernel to judge; a delete without one would match a route on any device.
  if (route.device === null) return op === 'add' ? null : 'a delete has to name the device';
  return isDeviceName(route.device) ? null : 'the device is not a name that a device can have';
}

function whyNotUnreachable(route: Route): string | null {
  if (route.gateway !== null) return 'an unreachable route has no gateway';
  // As Linux shows it. A delete that does not name lo would match a unicast route as well (IPv6; tried).
  const device = route.destination.family === 6 ? 'lo' : null;
  return route.device === device
    ? null
    : `an unreachable route of this family is on ${device ?? 'no device'}`;
}

function isDeviceName(name: string): boolean {
  return DEVICE.test(name) && name !== '.' && name !== '..' && Buffer.byteLength(name) <= 15;
}
