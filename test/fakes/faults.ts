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
  #fail: { readonly at: number; readonly errorAt: (name: string) => Error } | null = null;
  /** The operation that failed; null while none has. */
  failed: string | null = null;
  readonly #hooks = new Map<number, () => void>();

  killAt(operation: number): this {
    this.#killAt = operation;
    return this;
  }

  /**
   * Fails the operation of this number, once; the process lives on. Before the work it was refused, after it the reply
   * was lost. `errorAt` makes what is thrown at an operation of that name.
   */
  failAt(operation: number, errorAt: (name: string) => Error): this {
    this.#fail = { at: operation, errorAt };
    return this;
  }

  /** Whether the next operation is the one that fails or kills. */
  get strikesNext(): boolean {
    const next = this.operations.length + 1;
    return next === this.#fail?.at || next >= this.#killAt;
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
    if (this.operations.length === this.#fail?.at) {
      this.failed = name;
      throw this.#fail.errorAt(name);
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
