import { type Family, type Prefix, parsePrefix } from '../../../model/prefix.ts';

const DEFAULT: Readonly<Record<Family, Prefix>> = {
  4: { family: 4, start: 0, length: 0 },
  6: { family: 6, start: 0n, length: 0 },
};

/** A destination as `ip` prints it: `default`, a prefix, or the address of a host route. Null when it is none of the family. */
export function readDestination(text: string, family: Family): Prefix | null {
  const prefix = text === 'default' ? DEFAULT[family] : parsePrefix(text);
  return prefix?.family === family ? prefix : null;
}
