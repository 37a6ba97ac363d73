import type { Diagnostic } from '../model/diagnostic.ts';
import { parseAddress } from '../model/prefix.ts';
import { nearest } from '../model/text/nearest.ts';
import type { SchemaError } from './generated/validate-tunnel.js';
import { errorAt, type Flaw, harmless, quote } from './problem.ts';
import { fixOfSpelling } from './spelling.ts';
import {
  childOf,
  formatPath,
  keyPositionAt,
  type MapNode,
  nodeAt,
  type Path,
  positionAt,
  type SpecNode,
} from './tree.ts';

/** Errors that say which alternative was meant by not being about the choice between them. */
const OF_CHOICE = new Set(['type', 'enum', 'const']);

/** Errors about the text of a value: they tell more than "none of these", unless a word was meant. */
const OF_TEXT = new Set(['pattern', 'minLength', 'maxLength']);

/**
 * The validator reports each alternative that a value is not. Keeps what is wrong with the alternative that was
 * meant, and where that cannot be told the one error that the value is none of them.
 */
export function settleAlternatives(errors: readonly SchemaError[]): SchemaError[] {
  const kept: SchemaError[] = [];
  for (const error of errors) {
    if (error.keyword === 'anyOf') {
      for (const meant of errorsOfMeant(popBranch(kept, error.instancePath), error)) kept.push(meant);
    } else if (error.keyword !== 'propertyNames') {
      // What is wrong with a key is reported by its own rule, and then again as `propertyNames`.
      kept.push(error);
    }
  }
  return kept;
}

function errorsOfMeant(branch: readonly SchemaError[], choice: SchemaError): readonly SchemaError[] {
  const hasWords = wordsOf(choice).length > 0;
  const meant = branch.filter(
    (error) =>
      error.instancePath !== choice.instancePath ||
      !(OF_CHOICE.has(error.keyword) || (hasWords && OF_TEXT.has(error.keyword))),
  );
  return meant.length > 0 ? meant : [choice];
}

/** The fixed words among alternatives, such as `auto`. */
function wordsOf(choice: SchemaError): string[] {
  const alternatives = choice.parentSchema['anyOf'];
  if (!Array.isArray(alternatives)) return [];
  return alternatives.flatMap(
    (one: { enum?: readonly string[]; const?: string }) => one.enum ?? one.const ?? [],
  );
}

/** Whether one of the alternatives is a list. */
function takesList(choice: SchemaError): boolean {
  const alternatives = choice.parentSchema['anyOf'];
  return (
    Array.isArray(alternatives) && alternatives.some((one: { $ref?: string }) => one.$ref?.endsWith('List'))
  );
}

/** Takes the errors at or below a path off the end of the list, in their order. */
function popBranch(kept: SchemaError[], instancePath: string): SchemaError[] {
  let from = kept.length;
  while (from > 0) {
    const path = kept[from - 1]?.instancePath ?? '';
    if (path !== instancePath && !path.startsWith(`${instancePath}/`)) break;
    from--;
  }
  return kept.splice(from);
}

/** The path that a JSON pointer (RFC 6901) leads along. */
function pathOf(error: SchemaError): Path {
  return error.instancePath
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
}

/** The key that an error is about, where it is about a key. */
function keyOf(error: SchemaError): string | null {
  if (error.keyword === 'additionalProperties') return String(error.params['additionalProperty']);
  return error.propertyName ?? null;
}

/** The node that has to go for the error to go; null where something is missing instead. */
export function nodeToBlame(root: SpecNode, error: SchemaError): SpecNode | null {
  const node = nodeAt(root, pathOf(error));
  const key = keyOf(error);
  return node === null || key === null ? node : childOf(node, key);
}

/** Turns the validator's errors into diagnostics with positions. */
export function describeSchemaErrors(root: SpecNode, errors: readonly SchemaError[]): Diagnostic[] {
  const described = settleAlternatives(errors).map((error) => {
    const path = pathOf(error);
    const key = keyOf(error);
    const at = key === null ? positionAt(root, path) : keyPositionAt(root, path, key);
    const node = key === null ? nodeAt(root, path) : null;
    return errorAt(at, describe(error, formatPath(showIndices(root, path)), node));
  });
  // A text that is too short matches no pattern either: one thing is wrong with it.
  return [
    ...new Map(described.map((one) => [`${one.at?.line}:${one.at?.column} ${one.summary}`, one])).values(),
  ];
}

/** A pointer's steps are all text; those into lists are shown as indices. */
function showIndices(root: SpecNode, path: Path): Path {
  return path.map((step, index) =>
    nodeAt(root, path.slice(0, index))?.kind === 'list' ? Number(step) : step,
  );
}

function describe(error: SchemaError, where: string, node: SpecNode | null): Flaw {
  const place = where === '' ? 'the document' : where;
  switch (error.keyword) {
    case 'additionalProperties':
      return unknownKey(error, place);
    case 'required':
      return missingKey(error, place);
    case 'enum':
    case 'const':
      return notAllowed(error, place, node);
    case 'anyOf':
      return noneOf(error, place, node);
    case 'type':
      return wrongType(error, place, node);
    case 'minimum':
    case 'maximum':
      return outOfBounds(error, place, node);
    case 'minItems':
    case 'minProperties':
      return tooFew(place, where === 'spec.profiles');
    case 'maxItems':
    case 'maxProperties':
      return tooMany(error, place);
    default:
      return badText(error, place);
  }
}

function textOf(error: SchemaError, keyword: 'title' | 'description'): string | null {
  const text = error.parentSchema[keyword];
  return typeof text === 'string' ? text : null;
}

/** A schema's description as a cause, which begins small and has no full stop. */
function causeOf(error: SchemaError, fallback: string): string {
  const description = textOf(error, 'description') ?? fallback;
  return description.replace(/\.$/, '').replace(/^[A-Z](?![A-Z])/, (letter) => letter.toLowerCase());
}

function exampleOf(error: SchemaError): string {
  const { examples, enum: allowed, default: fallback } = error.parentSchema;
  if (Array.isArray(examples) && examples.length > 0) return `write it like this: ${examples[0]}`;
  if (Array.isArray(allowed)) return `write one of ${allowed.join(', ')}`;
  return fallback === undefined ? 'correct the value' : `correct the value, or write ${fallback}`;
}

function unknownKey(error: SchemaError, place: string): Flaw {
  const key = String(error.params['additionalProperty']);
  const known = Object.keys(error.parentSchema['properties'] ?? {});
  const meant = nearest(key, known);
  return {
    code: 'unknown-key',
    summary: `unknown key ${quote(key)} in ${place}`,
    cause: `${place} has the keys ${known.join(', ')}`,
    fix:
      key === '<<'
        ? 'write the keys themselves; YAML 1.2 has no merge keys'
        : meant === null
          ? 'remove it'
          : `did you mean ${quote(meant)}?`,
  };
}

function missingKey(error: SchemaError, place: string): Flaw {
  const key = String(error.params['missingProperty']);
  return {
    code: 'missing-key',
    summary: `${place} lacks the key ${quote(key)}`,
    cause: `${quote(key)} is required there`,
    fix: `add ${key}: …`,
  };
}

/** An offending value as it is written: what YAML made of it may look different. */
function shownOf(error: SchemaError, node: SpecNode | null): string {
  return node?.kind === 'scalar' && node.written !== undefined ? harmless(node.written) : quote(error.data);
}

function notAllowed(error: SchemaError, place: string, node: SpecNode | null): Flaw {
  const allowed = error.keyword === 'const' ? [error.params['allowedValue']] : error.params['allowedValues'];
  const values = Array.isArray(allowed) ? allowed.map(String) : [];
  const meant = typeof error.data === 'string' ? nearest(error.data, values) : null;
  return {
    code: 'not-allowed',
    summary: `${place} is ${shownOf(error, node)}`,
    cause: values.length === 1 ? `only ${values[0]} is understood here` : `it is one of ${values.join(', ')}`,
    fix: `write ${meant ?? (values.length === 1 ? values[0] : 'one of these')}`,
  };
}

function noneOf(error: SchemaError, place: string, node: SpecNode | null): Flaw {
  const meant = typeof error.data === 'string' ? nearest(error.data, wordsOf(error)) : null;
  const isListed = takesList(error) && typeof error.data === 'string' && error.data.includes('/');
  const example = isListed
    ? asList(error.data)
    : (fixOfSpelling(error.data, 'IP address') ?? exampleOf(error));
  return {
    code: 'not-allowed',
    summary: error.data === null ? `${place} has no value` : `${place} is ${shownOf(error, node)}`,
    cause: causeOf(error, 'it has another form'),
    fix: meant === null ? example : `did you mean ${meant}?`,
  };
}

const TYPE_NAMES: Readonly<Record<string, string>> = {
  object: 'a map',
  array: 'a list',
  string: 'text',
  integer: 'a whole number',
};

function wrongType(error: SchemaError, place: string, node: SpecNode | null): Flaw {
  const { data } = error;
  const type = String(error.params['type']);
  const flaw = { code: 'wrong-type', cause: `it must be ${TYPE_NAMES[type] ?? type}` };
  if (data === null && (node?.kind !== 'scalar' || node.written === undefined)) {
    return { ...flaw, summary: `${place} has no value`, fix: 'give it a value, or remove the key' };
  }
  const shown = shownOf(error, node);
  return { ...flaw, summary: `${place} is ${shown}`, fix: fixOfType(error, type, shown, node) };
}

/** How a value is written as what it should be, where that can be told from how it is written. */
function fixOfType(error: SchemaError, type: string, shown: string, node: SpecNode | null): string {
  if (type === 'string' && node?.kind === 'scalar') return `put it in quotes: "${shown}"`;
  if (type === 'string' && node?.kind === 'map') return fixForAddressKey(node) ?? exampleOf(error);
  if (type === 'array' && node?.kind === 'scalar') return asList(String(error.data));
  if (type === 'array' && node?.kind === 'map')
    return 'begin each entry of the list with a dash: `- name: …`';
  if (type === 'object' && typeof error.data === 'string' && error.data.includes('\u00a0')) {
    return 'replace the no-break space (U+00A0) by a blank';
  }
  return exampleOf(error);
}

function asList(text: string): string {
  return `write it as a list: [${harmless(text)}]`;
}

/** An IPv6 address that ends in a colon was read as a key without a value. */
function fixForAddressKey(node: MapNode): string | null {
  const [first, ...others] = node.entries.keys();
  return first !== undefined && others.length === 0 && parseAddress(`${first}:`) !== null
    ? `put the IPv6 address in quotes: "${first}:"`
    : null;
}

function outOfBounds(error: SchemaError, place: string, node: SpecNode | null): Flaw {
  const { minimum, maximum } = error.parentSchema;
  return {
    code: 'out-of-bounds',
    summary: `${place} is ${shownOf(error, node)}`,
    cause: `it must be from ${minimum} to ${maximum}`,
    fix: exampleOf(error),
  };
}

/** `isRequired`: the key cannot be left out. */
function tooFew(place: string, isRequired: boolean): Flaw {
  return {
    code: 'too-few',
    summary: `${place} is empty`,
    cause: 'it needs at least one entry to mean anything',
    fix: isRequired ? 'add an entry' : 'add an entry, or remove the key',
  };
}

function tooMany(error: SchemaError, place: string): Flaw {
  return {
    code: 'too-many',
    summary: `${place} has more than ${error.params['limit']} entries`,
    cause: 'every list of a spec is bounded, since it can come from a stranger',
    fix: 'remove entries; a CIDR or range often does for many of them',
  };
}

function badText(error: SchemaError, place: string): Flaw {
  const subject = error.propertyName ?? error.data;
  const isLong = error.keyword === 'maxLength';
  return {
    code: isLong ? 'too-long' : 'bad-text',
    summary: `${place}: ${quote(subject)} is not a valid ${textOf(error, 'title') ?? 'text for this place'}`,
    cause: isLong
      ? `it has more than ${error.params['limit']} characters`
      : causeOf(error, 'it has characters that cannot stand here'),
    fix: fixOfSpelling(subject, textOf(error, 'title')) ?? exampleOf(error),
  };
}
