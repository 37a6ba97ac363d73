import type { Diagnostic } from '../model/diagnostic.ts';
import { errorAt, type Flaw, quote } from './problem.ts';
import { childOf, type ListNode, type MapEntry, type MapNode, type SpecNode } from './tree.ts';

/** A spec with its overlay merged over it. */
export interface Merged {
  readonly root: SpecNode;
  /** Paths of the values that the overlay gave, sorted. */
  readonly overrides: readonly string[];
  readonly problems: readonly Diagnostic[];
}

/**
 * Merges an overlay over a spec: maps key by key, profiles by their name, lists and single values replaced.
 * Each value keeps the position that it came from. Profiles that the spec lacks are problems.
 */
export function mergeOverlay(base: SpecNode, overlay: SpecNode): Merged {
  const merge = new Merge();
  const root = merge.nodes(base, overlay, '');
  return { root, overrides: [...merge.overrides].sort((a, b) => (a < b ? -1 : 1)), problems: merge.problems };
}

/** Keys that say what a document or a profile is, rather than what it wants. */
function isIdentity(path: string, key: string): boolean {
  return path === ''
    ? key === 'apiVersion' || key === 'kind'
    : key === 'name' && /^profiles\[[^\]]*\]$/.test(path);
}

/** The path of a key as overrides are listed: from within `spec`, which is left out. */
function joinPath(path: string, key: string): string {
  if (path === '' || path === 'spec') return key;
  return /^\w+$/.test(key) ? `${path}.${key}` : `${path}[${key}]`;
}

class Merge {
  readonly overrides = new Set<string>();
  readonly problems: Diagnostic[] = [];

  nodes(base: SpecNode | null, overlay: SpecNode, path: string): SpecNode {
    if (path === 'profiles' && overlay.kind === 'list') return this.#profiles(base, overlay);
    if (overlay.kind === 'map') {
      const empty: MapNode = { kind: 'map', entries: new Map(), at: overlay.at };
      return this.#maps(base?.kind === 'map' ? base : empty, overlay, path);
    }
    this.overrides.add(path);
    return overlay;
  }

  #maps(base: MapNode, overlay: MapNode, path: string): MapNode {
    const entries = new Map<string, MapEntry>(base.entries);
    for (const [key, entry] of overlay.entries) {
      if (isIdentity(path, key)) continue;
      const below = base.entries.get(key)?.node ?? null;
      entries.set(key, { keyAt: entry.keyAt, node: this.nodes(below, entry.node, joinPath(path, key)) });
    }
    return { ...base, entries };
  }

  #profiles(base: SpecNode | null, overlay: ListNode): ListNode {
    const items = base?.kind === 'list' ? [...base.items] : [];
    const seen = new Set<string>();
    for (const changes of overlay.items) {
      const name = nameOf(changes);
      const index = items.findIndex((item) => nameOf(item) === name);
      const item = items[index];
      if (item === undefined) this.problems.push(unknownProfile(changes, name, items));
      else if (seen.has(name)) this.problems.push(errorAt(changes.at, duplicateProfile(name)));
      else items[index] = this.nodes(item, changes, `profiles[${name}]`);
      seen.add(name);
    }
    return { kind: 'list', items, at: base?.at ?? overlay.at };
  }
}

function unknownProfile(overlay: SpecNode, name: string, items: readonly SpecNode[]): Diagnostic {
  return errorAt(overlay.at, {
    code: 'overlay-unknown-profile',
    summary: `profile ${quote(name)} is not in the spec`,
    cause: `an overlay changes profiles of the spec and adds none; the spec has ${items.map(nameOf).join(', ')}`,
    fix: 'correct the name, or add the profile to the spec',
  });
}

function nameOf(profile: SpecNode): string {
  const name = childOf(profile, 'name');
  return name?.kind === 'scalar' ? String(name.value) : '';
}

/** The flaw of a profile that a list names again. */
export function duplicateProfile(name: string): Flaw {
  return {
    code: 'duplicate-profile',
    summary: `profile ${quote(name)} is listed twice`,
    cause: 'one profile is one cluster with one set of routes',
    fix: 'merge the two entries',
  };
}
