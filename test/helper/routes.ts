import { decodeRoute, type Route, type RouteDocument } from '../../src/model/route.ts';
import type { RouteChange } from '../../src/platform/route-table.ts';

/** A route that the helper lets pass. */
export function ours(document: Partial<RouteDocument> = {}): Route {
  return decodeRoute({
    destination: '10.96.0.0/12',
    gateway: '192.168.39.10',
    device: 'virbr0',
    metric: 109,
    protocol: 109,
    ...document,
  });
}

/** One that closes a pool. */
export function guard(destination: string): Route {
  const device = destination.includes(':') ? { device: 'lo' } : {};
  return decodeRoute({ destination, type: 'unreachable', metric: 109, protocol: 109, ...device });
}

export function add(route: Route): RouteChange {
  return { op: 'add', route };
}

export function remove(route: Route): RouteChange {
  return { op: 'delete', route };
}
