import type { DesiredState } from '../model/desired.ts';
import { type Diagnostic, Failure } from '../model/diagnostic.ts';
import type { Prefix } from '../model/prefix.ts';
import { Context } from './context.ts';
import type { TunnelOverlay } from './generated/tunnel.ts';
import { validateOverlay, validateTunnel } from './generated/validate-tunnel.js';
import { interpret } from './interpret.ts';
import { mergeOverlay } from './overlay.ts';
import { byPosition, errorAt, otherKind } from './problem.ts';
import { describeSchemaErrors, nodeToBlame, settleAlternatives } from './schema-errors.ts';
import { childOf, plainValue, positionAt, type SpecNode, without } from './tree.ts';
import { readYaml } from './yaml.ts';

/** A document's text, and the file that diagnostics name. */
export interface SpecText {
  readonly text: string;
  readonly file: string;
}

/** A spec that may be planned with. */
export interface LoadedSpec {
  readonly desired: DesiredState;
  readonly warnings: readonly Diagnostic[];
}

/** Problems that one failure lists; a document made of nothing else is told once that there are more. */
const MAX_PROBLEMS = 100;

/**
 * Turns the text of a tunnel.yaml, and that of the overlay beside it, into the desired state. `file` may be
 * relative to the working directory; `allowedRanges` are the host policy's. Reads nothing. Throws a Failure of kind `error` with every problem of both
 * documents, in order, and nothing else.
 */
export function parseSpec(
  text: string,
  file: string,
  overlay?: SpecText,
  allowedRanges: readonly Prefix[] = [],
): LoadedSpec {
  const problems: Diagnostic[] = [];
  const base = readDocument({ text, file }, 'spec', problems);
  const local = overlay === undefined ? null : readDocument(overlay, 'overlay', problems);
  if (base === null) throw failure(problems);

  const merged = local === null ? null : mergeOverlay(base.root, local.root);
  if (merged !== null && problems.length === 0) problems.push(...merged.problems);
  const sound = soundPart(merged?.root ?? base.root);
  if (sound === null) throw failure(problems);
  problems.push(...describeSchemaErrors(merged?.root ?? base.root, sound.refused));

  const context = new Context(sound.root, problems.length === 0, allowedRanges);
  const desired = interpret(context, sound.value, file, merged?.overrides ?? []);
  problems.push(...context.problems);
  if (problems.some(({ severity }) => severity === 'error')) throw failure(problems);
  return { desired, warnings: problems.toSorted(byPosition) };
}

/** All problems as one failure: file by file as they were found, each in order of position. */
function failure(problems: readonly Diagnostic[]): Failure {
  const files = [...new Set(problems.map((problem) => problem.at?.file))];
  const sorted = files.flatMap((file) =>
    problems.filter((problem) => problem.at?.file === file).sort(byPosition),
  );
  const shown = sorted.slice(0, MAX_PROBLEMS);
  const [first] = sorted;
  if (sorted.length > shown.length && first !== undefined) {
    shown.push({
      code: 'too-many-problems',
      severity: 'error',
      summary: `${sorted.length - shown.length} more problems are not shown`,
      cause: `the first ${MAX_PROBLEMS} are listed`,
      fix: 'mend those first',
    });
  }
  return new Failure('error', shown);
}

/**
 * Reads and validates one document, and returns what of it is sound; null where nothing is. An overlay may be
 * empty: then nothing is overridden.
 */
function readDocument(
  { text, file }: SpecText,
  kind: 'spec' | 'overlay',
  problems: Diagnostic[],
): Sound | null {
  const reading = readYaml(text, file, problems);
  if (!reading.readable) return null;
  if (reading.root === null) {
    if (kind === 'spec') problems.push(emptySpec(file));
    return null;
  }
  const { root } = reading;
  const other = kind === 'spec' ? otherKind(textUnder(root, 'apiVersion'), textUnder(root, 'kind')) : null;
  if (other !== null) {
    problems.push(errorAt(positionAt(root, ['kind']), other));
    return null;
  }
  const validate = kind === 'spec' ? validateTunnel : validateOverlay;
  if (!validate(plainValue(reading.root))) {
    for (const problem of describeSchemaErrors(reading.root, validate.errors ?? [])) problems.push(problem);
  }
  return soundPart(reading.root);
}

/** The plain value under a key of the document; undefined where there is none. */
function textUnder(root: SpecNode, key: string): unknown {
  const node = childOf(root, key);
  return node?.kind === 'scalar' ? node.value : undefined;
}

function emptySpec(file: string): Diagnostic {
  return errorAt(
    { file, line: 1, column: 1 },
    {
      code: 'spec-empty',
      summary: 'the spec is empty',
      cause: 'there is nothing in it but white space and comments',
      fix: 'write a spec, or let `mkplan init --force` put one in its place',
    },
  );
}

interface Sound {
  readonly root: SpecNode;
  readonly value: TunnelOverlay;
  /** What the validator said first of what was left out. */
  readonly refused: NonNullable<typeof validateOverlay.errors>;
}

/**
 * The part of a document that the schema accepts, with nothing required: what it refuses is left out, so that
 * the meaning of all the rest can be checked in the same run. Null where nothing remains.
 */
function soundPart(root: SpecNode): Sound | null {
  let refused: Sound['refused'] | null = null;
  let current: SpecNode | null = root;
  while (current !== null) {
    const tree: SpecNode = current;
    const value = plainValue(tree);
    if (validateOverlay(value)) return { root: tree, value, refused: refused ?? [] };
    const errors = validateOverlay.errors ?? [];
    refused ??= errors;
    const doomed = settleAlternatives(errors).map((error) => nodeToBlame(tree, error));
    current = without(tree, new Set(doomed.filter((node) => node !== null)));
  }
  return null;
}
