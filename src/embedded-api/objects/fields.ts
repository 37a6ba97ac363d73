import type { KeyedList, ListType, Resource } from '../resources.ts';
import { isArray, isObject, type Json, type JsonObject, sameJson } from './json.ts';

/**
 * Sets of fields as server-side apply tracks them. A path is the elements of FieldsV1 (`f:name`, `k:{keys}`,
 * `v:value`, and `.` for a list item itself), one a line; JSON escapes line ends, so none is in an element.
 */
export type FieldPath = string;

const SEPARATOR = '\n';
const ITEM_ITSELF = '.';

/**
 * Objects that are there in every object of a kind, empty or not: no field of their own. All other objects and lists
 * come and go, and the writer that makes one by an update owns it besides what is in it.
 */
const ALWAYS_THERE: ReadonlySet<string> = new Set(['', 'metadata', 'spec', 'status', 'status.loadBalancer']);

function join(path: FieldPath, element: string): FieldPath {
  return path === '' ? element : `${path}${SEPARATOR}${element}`;
}

function childSchema(schema: string, key: string): string {
  return schema === '' ? key : `${schema}.${key}`;
}

/** The `k:` element of an item of a list that is merged by keys. */
function itemElement(item: Json, { keys, defaults = {} }: KeyedList): string {
  const present = keys
    .map((key) => [key, (isObject(item) ? item[key] : undefined) ?? defaults[key]] as const)
    .filter(([, value]) => value !== undefined);
  return `k:${JSON.stringify(Object.fromEntries(present))}`;
}

/** The element that stands for an item of a list, by the list's type. */
function elementOf(item: Json, list: ListType): string {
  return list.type === 'map' ? itemElement(item, list) : `v:${JSON.stringify(item)}`;
}

/** What fields are collected of, and into what. */
interface Collecting {
  readonly resource: Resource;
  readonly containers: boolean;
  readonly found: Map<FieldPath, Json>;
}

function collectObject(value: JsonObject, schema: string, path: FieldPath, into: Collecting): void {
  const { containers, found } = into;
  const entries = Object.entries(value).filter(([, child]) => child !== undefined);
  const isField = !(containers && ALWAYS_THERE.has(schema));
  if (entries.length === 0 && path !== '' && isField) found.set(path, value);
  if (entries.length > 0 && containers && isField) found.set(join(path, ITEM_ITSELF), true);
  for (const [key, child] of entries) {
    if (child !== undefined) collect(child, childSchema(schema, key), join(path, `f:${key}`), into);
  }
}

function collectList(
  value: readonly Json[],
  list: ListType,
  schema: string,
  path: FieldPath,
  into: Collecting,
): void {
  const { containers, found } = into;
  if (containers) found.set(join(path, ITEM_ITSELF), true);
  for (const item of value) {
    const itemPath = join(path, elementOf(item, list));
    if (list.type === 'set') {
      found.set(itemPath, item);
    } else {
      found.set(join(itemPath, ITEM_ITSELF), true);
      collect(item, schema, itemPath, into);
    }
  }
}

function collect(value: Json, schema: string, path: FieldPath, into: Collecting): void {
  const { resource, found } = into;
  const list = resource.lists[schema];
  if (isObject(value) && !resource.atomic.includes(schema)) collectObject(value, schema, path, into);
  else if (isArray(value) && list !== undefined && value.length > 0) {
    collectList(value, list, schema, path, into);
  } else found.set(path, value);
}

/**
 * Every field of a value, at the granularity at which it can be owned. `containers` adds the objects and lists
 * themselves, which an update owns when it makes them, and an apply does not.
 */
export function fieldsOf(resource: Resource, value: JsonObject, containers = false): Map<FieldPath, Json> {
  const found = new Map<FieldPath, Json>();
  collect(value, '', '', { resource, containers, found });
  return found;
}

/** The paths whose value is new or another in `after`. */
export function changedFields(
  before: ReadonlyMap<FieldPath, Json>,
  after: ReadonlyMap<FieldPath, Json>,
): FieldPath[] {
  return [...after].filter(([path, value]) => !sameJson(before.get(path), value)).map(([path]) => path);
}

/** FieldsV1 of a set of paths. */
export function encodeFields(paths: Iterable<FieldPath>): JsonObject {
  type Tree = { [element: string]: Tree };
  const root: Tree = {};
  for (const path of [...paths].sort((a, b) => (a < b ? -1 : 1))) {
    let tree = root;
    for (const element of path.split(SEPARATOR)) {
      tree[element] ??= {};
      tree = tree[element];
    }
  }
  return root;
}

/** The inverse of {@link encodeFields}; inner nodes are not members, except by a `.` of their own. */
export function decodeFields(fields: JsonObject): Set<FieldPath> {
  const found = new Set<FieldPath>();
  const walk = (tree: JsonObject, path: FieldPath): void => {
    for (const [element, below] of Object.entries(tree)) {
      if (!isObject(below)) continue;
      const at = join(path, element);
      if (Object.keys(below).length === 0) found.add(at);
      else walk(below, at);
    }
  };
  walk(fields, '');
  return found;
}

/** How messages write a path: `.status.conditions[type="Ready"].status`. */
export function displayField(path: FieldPath): string {
  return path
    .split(SEPARATOR)
    .filter((element) => element !== ITEM_ITSELF)
    .map((element) => {
      const rest = element.slice(2);
      if (element.startsWith('f:')) return `.${rest}`;
      if (element.startsWith('v:')) return `[=${rest}]`;
      const keys = JSON.parse(rest) as JsonObject;
      return `[${Object.entries(keys)
        .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
        .join(',')}]`;
    })
    .join('');
}

function mergeLists(
  resource: Resource,
  live: readonly Json[],
  applied: readonly Json[],
  list: ListType,
  schema: string,
): Json[] {
  const merged = new Map(live.map((item) => [elementOf(item, list), item]));
  for (const item of applied) {
    const element = elementOf(item, list);
    merged.set(element, mergeApplied(resource, merged.get(element), item, schema));
  }
  return [...merged.values()];
}

/** The live value with an applied one laid over it: objects and keyed lists merge, everything else is replaced. */
export function mergeApplied(resource: Resource, live: Json | undefined, applied: Json, schema = ''): Json {
  const list = resource.lists[schema];
  if (list !== undefined && isArray(live) && isArray(applied)) {
    return mergeLists(resource, live, applied, list, schema);
  }
  if (!isObject(live) || !isObject(applied) || resource.atomic.includes(schema)) return applied;
  const merged: Record<string, Json | undefined> = { ...live };
  for (const [key, value] of Object.entries(applied)) {
    if (value === undefined) continue;
    merged[key] = mergeApplied(resource, live[key], value, childSchema(schema, key));
  }
  return merged;
}

function isEmpty(value: Json | undefined): boolean {
  return (isArray(value) && value.length === 0) || (isObject(value) && Object.keys(value).length === 0);
}

function removeFromList(
  resource: Resource,
  value: readonly Json[],
  elements: readonly string[],
  schema: string,
): Json[] {
  const list = resource.lists[schema];
  const [element, ...rest] = elements;
  if (list === undefined || element === undefined) return [...value];
  return value.flatMap((item) => {
    if (elementOf(item, list) !== element) return [item];
    if (rest.length === 0 || rest[0] === ITEM_ITSELF) return [];
    return [removeElements(resource, item, rest, schema)];
  });
}

function removeElements(resource: Resource, value: Json, elements: readonly string[], schema: string): Json {
  if (isArray(value)) return removeFromList(resource, value, elements, schema);
  const [element, ...rest] = elements;
  if (!isObject(value) || element === undefined) return value;
  const key = element.slice(2);
  const { [key]: child, ...others } = value;
  if (child === undefined || rest.length === 0) return others;
  const kept = removeElements(resource, child, rest, childSchema(schema, key));
  return isEmpty(kept) ? others : { ...value, [key]: kept };
}

/** The value without one field; what is empty after that goes with it. */
export function removeField(resource: Resource, value: JsonObject, path: FieldPath): JsonObject {
  const left = removeElements(resource, value, path.split(SEPARATOR), '');
  return isObject(left) ? left : {};
}

/** Whether `path` is an object, a list or an item of one, and `other` lies in it. */
export function isWithin(path: FieldPath, other: FieldPath): boolean {
  const itself = `${SEPARATOR}${ITEM_ITSELF}`;
  const container = path.endsWith(itself) ? path.slice(0, -itself.length) : path;
  return other !== path && other.startsWith(`${container}${SEPARATOR}`);
}
