/**
 * Checks of what was read from a file: each takes an unknown value and returns it typed, or throws a
 * {@link DocumentError}. Unknown keys are errors, too, but for an {@link openObject}, which hands them on.
 */

export type Check<T> = (value: unknown) => T;

/** A document that is not what it should be; `path` leads to the value. */
export class DocumentError extends Error {
  readonly problem: string;
  readonly path: readonly string[];

  constructor(problem: string, path: readonly string[] = []) {
    super(path.length === 0 ? problem : `${path.join('.')}: ${problem}`);
    this.name = 'DocumentError';
    this.problem = problem;
    this.path = path;
  }
}

function under(key: string, thrown: unknown): unknown {
  return thrown instanceof DocumentError ? new DocumentError(thrown.problem, [key, ...thrown.path]) : thrown;
}

export const text: Check<string> = (value) => {
  if (typeof value !== 'string') throw new DocumentError('should be text');
  return value;
};

/** A whole number from 0 to 2³² − 1, which is what every number in the state files is. */
export const unsigned: Check<number> = (value) => {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value > 0xffff_ffff) {
    throw new DocumentError('should be a whole number from 0 to 4294967295');
  }
  return value;
};

/** A time in milliseconds: a whole number from 0 that is exact as a double. */
export const milliseconds: Check<number> = (value) => {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) {
    throw new DocumentError('should be a whole number of milliseconds');
  }
  return value;
};

export function oneOf<const T extends string>(...allowed: readonly T[]): Check<T> {
  const known = new Map<unknown, T>(allowed.map((word) => [word, word]));
  return (value) => {
    const found = known.get(value);
    if (found === undefined) throw new DocumentError(`should be one of ${allowed.join(', ')}`);
    return found;
  };
}

export function orNull<T>(check: Check<T>): Check<T | null> {
  return (value) => (value === null ? null : check(value));
}

export function listOf<T>(check: Check<T>): Check<readonly T[]> {
  return (value) => {
    if (!Array.isArray(value)) throw new DocumentError('should be a list');
    return value.map((item: unknown, index) => {
      try {
        return check(item);
      } catch (thrown) {
        throw under(String(index), thrown);
      }
    });
  };
}

/** Any object, its keys not looked at. */
export const record: Check<Readonly<Record<string, unknown>>> = (value) => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new DocumentError('should be an object');
  }
  return value as Readonly<Record<string, unknown>>;
};

type Shape<T> = { readonly [K in keyof T]-?: Check<Exclude<T[K], undefined>> };
type OptionalKeys<T> = { [K in keyof T]-?: undefined extends T[K] ? K : never }[keyof T];

/** What an object has beside the keys that are known. */
export type Unknown = Readonly<Record<string, unknown>>;

/** Reads the keys of a shape; others are not looked at. */
function members<T extends object>(
  shape: Shape<T>,
  optional: readonly string[],
): { readonly isKnown: (key: string) => boolean; readonly read: (given: Unknown) => T } {
  const checks = new Map<string, Check<unknown>>(Object.entries(shape));
  const mayLack = new Set<string>(optional);
  const read = (given: Unknown) => {
    const result: Record<string, unknown> = {};
    for (const [key, check] of checks) {
      if (!Object.hasOwn(given, key)) {
        if (mayLack.has(key)) continue;
        throw new DocumentError('is missing', [key]);
      }
      try {
        result[key] = check(given[key]);
      } catch (thrown) {
        throw under(key, thrown);
      }
    }
    return result as T;
  };
  return { isKnown: (key) => checks.has(key), read };
}

/** An object of exactly these keys; those of `optional` may be missing. */
export function object<T extends object>(
  shape: Shape<T>,
  optional: readonly (OptionalKeys<T> & string)[] = [],
): Check<T> {
  const { isKnown, read } = members(shape, optional);
  return (value) => {
    const given = record(value);
    const strange = Object.keys(given).find((key) => !isKnown(key));
    if (strange !== undefined) throw new DocumentError('is not known', [strange]);
    return read(given);
  };
}

/** An object of at least these keys; those of `optional` may be missing. What else it has comes with it. */
export function openObject<T extends object>(
  shape: Shape<T>,
  optional: readonly (OptionalKeys<T> & string)[] = [],
): Check<{ readonly known: T; readonly unknown: Unknown }> {
  const { isKnown, read } = members(shape, optional);
  return (value) => {
    const given = record(value);
    return {
      known: read(given),
      unknown: Object.fromEntries(Object.entries(given).filter(([key]) => !isKnown(key))),
    };
  };
}
