import { Failure } from '../../src/model/diagnostic.ts';
import { type Json, mutateBytes, mutateJson } from './mutate.ts';
import type { Random } from './random.ts';

/** A reader of untrusted input, with inputs for it. */
export interface Target {
  readonly name: string;
  /** Makes one input. */
  make(random: Random): Buffer;
  /**
   * Reads an input: whether it was accepted. Throws for whatever must not happen: any error but the reader's own,
   * and an accepted input that was not wholly understood.
   */
  read(input: Buffer): boolean | Promise<boolean>;
}

/** What was accepted and should not have been, or not as it was. */
class Violation extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'Violation';
  }
}

export function must(holds: boolean, message: string): asserts holds {
  if (!holds) throw new Violation(message);
}

/** The value, or null where the reader refused as it should: by a Failure, or an error of this class. */
export function tried<T>(
  read: () => T,
  Refusal: new (...args: never[]) => Error = Failure,
): { value: T } | null {
  try {
    return { value: read() };
  } catch (thrown) {
    if (thrown instanceof Failure || thrown instanceof Refusal) return null;
    throw thrown;
  }
}

/** Mutations of JSON documents: mostly of their values, else of their bytes. `seal` writes a value as the reader takes it. */
export function jsonInputs(
  seeds: readonly [Json, ...Json[]],
  seal: (value: Json) => string = JSON.stringify,
): (random: Random) => Buffer {
  const texts = seeds.map((seed) => Buffer.from(seal(seed)));
  return (random) => {
    if (!random.oneIn(4)) return Buffer.from(seal(mutateJson(random.pick(seeds), random)));
    return mutateBytes(random.pick(texts), random, texts);
  };
}

/** Mutations of text: mostly of its bytes, else of the values that it stands for, written as JSON (which YAML is a form of). */
export function textInputs(
  seeds: readonly string[],
  values: readonly Json[] = [],
): (random: Random) => Buffer {
  const texts = seeds.map((seed) => Buffer.from(seed));
  return (random) => {
    if (values.length > 0 && random.oneIn(2)) {
      return Buffer.from(JSON.stringify(mutateJson(random.pick(values), random), null, random.below(3)));
    }
    return mutateBytes(random.pick(texts), random, texts);
  };
}
