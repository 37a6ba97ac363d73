import { readFileSync } from 'node:fs';

/** What iproute2 6.1 printed in a namespace that has a route of every kind, one row a line. */
export function fixture(name: string): string {
  return readFileSync(new URL(`fixtures/${name}`, import.meta.url), 'utf8');
}
