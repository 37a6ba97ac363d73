import { formatPrefix } from '../../../model/prefix.ts';
import { formatRoute, isPlain, MAIN_TABLE, type Route, routeKey } from '../../../model/route.ts';
import type { CommandOptions, CommandRunner } from '../../command.ts';
import type { RouteChange } from '../../route-table.ts';
import { parseRoutes } from '../parse/routes.ts';

/** Whether a change deletes a plain route: its key alone does not say which route the kernel takes. */
export function deletesPlain({ op, route }: RouteChange): boolean {
  return op === 'delete' && isPlain(route);
}

/**
 * Routes of table main that have the family and the protocol of `like`: among them is every route that the kernel could
 * take for it. Throws a Failure or an Error when `ip` does not tell all of them.
 */
export async function readAlike(
  { destination: { family }, protocol }: Route,
  runner: CommandRunner,
  ip: string,
  child: CommandOptions,
): Promise<Route[]> {
  const select = ['table', String(MAIN_TABLE), 'proto', String(protocol)];
  const argv = [ip, '-N', '-json', '-details', `-${family}`, 'route', 'show', ...select] as const;
  const { code, stdout, stderr, timedOut } = await runner.run(argv, { ...child, large: true });
  if (timedOut) throw new Error(`ip did not end within ${child.timeoutMs / 1000} s`);
  // A dump that was interrupted is told of on standard error alone.
  if (code !== 0 || stderr !== '') throw new Error(stderr.trim() || `ip ended with ${code ?? 'a signal'}`);
  return parseRoutes(stdout, family, { table: MAIN_TABLE, protocol });
}

/**
 * Why each of these plain routes is not deleted, one after the other, given those that stand; null where it is the one
 * route that the kernel could take for it.
 */
export function whyNotDeleted(routes: readonly Route[], standing: readonly Route[]): (string | null)[] {
  const at = new Map(routes.map(({ destination }): [string, Route[]] => [formatPrefix(destination), []]));
  for (const other of standing) at.get(formatPrefix(other.destination))?.push(other);
  return routes.map((route) => {
    const there = at.get(formatPrefix(route.destination)) ?? [];
    const matched = there.filter((other) => couldBeMeant(route, other));
    const why = whyNotTheOne(route, matched);
    // Another delete of it must not find it again.
    if (why === null)
      at.set(
        formatPrefix(route.destination),
        there.filter((other) => !matched.includes(other)),
      );
    return why;
  });
}

function whyNotTheOne(route: Route, matched: readonly Route[]): string | null {
  if (matched.length === 0) return 'the kernel shows no such route (ESRCH: no such process)';
  const other = matched.find((one) => routeKey(one) !== routeKey(route)) ?? matched[1];
  return other === undefined ? null : `the kernel could take another route for it: ${formatRoute(other)}`;
}

/**
 * Whether the kernel might remove `other` when asked to delete `route`, of the same table and destination. IPv4 reads
 * metric 0 as any, and compares the first path alone of several (fib_table_delete, fib_nh_match); IPv6 takes one path out
 * of several (ip6_route_del). Nexthop objects, encapsulations and the order of paths are left out: kernels differ.
 */
function couldBeMeant(route: Route, other: Route): boolean {
  const anyMetric = route.metric === 0 && route.destination.family === 4;
  return (
    other.type === route.type &&
    other.tos === route.tos &&
    other.protocol === route.protocol &&
    (anyMetric || other.metric === route.metric) &&
    [other, ...other.nextHops].some((hop) => hop.gateway === route.gateway && hop.device === route.device)
  );
}
