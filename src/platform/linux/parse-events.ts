import { parseAddress, parsePrefix } from '../../model/prefix.ts';
import type { HostChange } from '../route-events.ts';

const EVERYTHING: HostChange = { kind: 'everything' };

/**
 * What one line of `ip -N monitor route address link rule` may mean; null for a line that belongs to the one before.
 * A route starts with its destination, or with the number of its type before that; `default` does not say its family.
 * Whatever is not such a line is taken to mean anything.
 */
export function parseEvent(line: string): HostChange | null {
  if (line === '' || /^\s/.test(line)) return null;
  const [first = '', second = ''] = line.replace(/^Deleted /, '').split(/\s+/, 2);
  // `5 ff00::/8 dev d1` has a type before it; `2: d1@d0: <…>` is a link, and `50:` a rule.
  const text = /^\d+$/.test(first) ? second : first;
  const destination = text.includes('/') ? parsePrefix(text) : parseAddress(text);
  if (destination === null) return EVERYTHING;
  const protocol = / proto (\d+) /.exec(`${line} `)?.[1];
  return {
    kind: 'routes',
    destinations: [destination],
    protocol: protocol === undefined ? null : Number(protocol),
  };
}
