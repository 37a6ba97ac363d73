import type { SourcePosition } from '../model/diagnostic.ts';

/** Deeper than any state file nests; a limit, since the scan calls itself. */
const MAX_DEPTH = 32;

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const WORD = /true|false|null/y;
const BLANKS = /[ \t\r\n]*/y;

/** JSON text that is none (RFC 8259), or that gives one key twice, which JSON.parse takes without a word. */
export class JsonTextError extends Error {
  readonly offset: number;

  constructor(problem: string, offset: number) {
    super(problem);
    this.name = 'JsonTextError';
    this.offset = offset;
  }
}

/** Line and column of an offset into a text, both from 1; columns in UTF-16 units. */
export function positionAt(file: string, text: string, offset: number): SourcePosition {
  const before = text.slice(0, offset);
  return { file, line: before.split('\n').length, column: offset - before.lastIndexOf('\n') };
}

/**
 * Scans a JSON text and returns where each value stands, by its dotted path: a member at its key, an item at itself.
 * Throws a {@link JsonTextError} at the first thing that is wrong. Much slower than JSON.parse: for texts that were
 * written by hand, and for telling a person where.
 */
export function scanJson(text: string): ReadonlyMap<string, number> {
  const scan = new Scan(text);
  scan.all();
  return scan.places;
}

class Scan {
  readonly places = new Map<string, number>();
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  all(): void {
    this.#value('', 0);
    if (this.#at < this.#text.length) this.#fail('something stands behind the end');
  }

  #fail(problem: string): never {
    const isEnd = this.#at >= this.#text.length;
    throw new JsonTextError(isEnd ? 'it ends too early' : problem, this.#at);
  }

  #take(pattern: RegExp): string | null {
    pattern.lastIndex = this.#at;
    const [found] = pattern.exec(this.#text) ?? [null];
    if (found !== null) this.#at += found.length;
    return found;
  }

  /** Whether this character stands here, blanks aside; it is then behind us. */
  #skip(character: string): boolean {
    this.#take(BLANKS);
    if (this.#text[this.#at] !== character) return false;
    this.#at += 1;
    return true;
  }

  #value(path: string, depth: number): void {
    if (depth > MAX_DEPTH) this.#fail(`it nests deeper than ${MAX_DEPTH}`);
    if (this.#skip('{')) this.#members(path, depth);
    else if (this.#skip('[')) this.#items(path, depth);
    else if (this.#text[this.#at] === '"') this.#string();
    else if (this.#take(NUMBER) === null && this.#take(WORD) === null)
      this.#fail('a value should stand here');
    this.#take(BLANKS);
  }

  #members(path: string, depth: number): void {
    const seen = new Set<string>();
    if (this.#skip('}')) return;
    do {
      this.#take(BLANKS);
      const start = this.#at;
      if (this.#text[start] !== '"') this.#fail('a key in double quotes should stand here');
      const key = this.#string();
      if (seen.has(key)) throw new JsonTextError(`the key ${JSON.stringify(key)} stands here twice`, start);
      seen.add(key);
      const below = path === '' ? key : `${path}.${key}`;
      this.places.set(below, start);
      if (!this.#skip(':')) this.#fail('a colon should stand here');
      this.#value(below, depth + 1);
    } while (this.#skip(','));
    if (!this.#skip('}')) this.#fail('a comma or a closing brace should stand here');
  }

  #items(path: string, depth: number): void {
    if (this.#skip(']')) return;
    let index = 0;
    do {
      this.#take(BLANKS);
      const below = path === '' ? String(index) : `${path}.${index}`;
      this.places.set(below, this.#at);
      this.#value(below, depth + 1);
      index += 1;
    } while (this.#skip(','));
    if (!this.#skip(']')) this.#fail('a comma or a closing bracket should stand here');
  }

  /** A string, from its opening quote to behind its closing one. */
  #string(): string {
    const start = this.#at;
    for (this.#at += 1; this.#at < this.#text.length; this.#at += 1) {
      const character = this.#text[this.#at];
      if (character === '"') {
        this.#at += 1;
        return this.#decoded(start);
      }
      if (character === '\\') this.#at += 1;
      else if (character === '\n') break;
    }
    return this.#fail('a line ends inside a text');
  }

  #decoded(start: number): string {
    try {
      return String(JSON.parse(this.#text.slice(start, this.#at)));
    } catch {
      // JSON.parse says the same of the whole text, without the place.
      throw new JsonTextError(
        'this text has an escape or a control character that JSON does not know',
        start,
      );
    }
  }
}
