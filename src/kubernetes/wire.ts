import { formatAddress, formatPrefix, parseAddress, parsePrefix } from '../model/prefix.ts';

/** An API type as JSON carries it: times are RFC 3339 text. */
export type Wire<T> = T extends Date
  ? string
  : T extends object
    ? { readonly [K in keyof T]: Wire<T[K]> }
    : T;

/** The canonical text of an address; null when it is none. */
export function canonicalAddress(text: string | undefined): string | null {
  const address = parseAddress(text ?? '');
  return address === null ? null : formatAddress(address);
}

/** Canonical CIDRs of the texts that are CIDRs with no host bits set, in order. */
export function canonicalCidrs(texts: readonly string[]): string[] {
  return texts.flatMap((text) => {
    const prefix = text.includes('/') ? parsePrefix(text.trim()) : null;
    return prefix === null ? [] : [formatPrefix(prefix)];
  });
}

/** Order by code unit, the same on every machine whatever its locale. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Order of namespaced objects. */
export function compareNames(
  a: { readonly namespace: string; readonly name: string },
  b: { readonly namespace: string; readonly name: string },
): number {
  return compareText(a.namespace, b.namespace) || compareText(a.name, b.name);
}
