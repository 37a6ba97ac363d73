/** What a process that was killed throws at everything that it still tries. */
class Crash extends Error {}

/**
 * Counts the operations of every fake and wrapped port, and kills at the Nth: from then on nothing works any more,
 * as in a process that is gone.
 */
export class Faults {
  readonly operations: string[] = [];
  #killAt = Number.POSITIVE_INFINITY;
  #dead = false;
  readonly #hooks = new Map<number, () => void>();

  killAt(operation: number): this {
    this.#killAt = operation;
    return this;
  }

  /** Runs a hook before the operation of this number, counted from 1: somebody else acts in between. */
  before(operation: number, hook: () => void): this {
    this.#hooks.set(operation, hook);
    return this;
  }

  get crashed(): boolean {
    return this.#dead;
  }

  step(name: string): void {
    if (this.crashed) throw new Crash(`dead at ${name}`);
    this.operations.push(name);
    this.#hooks.get(this.operations.length)?.();
    if (this.operations.length >= this.#killAt) {
      this.#dead = true;
      throw new Crash(`killed at ${name}`);
    }
  }

  /** Wraps a port, so that each of its methods can be killed before and after its work. */
  wrap<T extends object>(name: string, port: T): T {
    return new Proxy(port, {
      get: (target, property, receiver) => {
        const value: unknown = Reflect.get(target, property, receiver);
        if (typeof value !== 'function') return value;
        return async (...args: unknown[]): Promise<unknown> => {
          this.step(`before ${name}.${String(property)}`);
          const result: unknown = await Reflect.apply(value, target, args);
          this.step(`after ${name}.${String(property)}`);
          return result;
        };
      },
    });
  }
}
