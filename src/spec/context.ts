import type { Diagnostic, SourcePosition } from '../model/diagnostic.ts';
import type { Prefix } from '../model/prefix.ts';
import type { Reading } from './address.ts';
import { errorAt, type Flaw, warningAt } from './problem.ts';
import { type Path, positionAt, type SpecNode } from './tree.ts';

/** What the checks of meaning share: where things stand, and where to say what is wrong. */
export class Context {
  readonly #root: SpecNode;
  readonly problems: Diagnostic[] = [];
  /**
   * Whether the schema accepted everything. Otherwise what it refused was left out, and that something is
   * missing must not be held against the spec a second time.
   */
  readonly isComplete: boolean;
  /** Ranges that may be routed although they are not private. */
  readonly allowedRanges: readonly Prefix[];

  constructor(root: SpecNode, isComplete: boolean, allowedRanges: readonly Prefix[]) {
    this.#root = root;
    this.isComplete = isComplete;
    this.allowedRanges = allowedRanges;
  }

  /** Where a value stands, or what is around it where it is left out. */
  at(path: Path): SourcePosition {
    return positionAt(this.#root, path);
  }

  error(path: Path, flaw: Flaw): void {
    this.problems.push(errorAt(this.at(path), flaw));
  }

  warn(path: Path, flaw: Flaw): void {
    this.problems.push(warningAt(this.at(path), flaw));
  }

  /** The value that was read; null once its flaw has been reported. */
  accept<T>(path: Path, reading: Reading<T>): T | null {
    if ('value' in reading) return reading.value;
    this.error(path, reading.flaw);
    return null;
  }
}
