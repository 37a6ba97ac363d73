/** What an answer is to be, and what it is not: nothing is planned on an answer that is not what was asked for. */

/** The objects of a resource, or one of them. */
export interface Expected {
  readonly apiVersion: string;
  readonly kind: string;
  /** The namespace that they are in; `*` for any, null where the resource has none. */
  readonly namespace: string | null;
  readonly name?: string;
  readonly uid?: string | undefined;
  /** The resourceVersion that it had before it was changed: no API server answers a change with that. */
  readonly changedFrom?: string | undefined;
}

/** An answer that is not what was asked for; the message says what is odd about it. */
export class Unexpected extends Error {}

type Fields = Readonly<Record<string, unknown>>;

/** One page of a list. */
export interface Page {
  readonly items: readonly unknown[];
  readonly resourceVersion: string;
  /** Where the next page begins; empty on the last one. */
  readonly next: string;
}

/** One line of a watch. */
export type WatchEvent<T> =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly version: string; readonly object: T }
  | { readonly type: 'BOOKMARK'; readonly version: string }
  | { readonly type: 'ERROR'; readonly code: number; readonly message: string };

function fieldsOf(value: unknown): Fields | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : null;
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

/** What stands in the place of what was asked for, for people. */
function described(value: unknown): string {
  const fields = fieldsOf(value);
  if (fields === null) {
    if (value === null || value === undefined) return 'it is empty';
    return `it is ${Array.isArray(value) ? 'an array' : `a ${typeof value}`}`;
  }
  const { kind, apiVersion, message } = fields;
  if (kind === 'Status') return `it is a Status: ${isText(message) ? message : 'without a message'}`;
  // An object may say anything of how it is made into a text.
  const version = isText(apiVersion) ? apiVersion : 'no version';
  return isText(kind) ? `it is a ${kind} of ${version}` : 'it names no kind';
}

function isOf(fields: Fields | null, apiVersion: string, kind: string): fields is Fields {
  return fields?.['kind'] === kind && fields['apiVersion'] === apiVersion;
}

function metadataOf(fields: Fields, kind: string): Fields {
  const metadata = fieldsOf(fields['metadata']);
  if (metadata === null) throw new Unexpected(`the ${kind} has no metadata`);
  return metadata;
}

/** An opaque text (API concepts, "Resource versions"); of no state that there is, 0 and the empty text stand for any. */
function versionOf(metadata: Fields, kind: string): string {
  const { resourceVersion } = metadata;
  if (isText(resourceVersion) && resourceVersion !== '0') return resourceVersion;
  throw new Unexpected(`the ${kind} has no resourceVersion that can be gone on from`);
}

/** What can be one segment of a path: no name of any resource is otherwise (API conventions, "Names"). */
const NAME = /^(?!\.{1,2}$)[^/%]+$/;

function requireSame(kind: string, field: string, found: unknown, asked: string | undefined): void {
  if (asked === undefined || found === asked) return;
  const other = isText(found) ? `"${found}"` : 'that is no text';
  throw new Unexpected(`the ${kind} has a ${field} ${other}, where "${asked}" was asked for`);
}

function requireNamed(metadata: Fields, { kind, namespace, name, uid }: Expected): void {
  const found = metadata['name'];
  if (!isText(found) || !NAME.test(found)) throw new Unexpected(`a ${kind} has no name that can be one`);
  requireSame(kind, 'name', found, name);
  requireSame(kind, 'uid', metadata['uid'], uid);
  if (namespace === null) return;
  const within = metadata['namespace'];
  if (!isText(within) || !NAME.test(within)) throw new Unexpected(`the ${kind} "${found}" has no namespace`);
  if (namespace !== '*') requireSame(kind, 'namespace', within, namespace);
}

/** Which item of a list this is: `namespace/name`. Items of a typed list name neither kind nor apiVersion. */
export function requireItem(item: unknown, type: Expected): string {
  const fields = fieldsOf(item);
  if (fields === null) throw new Unexpected(`an item is not a ${type.kind}: ${described(item)}`);
  const { kind = type.kind, apiVersion = type.apiVersion } = fields;
  if (kind !== type.kind || apiVersion !== type.apiVersion) {
    throw new Unexpected(`an item is not a ${type.kind} of ${type.apiVersion}: ${described(item)}`);
  }
  const metadata = metadataOf(fields, type.kind);
  requireNamed(metadata, type);
  return type.namespace === null
    ? `/${String(metadata['name'])}`
    : `${String(metadata['namespace'])}/${String(metadata['name'])}`;
}

/**
 * One object, as it was asked for by name. The kind may be left out where the uid proves which object it is. Throws
 * Unexpected.
 */
export function requireObject<T>(body: unknown, type: Expected): T {
  const { apiVersion, kind, uid } = type;
  const fields = fieldsOf(body);
  const isBare =
    uid !== undefined && fieldsOf(fields?.['metadata']) !== null && fields?.['kind'] === undefined;
  if (!isBare && !isOf(fields, apiVersion, kind)) {
    throw new Unexpected(`the answer is not a ${kind} of ${apiVersion}: ${described(body)}`);
  }
  const metadata = metadataOf(fields ?? {}, kind);
  requireNamed(metadata, type);
  if (versionOf(metadata, kind) === type.changedFrom) {
    throw new Unexpected(`the ${kind} has the resourceVersion still that it had before it was changed`);
  }
  return body as T;
}

/** One page of a list; of its items nothing is known yet. `List` of v1 stands for the list of any kind. Throws Unexpected. */
export function requirePage(body: unknown, { apiVersion, kind }: Expected): Page {
  const list = `${kind}List`;
  const fields = fieldsOf(body);
  if (!isOf(fields, apiVersion, list) && !isOf(fields, 'v1', 'List')) {
    throw new Unexpected(`the answer is not a ${list} of ${apiVersion}: ${described(body)}`);
  }
  const metadata = metadataOf(fields, list);
  const resourceVersion = versionOf(metadata, list);
  const { items } = fields;
  if (items !== null && !Array.isArray(items)) {
    throw new Unexpected(
      `the ${list} has no items: ${items === undefined ? 'they are missing' : 'they are no array'}`,
    );
  }
  const next = metadata['continue'] ?? '';
  if (typeof next !== 'string') throw new Unexpected(`the ${list} goes on at what is no text`);
  return { items: items ?? [], resourceVersion, next };
}

/** The answer to a removal: a Status that says so, or the object as it was last. Throws Unexpected. */
export function requireRemoved(body: unknown, type: Expected): void {
  const fields = fieldsOf(body);
  if (isOf(fields, 'v1', 'Status') && fields['status'] === 'Success') return;
  requireObject(body, type);
}

function parseLine(line: string): Fields {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    // What is wrong with a line that is cut or garbage is of no interest to anybody.
    throw new Unexpected('a line of the watch is not JSON');
  }
  const fields = fieldsOf(value);
  if (fields === null) throw new Unexpected(`a line of the watch is no event: ${described(value)}`);
  return fields;
}

/** One line of a watch, whose object is whole and of the kind that is watched. Throws Unexpected. */
export function requireEvent<T>(line: string, expected: Expected): WatchEvent<T> {
  const { type, object: told } = parseLine(line);
  const object = fieldsOf(told);
  if (type === 'ERROR') {
    const { code, message } = object ?? {};
    return {
      type,
      code: typeof code === 'number' ? code : 0,
      message: isText(message) ? message : 'the watch ended with an error',
    };
  }
  const isBookmark = type === 'BOOKMARK';
  if (!isBookmark && type !== 'ADDED' && type !== 'MODIFIED' && type !== 'DELETED') {
    throw new Unexpected(`the watch tells of ${isText(type) ? `"${type}"` : 'no type of event'}`);
  }
  const { apiVersion, kind } = expected;
  if (!isOf(object, apiVersion, kind)) {
    throw new Unexpected(
      `the watch tells of something else than a ${kind} of ${apiVersion}: ${described(told)}`,
    );
  }
  const metadata = metadataOf(object, kind);
  const version = versionOf(metadata, kind);
  if (isBookmark) return { type, version };
  requireNamed(metadata, expected);
  return { type, version, object: told as T };
}
