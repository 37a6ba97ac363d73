import { parseAddress, parsePrefix } from '../../src/model/prefix.ts';
import { rangeHolds, rangeOf } from '../../src/model/range.ts';

/** Whether one of the pools has an address. */
export function lookupPool(pool: readonly string[], text: string): boolean {
  const address = parseAddress(text);
  if (address === null) return false;
  return pool.some((cidr) => {
    const prefix = parsePrefix(cidr);
    return prefix !== null && rangeHolds(rangeOf(prefix), address);
  });
}
