import { basename, relative } from 'node:path';
import type { JsonObject } from '../../embedded-api/objects/json.ts';
import { apiVersionOf, NODES, SERVICE_CIDRS } from '../../embedded-api/resources.ts';
import { Failure, type SourcePosition } from '../../model/diagnostic.ts';
import { DEFAULT_NODES, DEFAULT_SERVICES } from './defaults.ts';
import { type FoundObject, readDocuments } from './documents.ts';
import { type ManifestFile, readManifestFiles } from './files.ts';
import { readNetworks, withPodCidrs } from './networks.ts';
import { completeNode, type ManifestNode, readNodes } from './nodes.ts';
import { DUPLICATE, type Skipped } from './skipped.ts';

/** One object of a manifest, of a kind that the embedded API serves. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly object: JsonObject;
  readonly at: SourcePosition;
}

/** What the sandbox is made of. */
export interface Manifests {
  readonly objects: readonly Manifest[];
  /** At least one, in the order of the files. */
  readonly nodes: readonly ManifestNode[];
  /** Canonical. */
  readonly serviceCidrs: readonly string[];
  /** What the sandbox has no use for. */
  readonly skipped: readonly Skipped[];
}

const MAX_OBJECTS = 20_000;

function keyOf({ resource, namespace, name }: FoundObject): string {
  return `${resource.plural}.${resource.group} ${namespace}/${name}`;
}

/** The first object of each name; of an overlay and its base that is the one whose path comes first. */
function withoutDuplicates(found: readonly FoundObject[]): { kept: FoundObject[]; skipped: Skipped[] } {
  const kept = new Map<string, FoundObject>();
  const skipped: Skipped[] = [];
  for (const item of found) {
    if (kept.has(keyOf(item))) skipped.push({ what: DUPLICATE, file: item.at.file });
    else kept.set(keyOf(item), item);
  }
  return { kept: [...kept.values()], skipped };
}

/** The objects with what every cluster has and these leave out: Nodes, and the record of its networks. */
function withDefaults(kept: readonly FoundObject[]): FoundObject[] {
  if (kept.some(({ resource }) => resource === NODES)) return [...kept];
  const taken = new Set(kept.map(keyOf));
  const defaults = readDocuments([DEFAULT_NODES]).found.filter((item) => !taken.has(keyOf(item)));
  // What is wrong with them is told when they are read for good.
  const { podSubnets } = readNetworks(kept, []);
  if (podSubnets === null) return [...defaults, ...kept];
  const moved = defaults.map((item, index) =>
    item.resource === NODES ? { ...item, object: withPodCidrs(item.object, podSubnets, index) } : item,
  );
  return [...moved, ...kept];
}

/**
 * Reads manifests. Where no file has a Node, the two default ones stand in. Objects that are marked
 * `config.kubernetes.io/local-config` are left aside, as kustomize does; what the sandbox has no use for is `skipped`.
 * Throws a Failure with every problem found.
 */
export function parseManifests(files: readonly ManifestFile[]): Manifests {
  const documents = readDocuments(files);
  const { kept, skipped } = withoutDuplicates(documents.found);
  const found = withDefaults(kept);
  const problems = [...documents.problems];
  if (found.length > MAX_OBJECTS) {
    problems.push({
      code: 'manifest-invalid',
      severity: 'error',
      summary: `${found.length} objects`,
      cause: `at most ${MAX_OBJECTS} are read`,
      fix: 'Name a directory with fewer of them.',
    });
  }
  const nodes = readNodes(found, problems);
  const { serviceCidrs } = readNetworks(found, problems);
  if (problems.length > 0) throw new Failure('error', problems);
  return {
    objects: found
      .filter((item) => item.resource !== SERVICE_CIDRS)
      .map(({ object, resource, at }) => ({
        apiVersion: apiVersionOf(resource),
        kind: resource.kind,
        object: resource === NODES ? completeNode(object) : object,
        at,
      })),
    nodes,
    serviceCidrs,
    skipped: [...documents.skipped, ...skipped],
  };
}

/**
 * Reads the manifests at a path, a directory or a file; null gives the built-in ones. What is skipped is named by its
 * path below that. Throws a Failure.
 */
export async function readManifests(path: string | null): Promise<Manifests> {
  if (path === null) return parseManifests([DEFAULT_NODES, DEFAULT_SERVICES]);
  const manifests = parseManifests(await readManifestFiles(path));
  const skipped = manifests.skipped.map(({ what, file }) => ({
    what,
    file: relative(path, file) || basename(file),
  }));
  return { ...manifests, skipped };
}
