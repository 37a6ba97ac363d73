import { apiVersionOf, type Resource } from '../resources.ts';
import {
  changedFields,
  decodeFields,
  displayField,
  encodeFields,
  type FieldPath,
  fieldsOf,
  isWithin,
  mergeApplied,
  removeField,
} from './fields.ts';
import {
  arrayAt,
  isObject,
  type Json,
  type JsonObject,
  objectAt,
  sameJson,
  textAt,
  without,
} from './json.ts';
import { applyConflict, type StatusCause } from './status-error.ts';

/** Who writes, by which way, and when. */
export interface Writer {
  readonly manager: string;
  /** Empty for the object itself. */
  readonly subresource: '' | 'status';
  /** RFC 3339, UTC. */
  readonly time: string;
}

/** A writer whose time is the store's. */
export type Author = Omit<Writer, 'time'>;

/** One entry of `metadata.managedFields`. */
interface Entry {
  readonly manager: string;
  readonly operation: string;
  readonly subresource: string;
  readonly apiVersion: string;
  readonly time: string;
  readonly fields: ReadonlySet<FieldPath>;
}

/** Metadata that the server itself keeps, which nobody owns. */
const UNTRACKED_METADATA = [
  'name',
  'namespace',
  'uid',
  'resourceVersion',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
  'generation',
  'selfLink',
  'managedFields',
];

/** The part of an object whose fields are owned through the given way in. */
function tracked(object: JsonObject, resource: Resource, subresource: Writer['subresource']): JsonObject {
  const metadata = without(objectAt(object, 'metadata'), ...UNTRACKED_METADATA);
  const rest = without(object, 'apiVersion', 'kind', 'metadata');
  const part =
    subresource === 'status'
      ? { status: object['status'] }
      : resource.status
        ? without(rest, 'status')
        : rest;
  return { ...part, ...(Object.keys(metadata).length === 0 ? {} : { metadata }) };
}

function readEntries(object: JsonObject): Entry[] {
  return arrayAt(object, 'metadata', 'managedFields').map((entry) => ({
    manager: textAt(entry, 'manager') ?? '',
    operation: textAt(entry, 'operation') ?? 'Update',
    subresource: textAt(entry, 'subresource') ?? '',
    apiVersion: textAt(entry, 'apiVersion') ?? '',
    time: textAt(entry, 'time') ?? '',
    fields: decodeFields(objectAt(entry, 'fieldsV1')),
  }));
}

function writeEntry(entry: Entry): Json {
  return {
    manager: entry.manager,
    operation: entry.operation,
    apiVersion: entry.apiVersion,
    ...(entry.time === '' ? {} : { time: entry.time }),
    fieldsType: 'FieldsV1',
    fieldsV1: encodeFields(entry.fields),
    ...(entry.subresource === '' ? {} : { subresource: entry.subresource }),
  };
}

/** Appliers first, then by time; kube-apiserver keeps them so. */
function compareEntries(a: Entry, b: Entry): number {
  const keys = (entry: Entry): string[] => [entry.operation, entry.time, entry.manager, entry.subresource];
  const others = keys(b);
  for (const [index, key] of keys(a).entries()) {
    const other = others[index] ?? '';
    if (key !== other) return key < other ? -1 : 1;
  }
  return 0;
}

function withEntries(object: JsonObject, entries: readonly Entry[]): JsonObject {
  const managedFields = entries
    .filter((entry) => entry.fields.size > 0)
    .sort(compareEntries)
    .map(writeEntry);
  const metadata = without(objectAt(object, 'metadata'), 'managedFields');
  return {
    ...object,
    metadata: managedFields.length === 0 ? metadata : { ...metadata, managedFields },
  };
}

function isOf(entry: Entry, writer: Writer, operation: string): boolean {
  return (
    entry.manager === writer.manager &&
    entry.operation === operation &&
    entry.subresource === writer.subresource
  );
}

function sameFields(a: ReadonlySet<FieldPath>, b: ReadonlySet<FieldPath>): boolean {
  return a.size === b.size && [...a].every((path) => b.has(path));
}

/** Puts the writer's entry in its place; it keeps its time while its fields stay the same. */
function withOwn(
  entries: readonly Entry[],
  writer: Writer,
  operation: string,
  apiVersion: string,
  fields: ReadonlySet<FieldPath>,
): Entry[] {
  const own: Entry = { ...writer, operation, apiVersion, fields };
  const at = entries.findIndex((entry) => isOf(entry, writer, operation));
  if (at < 0) return [...entries, own];
  return entries.map((entry, index) =>
    index !== at ? entry : sameFields(entry.fields, fields) ? entry : own,
  );
}

/**
 * Records a create, update or patch: the writer takes every field that it changed from its former owner, and
 * fields that are gone belong to nobody.
 */
export function trackUpdate(
  resource: Resource,
  live: JsonObject | null,
  next: JsonObject,
  writer: Writer,
): JsonObject {
  const before = fieldsOf(resource, tracked(live ?? {}, resource, writer.subresource), true);
  const after = fieldsOf(resource, tracked(next, resource, writer.subresource), true);
  const changed = new Set(changedFields(before, after));
  const gone = new Set([...before.keys()].filter((path) => !after.has(path)));
  const entries = readEntries(live ?? {});
  const mine = entries.find((entry) => isOf(entry, writer, 'Update'));
  const others = entries.map((entry) => ({
    ...entry,
    fields: new Set(
      [...entry.fields].filter((path) => !gone.has(path) && (entry === mine || !changed.has(path))),
    ),
  }));
  if (changed.size === 0) return withEntries(next, others);
  const own = new Set([...(mine?.fields ?? []), ...changed].filter((path) => !gone.has(path)));
  return withEntries(next, withOwn(others, writer, 'Update', apiVersionOf(resource), own));
}

function describe(entry: Entry): string {
  const through = entry.subresource === '' ? '' : ` with subresource "${entry.subresource}"`;
  const using = entry.operation === 'Apply' ? '' : ` using ${entry.apiVersion}`;
  return `conflict with "${entry.manager}"${through}${using}`;
}

function conflictsOf(entries: readonly Entry[], contested: readonly FieldPath[]): StatusCause[] {
  return entries.flatMap((entry) =>
    contested
      .filter((path) => entry.fields.has(path))
      .map((path) => ({
        reason: 'FieldManagerConflict',
        message: describe(entry),
        field: displayField(path),
      })),
  );
}

/** The fields that the writer applied before and no longer does, and that nobody else owns. */
function givenUp(
  previous: ReadonlySet<FieldPath>,
  now: ReadonlySet<FieldPath>,
  others: readonly Entry[],
): FieldPath[] {
  const held = new Set(others.flatMap((entry) => [...entry.fields]));
  // What is in an object or a list that is given up stays with its owner, and the object or list with that.
  const kept = [...held, ...now];
  return [...previous].filter(
    (path) => !now.has(path) && !held.has(path) && !kept.some((other) => isWithin(path, other)),
  );
}

/**
 * Server-side apply: the live object with the configuration laid over it, less what the writer gave up.
 * Throws a StatusError 409 when another manager owns a field with another value and `force` is not set.
 */
export function applyConfiguration(
  resource: Resource,
  live: JsonObject,
  configuration: JsonObject,
  writer: Writer,
  force: boolean,
): JsonObject {
  const part = tracked(configuration, resource, writer.subresource);
  const applied = fieldsOf(resource, part);
  const present = fieldsOf(resource, tracked(live, resource, writer.subresource));
  const entries = readEntries(live);
  const mine = entries.find((entry) => isOf(entry, writer, 'Apply'));
  const others = entries.filter((entry) => entry !== mine);
  const contested = changedFields(present, applied);
  const causes = conflictsOf(others, contested);
  if (causes.length > 0 && !force) throw applyConflict(causes);

  const taken = new Set(contested);
  const remaining = entries.map((entry) =>
    entry === mine
      ? entry
      : { ...entry, fields: new Set([...entry.fields].filter((path) => !taken.has(path))) },
  );
  const fields = new Set(applied.keys());
  const dropped = givenUp(
    mine?.fields ?? new Set(),
    fields,
    remaining.filter((entry) => entry !== mine),
  );
  const merged = mergeApplied(resource, live, part);
  const result = dropped.reduce(
    (object, path) => removeField(resource, object, path),
    isObject(merged) ? merged : {},
  );
  // An apply that moves nothing but ownership has no time, and so comes first.
  const moved = !sameJson(withEntries(result, []), withEntries(live, []));
  const own = moved ? writer : { ...writer, time: '' };
  return withEntries(result, withOwn(remaining, own, 'Apply', apiVersionOf(resource), fields));
}
