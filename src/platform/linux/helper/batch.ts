import { formatPrefix } from '../../../model/prefix.ts';
import type { RouteChange } from '../../route-table.ts';

/**
 * A change as one line of an `ip -batch`, which names the whole key of its route. `add` is exclusive: it fails where
 * a route of the same destination, tos and metric stands.
 *
 * The destination comes last and in quotes. When the helper is killed while it writes, `ip` takes what arrived of
 * the last line for a command; without its end, this one is an error at every length, and not a delete
 * that names less of the key than was meant (tried, byte by byte).
 */
export function batchLine({ op, route }: RouteChange): string {
  return [
    `route ${op === 'add' ? 'add' : 'del'}`,
    `proto ${route.protocol}`,
    `metric ${route.metric}`,
    `tos ${route.tos}`,
    `table ${route.table}`,
    ...(route.gateway === null ? [] : [`via ${route.gateway}`]),
    ...(route.device === null ? [] : [`dev ${route.device}`]),
    `${route.type} "${formatPrefix(route.destination)}"`,
  ].join(' ');
}
