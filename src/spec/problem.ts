import type { Diagnostic, SourcePosition } from '../model/diagnostic.ts';
import { nearest } from '../model/text/nearest.ts';
import { printableLine } from '../model/text/printable.ts';

/** The texts of a diagnostic, without its place. */
export interface Flaw {
  readonly code: string;
  readonly summary: string;
  readonly cause: string;
  readonly fix: string;
}

/** An error at a place in a file. */
export function errorAt(at: SourcePosition, flaw: Flaw): Diagnostic {
  return { ...flaw, severity: 'error', at };
}

/** A warning at a place in a file. */
export function warningAt(at: SourcePosition, flaw: Flaw): Diagnostic {
  return { ...flaw, severity: 'warning', at };
}

const SHOWN_LENGTH = 60;

/** Text from a document for a message: one line, bounded, and harmless to a terminal. */
export function harmless(text: string, length: number = SHOWN_LENGTH): string {
  return printableLine(text.length > length ? `${text.slice(0, length)}…` : text);
}

/** An offending value for a message. */
export function quote(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object' && value !== null) return 'a map';
  if (typeof value !== 'string') return String(value);
  return `"${harmless(value).replaceAll('"', '\\"')}"`;
}

/** Order of reading: file by file, the spec's own first, then line and column. Those without a place come first. */
export function byPosition(a: Diagnostic, b: Diagnostic): number {
  if (a.at === undefined || b.at === undefined)
    return Number(a.at !== undefined) - Number(b.at !== undefined);
  if (a.at.file !== b.at.file) return 0;
  return a.at.line - b.at.line || a.at.column - b.at.column;
}

/** What is wrong with a document that is some other Kubernetes object; null where it may be meant as a Tunnel. */
export function otherKind(apiVersion: unknown, kind: unknown): Flaw | null {
  if (typeof apiVersion !== 'string' || typeof kind !== 'string' || apiVersion.startsWith('mkplan/'))
    return null;
  if (nearest(kind, ['Tunnel']) !== null) return null;
  return {
    code: 'not-a-tunnel',
    summary: `this is a Kubernetes ${harmless(kind)}, not a Tunnel`,
    cause: `its apiVersion is ${harmless(apiVersion)}; a spec of mkplan has \`apiVersion: mkplan/v1alpha1\` and \`kind: Tunnel\``,
    fix: 'give the path of a tunnel.yaml; `mkplan init` writes one',
  };
}
