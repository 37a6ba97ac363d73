import { formatAddress, formatPrefix, parseAddress, parseNetwork } from '../../model/prefix.ts';
import { Unexpected } from './expected.ts';

/** An API type as JSON carries it: times are RFC 3339 text. */
export type Wire<T> = T extends Date
  ? string
  : T extends object
    ? { readonly [K in keyof T]: Wire<T[K]> }
    : T;

/**
 * What is read of an API object, and as what: a list has one element, which stands for each. Everything may be
 * missing or null; `any` is looked at where it is used.
 */
export type Shape = 'text' | 'number' | 'flag' | 'any' | readonly [Shape] | { readonly [key: string]: Shape };

const TYPES: Readonly<Record<'text' | 'number' | 'flag', string>> = {
  text: 'string',
  number: 'number',
  flag: 'boolean',
};

/** The path to what is not of its shape; null when all is. */
function misshapen(value: unknown, shape: Shape, path: string): string | null {
  if (value === undefined || value === null || shape === 'any') return null;
  if (typeof shape === 'string') return typeof value === TYPES[shape] ? null : path;
  if (typeof value !== 'object' || Array.isArray(value) !== isListShape(shape)) return path;
  if (isListShape(shape)) return misshapenItem(value as readonly unknown[], shape[0], path);
  const fields = value as Readonly<Record<string, unknown>>;
  for (const key of Object.keys(shape)) {
    const inner = Object.hasOwn(fields, key) ? fields[key] : undefined;
    const found = misshapen(inner, shape[key] ?? 'any', `${path}.${key}`);
    if (found !== null) return found;
  }
  return null;
}

function isListShape(shape: Exclude<Shape, string>): shape is readonly [Shape] {
  return Array.isArray(shape);
}

/** Items of a list are never missing. */
function misshapenItem(items: readonly unknown[], shape: Shape, path: string): string | null {
  for (const [index, item] of items.entries()) {
    const at = `${path}[${index}]`;
    const found = item === undefined || item === null ? at : misshapen(item, shape, at);
    if (found !== null) return found;
  }
  return null;
}

/**
 * The object, if it is as the API's reference has it: nothing is planned on another. Throws Unexpected, which the client
 * turns into the Failure that names the call.
 */
export function requireShape<T>(kind: string, value: T, shape: Shape): T {
  const found = value === undefined || value === null ? kind : misshapen(value, shape, kind);
  if (found === null) return value;
  throw new Unexpected(`the answer is not of the type that the API reference gives it at ${found}`);
}

/** Whether a value is as the API's reference has it; it may be missing. */
export function isShaped(value: unknown, shape: Shape): boolean {
  return misshapen(value, shape, '') === null;
}

/** RFC 3339 in whole seconds, as the API stores the times of conditions and Events. */
export function wireTime(time: Date): string {
  return time.toISOString().replace(/\.\d+Z$/, 'Z');
}

/** The canonical text of an address; null when it is none. */
export function canonicalAddress(text: string | undefined): string | null {
  const address = parseAddress(text ?? '');
  return address === null ? null : formatAddress(address);
}

/** The canonical CIDR of a text, as Kubernetes' programs read it (10.96.0.1/12 is 10.96.0.0/12); null if it is not a CIDR. */
export function canonicalCidr(text: string): string | null {
  const prefix = parseNetwork(text.trim());
  return prefix === null ? null : formatPrefix(prefix);
}

/** How much of a value that makes no sense is shown. */
const LONGEST_QUOTED = 60;

/** A text that is not what its field says, as it is shown to people. */
export function quoted(text: string | undefined): string {
  const shown = JSON.stringify(text ?? '');
  return shown.length > LONGEST_QUOTED ? `${shown.slice(0, LONGEST_QUOTED)}…` : shown;
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
