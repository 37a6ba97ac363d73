import { parseAddress, parsePrefix } from '../../../model/prefix.ts';
import type { HostChange } from '../../route-events.ts';

const REMOVED = 'Deleted ';

/**
 * What one line of `ip -N monitor route address link rule` may mean; null for a line that belongs to the one before.
 * A route starts with its destination, or with the number of its type before that; `default` does not say its family.
 * Whatever is not such a line is taken to mean anything.
 */
export function parseEvent(line: string): HostChange | null {
  if (line === '' || /^\s/.test(line)) return null;
  const isRemoved = line.startsWith(REMOVED);
  const told = isRemoved ? line.slice(REMOVED.length) : line;
  const words = told.split(/\s+/);
  const [first = '', second = ''] = words;
  // `5 ff00::/8 dev d1` has a type before it; `2: d1@d0: <…>` is a link, and `50:` a rule.
  const text = /^\d+$/.test(first) ? second : first;
  const destination = text.includes('/') ? parsePrefix(text) : parseAddress(text);
  if (destination === null) return ofDevice(told, isRemoved);
  const wordAfter = (key: string) => (words.includes(key) ? (words[words.indexOf(key) + 1] ?? null) : null);
  const numberOf = (key: string) => {
    const value = wordAfter(key);
    return value !== null && /^\d+$/.test(value) ? Number(value) : null;
  };
  return {
    kind: 'routes',
    destinations: [destination],
    protocol: numberOf('proto'),
    news: { isRemoved, gateway: wordAfter('via'), device: wordAfter('dev'), metric: numberOf('metric') },
  };
}

/**
 * A link (`3: d0@d1: <FLAGS> …`) or an address (`3: d0    inet …`). The kernel tells that a link goes down before it
 * tells of the IPv6 routes that it takes with it; of IPv4 it tells nothing (fib_sync_down_dev).
 */
function ofDevice(told: string, isRemoved: boolean): HostChange {
  const [, device, flags] = /^\d+: ([^\s:@]+)(?:@\S+)?: <([^>]*)>/.exec(told) ?? [];
  if (device !== undefined && flags !== undefined) {
    const isUp = !isRemoved && flags.split(',').includes('UP');
    return isUp ? { kind: 'everything', up: device } : { kind: 'everything', down: device };
  }
  const addressed = /^\d+: (\S+)\s+inet6? /.exec(told)?.[1];
  return addressed === undefined || isRemoved
    ? { kind: 'everything' }
    : { kind: 'everything', up: addressed };
}
