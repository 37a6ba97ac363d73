import type { Resource } from '../resources.ts';
import { isArray, isObject, type Json, type JsonObject, sameJson, textAt, without } from './json.ts';
import { badRequest, StatusError } from './status-error.ts';

/** A number of operations past which kube-apiserver refuses a JSON patch too. */
const MAX_OPERATIONS = 10_000;

/** Merge patch (RFC 7396). */
export function mergePatch(target: Json | undefined, patch: Json): Json {
  if (!isObject(patch)) return patch;
  const merged: Record<string, Json | undefined> = isObject(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete merged[key];
    else if (value !== undefined) merged[key] = mergePatch(merged[key], value);
  }
  return merged;
}

function mergeKeyedLists(
  resource: Resource,
  live: readonly Json[],
  patch: readonly Json[],
  key: string,
  schema: string,
): Json[] {
  let merged = [...live];
  for (const item of patch) {
    const value = isObject(item) ? item[key] : undefined;
    const at = merged.findIndex((candidate) => isObject(candidate) && sameJson(candidate[key], value));
    if (textAt(item, '$patch') === 'delete') merged = merged.filter((_, index) => index !== at);
    else if (at < 0) merged.push(item);
    else merged[at] = strategicPatch(resource, merged[at], item, schema);
  }
  return merged;
}

/**
 * Strategic merge patch, what kubectl sends unless told otherwise: a merge patch whose keyed lists merge by their first
 * key. Of the directives `$patch: delete` and `$patch: replace` are honoured; order is not kept.
 */
export function strategicPatch(resource: Resource, target: Json | undefined, patch: Json, schema = ''): Json {
  const list = resource.lists[schema];
  if (isArray(patch) && isArray(target) && list !== undefined) {
    const [key] = list.type === 'map' ? list.keys : [];
    if (key !== undefined) return mergeKeyedLists(resource, target, patch, key, schema);
    return [...target, ...patch.filter((item) => !target.some((present) => sameJson(present, item)))];
  }
  if (!isObject(patch)) return patch;
  if (textAt(patch, '$patch') === 'replace') return without(patch, '$patch');
  const merged: Record<string, Json | undefined> = isObject(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (key.startsWith('$')) continue;
    if (value === null || textAt(value, '$patch') === 'delete') delete merged[key];
    else if (value !== undefined) {
      merged[key] = strategicPatch(resource, merged[key], value, schema === '' ? key : `${schema}.${key}`);
    }
  }
  return merged;
}

/** What JSON patch answers when a `test` fails, a path leads nowhere or an operation is none: not why. */
function unprocessable(): StatusError {
  const message = 'the server rejected our request due to an error in our request';
  return new StatusError(422, 'Invalid', message, {});
}

/** Index of an array element (RFC 6901, section 4); `-` is the place after the last. */
function indexIn(list: readonly Json[], token: string): number {
  return token === '-' ? list.length : /^(0|[1-9]\d*)$/.test(token) ? Number(token) : -1;
}

function changeList(
  list: readonly Json[],
  token: string,
  change: (child: Json | undefined) => Json | undefined,
  inserts: boolean,
): Json[] {
  const at = indexIn(list, token);
  if (at < 0 || at > (inserts ? list.length : list.length - 1)) {
    throw unprocessable();
  }
  const value = change(inserts ? undefined : list[at]);
  return [
    ...list.slice(0, at),
    ...(value === undefined ? [] : [value]),
    ...list.slice(inserts ? at : at + 1),
  ];
}

/** The document with the value at a pointer changed; `change` gets it and returns what stands there after (undefined: nothing). */
function changeAt(
  document: Json,
  tokens: readonly string[],
  change: (child: Json | undefined) => Json | undefined,
  inserts: boolean,
): Json {
  const [token, ...rest] = tokens;
  if (token === undefined) return change(document) ?? null;
  const below =
    rest.length === 0
      ? change
      : (child: Json | undefined): Json => {
          if (child === undefined) throw unprocessable();
          return changeAt(child, rest, change, inserts);
        };
  if (isArray(document)) return changeList(document, token, below, inserts && rest.length === 0);
  if (!isObject(document)) throw unprocessable();
  const value = below(document[token]);
  return value === undefined ? without(document, token) : { ...document, [token]: value };
}

function applyOperation(document: Json, operation: JsonObject): Json {
  const path = textAt(operation, 'path');
  const op = textAt(operation, 'op');
  const value = operation['value'];
  if (path === undefined || (path !== '' && !path.startsWith('/'))) throw unprocessable();
  const tokens = path
    .split('/')
    .slice(1)
    .map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'));
  const mustExist = (child: Json | undefined): Json => {
    if (child === undefined) throw unprocessable();
    return child;
  };
  if (op === 'remove') {
    return changeAt(document, tokens, (child) => void mustExist(child), false);
  }
  if (value === undefined) throw unprocessable();
  if (op === 'add') return changeAt(document, tokens, () => value, true);
  if (op === 'replace') {
    const replaced = (child: Json | undefined): Json => {
      mustExist(child);
      return value;
    };
    return changeAt(document, tokens, replaced, false);
  }
  if (op !== 'test') throw unprocessable();
  const tested = (child: Json | undefined): Json | undefined => {
    if (!sameJson(child, value)) throw unprocessable();
    return child;
  };
  return changeAt(document, tokens, tested, false);
}

/** JSON patch (RFC 6902) with `add`, `remove`, `replace` and `test`. */
export function jsonPatch(document: Json, patch: Json): Json {
  if (!isArray(patch)) throw badRequest('a JSON patch is an array of operations');
  if (patch.length > MAX_OPERATIONS) {
    throw new StatusError(
      413,
      'RequestEntityTooLarge',
      `a JSON patch has at most ${MAX_OPERATIONS} operations`,
    );
  }
  return patch.reduce<Json>((current, operation) => {
    if (!isObject(operation)) throw badRequest('a JSON patch is an array of operations');
    return applyOperation(current, operation);
  }, document);
}
