import { isDeepStrictEqual } from 'node:util';
import { isMap, isNode, isScalar, isSeq, type LineCounter, type Node } from 'yaml';
import { Failure, type SourcePosition } from '../model/diagnostic.ts';
import {
  formatAddress,
  formatPrefix,
  type Prefix,
  parseAddress,
  parsePrefix,
  truncate,
} from '../model/prefix.ts';

/** A place in a YAML document that is being decoded. */
export class Cursor {
  readonly node: Node | null;
  /** Dotted path from the top, for people. */
  readonly path: string;
  readonly #file: string;
  readonly #lines: LineCounter;
  readonly #offset: number;

  constructor(node: Node | null, path: string, source: { file: string; lines: LineCounter; offset: number }) {
    this.node = node;
    this.path = path;
    this.#file = source.file;
    this.#lines = source.lines;
    // A value that was left empty has no range of its own: the key before it says where it is.
    this.#offset = node?.range?.[0] ?? source.offset;
  }

  /** A place below this one. */
  below(node: unknown, key: string | number): Cursor {
    const path =
      typeof key === 'number' ? `${this.path}[${key}]` : [this.path, key].filter(Boolean).join('.');
    const source = { file: this.#file, lines: this.#lines, offset: this.#offset };
    return new Cursor(isNode(node) ? node : null, path, source);
  }

  get position(): SourcePosition {
    const { line, col } = this.#lines.linePos(this.#offset);
    return { file: this.#file, line, column: col };
  }

  /** The value of a scalar; undefined for anything else, aliases included. */
  scalar(): unknown {
    if (this.node === null) return null;
    return isScalar(this.node) ? this.node.value : undefined;
  }

  /** Throws the Failure that says what stands here wrongly. */
  fail(reason: string): never {
    throw malformedObservation(`${this.path || 'the document'} ${reason}`, this.position);
  }
}

/** The Failure for a file that is no observation. */
export function malformedObservation(summary: string, at: SourcePosition): Failure {
  return new Failure('error', [
    {
      code: 'observation-malformed',
      severity: 'error',
      summary,
      cause: 'The file is not an observation as `mkplan observe` writes it.',
      fix: 'Correct that line, or record the observation again.',
      command: 'mkplan observe --out observed.yaml',
      at,
    },
  ]);
}

/** The two directions between a value and what a file holds of it. */
export interface Codec<T> {
  encode(value: T): unknown;
  /** Throws a Failure with file, line and column. */
  decode(at: Cursor): T;
}

/** What a record says of one key: its codec, and what a missing key means. */
export type Field<T> =
  | { readonly codec: Codec<T>; readonly when: 'required' | 'omitted' }
  | { readonly codec: Codec<T>; readonly when: 'default'; readonly fallback: T };

type Fields<T> = { readonly [K in keyof T]-?: Field<Exclude<T[K], undefined>> };

/** A key that must be there. */
export function required<T>(codec: Codec<T>): Field<T> {
  return { codec, when: 'required' };
}

/** A key that is left out when it has its usual value. */
export function usually<T>(codec: Codec<T>, fallback: T): Field<T> {
  return { codec, when: 'default', fallback };
}

/** A key that may be missing from the value itself. */
export function omitted<T>(codec: Codec<T>): Field<T> {
  return { codec, when: 'omitted' };
}

function scalarCodec<T>(what: string, accepts: (value: unknown) => value is T): Codec<T> {
  return {
    encode: (value) => value,
    decode(at) {
      const value = at.scalar();
      return accepts(value) ? value : at.fail(`is not ${what}`);
    },
  };
}

export const text: Codec<string> = scalarCodec('text', (value) => typeof value === 'string');
export const flag: Codec<boolean> = scalarCodec('true or false', (value) => typeof value === 'boolean');
export const count: Codec<number> = scalarCodec(
  'a whole number, 0 or more',
  (value): value is number => Number.isSafeInteger(value) && (value as number) >= 0,
);

/** Exactly these texts or numbers. */
export function oneOf<const T extends string | number>(...values: readonly T[]): Codec<T> {
  const isOne = (value: unknown): value is T => (values as readonly unknown[]).includes(value);
  return scalarCodec(`one of ${values.join(', ')}`, isOne);
}

/** A value or null. */
export function nullable<T>(codec: Codec<T>): Codec<T | null> {
  return {
    encode: (value) => (value === null ? null : codec.encode(value)),
    decode: (at) => (at.scalar() === null ? null : codec.decode(at)),
  };
}

/** A value that the file holds as another: `decode` answers null for what it cannot take. */
export function converted<T, U>(
  codec: Codec<U>,
  what: string,
  encode: (value: T) => U,
  decode: (held: U) => T | null,
): Codec<T> {
  return {
    encode: (value) => codec.encode(encode(value)),
    decode: (at) => decode(codec.decode(at)) ?? at.fail(`is not ${what}`),
  };
}

/** An IPv4 or IPv6 address, canonical once read. */
export const address: Codec<string> = converted(text, 'an IP address', String, (held) => {
  const parsed = parseAddress(held);
  return parsed === null ? null : formatAddress(parsed);
});

/** A prefix, in CIDR notation. */
export const cidr: Codec<Prefix> = converted(text, 'a CIDR without host bits', formatPrefix, parsePrefix);

export function list<T>(codec: Codec<T>): Codec<readonly T[]> {
  return {
    encode: (values) => values.map((value) => codec.encode(value)),
    decode(at) {
      if (!isSeq(at.node)) return at.fail('is not a list');
      return at.node.items.map((item, index) => codec.decode(at.below(item, index)));
    },
  };
}

/** The entries of a mapping, in order. */
function entriesOf(at: Cursor): [string, Cursor][] {
  if (!isMap(at.node)) return at.fail('is not a mapping');
  return at.node.items.map(({ key, value }) => {
    const place = at.below(key, '');
    const name = place.scalar();
    if (typeof name !== 'string') return place.fail('has a key that is not text');
    return [name, place.below(value, name)];
  });
}

/** A mapping of any keys. */
export function dictionary<T>(codec: Codec<T>): Codec<Readonly<Record<string, T>>> {
  return {
    encode: (values) =>
      Object.fromEntries(Object.entries(values).map(([key, value]) => [key, codec.encode(value)])),
    decode: (at) => Object.fromEntries(entriesOf(at).map(([key, value]) => [key, codec.decode(value)])),
  };
}

/** A mapping of exactly these keys; an unknown key is an error. */
export function record<T extends object>(fields: Fields<T>): Codec<T> {
  const known = Object.entries(fields) as [keyof T & string, Field<unknown>][];
  const names = new Set<string>(known.map(([name]) => name));
  return {
    encode(value) {
      const kept = known.flatMap(([name, field]): [string, unknown][] => {
        if (value[name] === undefined) return [];
        const encoded = field.codec.encode(value[name]);
        const isUsual =
          field.when === 'default' && isDeepStrictEqual(encoded, field.codec.encode(field.fallback));
        return isUsual ? [] : [[name, encoded]];
      });
      return Object.fromEntries(kept);
    },
    decode(at) {
      const entries = new Map(entriesOf(at));
      for (const [name, place] of entries) if (!names.has(name)) place.fail('is not a known key');
      const decoded = known.flatMap(([name, field]): [string, unknown][] => {
        const place = entries.get(name);
        if (place !== undefined) return [[name, field.codec.decode(place)]];
        if (field.when === 'default') return [[name, field.fallback]];
        return field.when === 'omitted' ? [] : at.fail(`lacks the key ${name}`);
      });
      return Object.fromEntries(decoded) as T;
    },
  };
}

/** A CIDR whose host bits are zero. */
export const canonicalCidr: Codec<string> = converted(cidr, 'a CIDR', toPrefix, formatPrefix);

function toPrefix(canonical: string): Prefix {
  const [start = '', length = ''] = canonical.split('/');
  const parsed = parseAddress(start);
  if (parsed === null) throw new RangeError(`not a canonical CIDR: ${canonical}`);
  return truncate(parsed, Number(length));
}
