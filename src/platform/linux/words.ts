import { formatPrefix } from '../../model/prefix.ts';
import type { Route } from '../../model/route.ts';
import type { Explanation, RouteWords } from '../route-table.ts';

function keyWords(route: Route): string {
  return [
    ...(route.type === 'unicast' ? [] : [route.type]),
    formatPrefix(route.destination),
    ...(route.gateway === null ? [] : ['via', route.gateway]),
    ...(route.device === null ? [] : ['dev', route.device]),
    ...(route.tos === 0 ? [] : ['tos', `0x${route.tos.toString(16)}`]),
    'table',
    String(route.table),
    'proto',
    String(route.protocol),
    'metric',
    String(route.metric),
  ].join(' ');
}

/**
 * What the kernel's words mean here, for people (errno names as in rtnetlink(7), texts as iproute2 and the kernel's
 * extended acknowledgements give them). Nothing steers by it: success is judged by rereading.
 */
const EXPLANATIONS: readonly { readonly said: RegExp; readonly explain: (route: Route) => Explanation }[] = [
  {
    said: /network is unreachable|invalid gateway|no route to host|gateway can not be/i,
    explain: (route) => ({
      code: 'gateway-unreachable',
      cause: `the gateway ${route.gateway ?? '(none)'} is on no network of this host`,
      fix: 'Start the VM if it is stopped, and check that spec.profiles[].gateway is an address on a network of this host.',
    }),
  },
  {
    said: /file exists/i,
    explain: (route) => ({
      code: 'route-exists',
      cause: `another route to ${formatPrefix(route.destination)} with metric ${route.metric} is there already`,
      fix: 'Run `mkplan plan`: it shows that route as a conflict, with what resolves it.',
    }),
  },
  {
    said: /operation not permitted|permission denied/i,
    explain: () => ({
      code: 'route-not-permitted',
      cause: 'the right to change routes (CAP_NET_ADMIN) is missing',
      fix: 'Allow mkplan to use sudo for its helper, or run it where CAP_NET_ADMIN is at hand.',
    }),
  },
  {
    said: /no such process/i,
    explain: () => ({
      code: 'route-gone',
      cause: 'the kernel has no such route any more',
      fix: 'Run `mkplan plan` again: it shows what is there now.',
    }),
  },
  {
    said: /cannot find device|no such device|network is down|not up|is down/i,
    explain: (route) => ({
      code: 'device-down',
      cause: `the device ${route.device ?? '(none)'} is gone or down`,
      fix: 'Start the VM or its network, so that the device is up, and run the command again.',
    }),
  },
];

/** The words of ip-route(8), where a family follows from the destination, and of the kernel. */
export const LINUX_WORDS: RouteWords = {
  show: ({ destination, table }) =>
    `ip -${destination.family} route show table ${table} exact ${formatPrefix(destination)}`,
  remove: (route) => `sudo ip route del ${keyWords(route)}`,
  restore: (route) => `sudo ip route add ${keyWords(route)}`,
  explain: (text, route) => EXPLANATIONS.find(({ said }) => said.test(text))?.explain(route) ?? null,
};
