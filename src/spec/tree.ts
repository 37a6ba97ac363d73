import type { SourcePosition } from '../model/diagnostic.ts';
import { harmless } from './problem.ts';

/** A document's values together with where each stands. Positions carry their file, so trees can be merged. */
export type SpecNode = ScalarNode | MapNode | ListNode;

export interface ScalarNode {
  readonly kind: 'scalar';
  readonly value: string | number | boolean | null;
  /** What is written in the document, where that says more than the value: `1.30`, `0x10`, `~`. */
  readonly written?: string;
  readonly at: SourcePosition;
}

export interface MapEntry {
  /** Where the key stands. */
  readonly keyAt: SourcePosition;
  readonly node: SpecNode;
}

export interface MapNode {
  readonly kind: 'map';
  readonly entries: ReadonlyMap<string, MapEntry>;
  readonly at: SourcePosition;
}

export interface ListNode {
  readonly kind: 'list';
  readonly items: readonly SpecNode[];
  readonly at: SourcePosition;
}

/** Keys and indices that lead from the root to a node. */
export type Path = readonly (string | number)[];

/** The bare value of a tree, for the validator. Maps have no prototype, so that `__proto__` is a key like any other. */
export function plainValue(node: SpecNode): unknown {
  if (node.kind === 'scalar') return node.value;
  if (node.kind === 'list') return node.items.map(plainValue);
  const map: Record<string, unknown> = Object.create(null);
  for (const [key, entry] of node.entries) map[key] = plainValue(entry.node);
  return map;
}

/** The child of a node under a key or an index; null when there is none. */
export function childOf(node: SpecNode, step: string | number): SpecNode | null {
  if (node.kind === 'map') return node.entries.get(String(step))?.node ?? null;
  return node.kind === 'list' ? (node.items[Number(step)] ?? null) : null;
}

/** The node at a path; null when there is none. */
export function nodeAt(root: SpecNode, path: Path): SpecNode | null {
  let node: SpecNode | null = root;
  for (const step of path) {
    if (node === null) return null;
    node = childOf(node, step);
  }
  return node;
}

/** Where the value at a path stands; where it is left out, the place of the nearest thing around it. */
export function positionAt(root: SpecNode, path: Path): SourcePosition {
  let node = root;
  for (const step of path) {
    const child = childOf(node, step);
    if (child === null) break;
    node = child;
  }
  return node.at;
}

/** Where the key of a map's entry stands. */
export function keyPositionAt(root: SpecNode, path: Path, key: string): SourcePosition {
  const node = nodeAt(root, path);
  const entry = node?.kind === 'map' ? node.entries.get(key) : undefined;
  return entry?.keyAt ?? positionAt(root, path);
}

/** The same tree less the given nodes; null when the root is one of them. */
export function without(node: SpecNode, doomed: ReadonlySet<SpecNode>): SpecNode | null {
  if (doomed.has(node)) return null;
  if (node.kind === 'scalar') return node;
  if (node.kind === 'list') {
    const items = node.items.map((item) => without(item, doomed)).filter((item) => item !== null);
    return { ...node, items };
  }
  const entries = new Map<string, MapEntry>();
  for (const [key, entry] of node.entries) {
    const kept = without(entry.node, doomed);
    if (kept !== null) entries.set(key, { ...entry, node: kept });
  }
  return { ...node, entries };
}

/** A path as people write it: `spec.profiles[0].name`. Keys that are not plain words are put in brackets too. */
export function formatPath(path: Path): string {
  let text = '';
  for (const step of path) {
    if (typeof step === 'string' && /^\w{1,60}$/.test(step)) text += text === '' ? step : `.${step}`;
    else text += `[${typeof step === 'number' ? step : harmless(step)}]`;
  }
  return text;
}
