import { type Route, routeKey } from '../model/route.ts';

const keys = new WeakMap<Route, string>();

/** `routeKey`, made once for each route: a transaction asks for the keys of its ten thousand routes again and again. */
export function keyOf(route: Route): string {
  const known = keys.get(route);
  if (known !== undefined) return known;
  const key = routeKey(route);
  keys.set(route, key);
  return key;
}
