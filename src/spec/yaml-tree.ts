import { isAlias, isMap, isScalar, isSeq, type Node } from 'yaml';
import type { Diagnostic, SourcePosition } from '../model/diagnostic.ts';
import { largestBound } from './generated/validate-tunnel.js';
import { errorAt, type Flaw, harmless, quote } from './problem.ts';
import type { MapEntry, ScalarNode, SpecNode } from './tree.ts';

/** Aliases that a document may use; none of its keys needs one, and each can double what went before. */
const MAX_ALIASES = 16;

/** Values that a document may come to once aliases are followed, whatever its lists may have each. */
const MAX_VALUES = 100_000;

/**
 * Entries that are read of one list or map: one more than the schema allows anywhere, so that it still refuses
 * what was cut. The validator's time grows with the square of the errors in one list.
 */
const MAX_ENTRIES = largestBound + 1;

/** How deep collections may nest; the schema goes to eight. The composer recurses, so this is checked before it. */
export const MAX_DEPTH = 32;

/** The tags of the core schema (YAML 1.2.2, chapter 10.3). */
const CORE_TAGS = new Set(
  ['null', 'bool', 'int', 'float', 'str', 'map', 'seq'].map((name) => `tag:yaml.org,2002:${name}`),
);

/** Ends the reading of a document at its first problem that nothing after can be told from. */
export class Unreadable extends Error {
  readonly diagnostic: Diagnostic;

  constructor(diagnostic: Diagnostic) {
    super(diagnostic.summary);
    this.diagnostic = diagnostic;
  }
}

/** Turns an offset into the text into a place in the file. */
export type PositionOf = (offset: number) => SourcePosition;

/** Throws {@link Unreadable}. */
export function fail(at: SourcePosition, flaw: Flaw): never {
  throw new Unreadable(errorAt(at, flaw));
}

/** Turns the library's nodes into a tree, following aliases within bounds. */
export class TreeReader {
  readonly #positionOf: PositionOf;
  readonly #problems: Diagnostic[];
  /** Null while the anchored value is still open: an alias to it would contain itself. */
  readonly #anchors = new Map<string, SpecNode | null>();
  #aliases = 0;
  #values = 0;

  constructor(positionOf: PositionOf, problems: Diagnostic[]) {
    this.#positionOf = positionOf;
    this.#problems = problems;
  }

  read(node: Node | null, depth = 0): SpecNode {
    const at = this.#at(node);
    this.#count(at, depth);
    if (node === null) return { kind: 'scalar', value: null, at };
    if (isAlias(node)) return this.#follow(node.source, at, depth);
    this.#checkTag(node, at);
    const anchor = 'anchor' in node ? node.anchor : undefined;
    if (anchor !== undefined) this.#anchors.set(anchor, null);
    const read = this.#readContent(node, at, depth);
    if (anchor !== undefined) this.#anchors.set(anchor, read);
    return read;
  }

  #count(at: SourcePosition, depth: number): void {
    this.#values++;
    if (this.#values > MAX_VALUES) fail(at, tooManyValues());
    if (depth > MAX_DEPTH) fail(at, tooDeep());
  }

  #at(node: Node | null): SourcePosition {
    return this.#positionOf(node?.range?.[0] ?? 0);
  }

  #readContent(node: Node, at: SourcePosition, depth: number): SpecNode {
    if (isMap(node)) return { kind: 'map', entries: this.#readEntries(node.items, depth), at };
    if (isSeq(node)) {
      const items = node.items.slice(0, MAX_ENTRIES).map((item) => this.read(item as Node | null, depth + 1));
      return { kind: 'list', items, at };
    }
    if (!isScalar(node)) return { kind: 'scalar', value: null, at };
    const value = node.value as ScalarNode['value'];
    const { source = '' } = node;
    const written = typeof value === 'string' || source === '' ? {} : { written: source };
    return { kind: 'scalar', value, at, ...written };
  }

  #readEntries(pairs: readonly { key: unknown; value: unknown }[], depth: number): Map<string, MapEntry> {
    const entries = new Map<string, MapEntry>();
    for (const pair of pairs.slice(0, MAX_ENTRIES)) {
      const key = pair.key as Node | null;
      const keyAt = this.#at(key);
      const node = this.#readValue(pair.value as Node | null, keyAt, depth);
      if (!isScalar(key) || typeof key.value !== 'string') {
        this.#problems.push(
          errorAt(keyAt, badKey(isScalar(key) ? harmless(key.source ?? String(key.value)) : 'this')),
        );
        continue;
      }
      const earlier = entries.get(key.value);
      if (earlier === undefined) entries.set(key.value, { keyAt, node });
      else this.#problems.push(errorAt(keyAt, duplicateKey(key.value, earlier.keyAt.line)));
    }
    return entries;
  }

  /** An empty value has a place of its own in the library's nodes or none at all; the key's is the useful one. */
  #readValue(value: Node | null, keyAt: SourcePosition, depth: number): SpecNode {
    const read = this.read(value, depth + 1);
    return read.kind === 'scalar' && read.value === null && (value === null || isEmptyScalar(value))
      ? { ...read, at: keyAt }
      : read;
  }

  #follow(anchor: string, at: SourcePosition, depth: number): SpecNode {
    this.#aliases++;
    if (this.#aliases > MAX_ALIASES) fail(at, aliasBomb(`more than ${MAX_ALIASES} aliases are used`));
    const target = this.#anchors.get(anchor);
    const name = harmless(anchor);
    if (target === undefined || target === null) {
      fail(at, {
        code: 'yaml-alias',
        summary: `alias *${name} points to nothing`,
        cause:
          target === null
            ? `the value anchored as &${name} would contain itself`
            : `no value before it is anchored as &${name}`,
        fix: 'write the value itself',
      });
    }
    return { ...this.#copy(target, depth), at };
  }

  /** New nodes for each use of an anchored value, since a tree's nodes are told apart by identity. */
  #copy(node: SpecNode, depth: number): SpecNode {
    this.#count(node.at, depth);
    if (node.kind === 'scalar') return { ...node };
    if (node.kind === 'list')
      return { ...node, items: node.items.map((item) => this.#copy(item, depth + 1)) };
    const entries = new Map<string, MapEntry>();
    for (const [key, entry] of node.entries) {
      entries.set(key, { ...entry, node: this.#copy(entry.node, depth + 1) });
    }
    return { ...node, entries };
  }

  #checkTag(node: Node, at: SourcePosition): void {
    const tag = node.tag;
    if (tag === undefined || CORE_TAGS.has(tag)) return;
    this.#problems.push(
      errorAt(at, {
        code: 'yaml-tag',
        summary: `tag ${quote(tag)} is not of YAML's core schema`,
        cause: 'a tunnel.yaml is plain data: text, numbers, booleans, lists and maps',
        fix: 'remove the tag',
      }),
    );
  }
}

function isEmptyScalar(node: Node): boolean {
  return isScalar(node) && (node.source === '' || node.source === undefined);
}

function aliasBomb(what: string): Flaw {
  return {
    code: 'yaml-alias-bomb',
    summary: what,
    cause: 'aliases can make a short document endless, and a tunnel.yaml may come from a stranger',
    fix: 'write the values themselves',
  };
}

function tooManyValues(): Flaw {
  return {
    code: 'yaml-too-many-values',
    summary: `the document comes to more than ${MAX_VALUES} values`,
    cause: 'no host needs as many, and a tunnel.yaml may come from a stranger',
    fix: 'give the path of a tunnel.yaml; one CIDR or range often does for many addresses',
  };
}

function badKey(shown: string): Flaw {
  return {
    code: 'yaml-key',
    summary: `${shown} is not a key`,
    cause: 'every key of a tunnel.yaml is text',
    fix: 'put it in quotes if it is meant as text; check for a misplaced `?`, `{` or `[` otherwise',
  };
}

function duplicateKey(key: string, line: number): Flaw {
  return {
    code: 'yaml-duplicate-key',
    summary: `key ${quote(key)} is given twice`,
    cause: `line ${line} of this file gives it already, and only one of the two could count`,
    fix: 'remove one of them',
  };
}

/** The flaw of a document whose collections nest too deep. */
export function tooDeep(): Flaw {
  return {
    code: 'yaml-too-deep',
    summary: `collections nest deeper than ${MAX_DEPTH}`,
    cause: 'no key of a tunnel.yaml needs half that depth',
    fix: 'remove the surplus brackets or indentation',
  };
}
