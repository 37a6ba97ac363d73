import { Document, isMap, isScalar, isSeq, LineCounter, type Pair, parseDocument, Scalar, visit } from 'yaml';
import { Failure } from '../model/diagnostic.ts';
import type { ObservedState } from '../model/observed.ts';
import { INVISIBLE } from '../model/text/printable.ts';
import { Cursor, malformedObservation } from './codec.ts';
import { observedState } from './observed-codec.ts';

/** Version of the written form. Another one is refused: its keys may mean something else. */
const OBSERVATION_VERSION = 'mkplan/v1alpha1';

/** An observation as files hold it: JSON values, in the order in which they are written. */
export interface ObservedDocument {
  readonly apiVersion: string;
  readonly kind: 'Observation';
  readonly [part: string]: unknown;
}

/** Some 100,000 routes; more is no host's. */
const MAX_BYTES = 64 * 1024 * 1024;

/** Lists whose items, and mappings which, take one line each. */
const ONE_LINE_ITEMS = new Set([
  'links',
  'addresses',
  'rules',
  'routes',
  'answers',
  'critical',
  'minikubeTunnels',
  'nodes',
  'endpoints',
  'strayPods',
  'participants',
  'allocations',
]);
const ONE_LINE = new Set(['route', 'owner', 'open', 'kubeadm']);

/** The document form of a state. Holds no secrets: none are in the state. */
export function encodeObserved(state: ObservedState): ObservedDocument {
  const parts = observedState.encode(state) as Record<string, unknown>;
  return { apiVersion: OBSERVATION_VERSION, kind: 'Observation', ...parts };
}

function setFlow(pair: Pair): void {
  const { key, value } = pair;
  const name = isScalar(key) ? String(key.value) : '';
  if (isMap(value) && ONE_LINE.has(name)) value.flow = true;
  if (!isSeq(value)) return;
  if (value.items.every(isScalar)) value.flow = true;
  if (!ONE_LINE_ITEMS.has(name)) return;
  for (const item of value.items) if (isMap(item)) item.flow = true;
}

/**
 * The text of an observation file: YAML, a route a line. YAML has an escape for what does not show between double quotes
 * (YAML 1.2.2, 5.7), where the library leaves some of it as it is.
 */
export function printObserved(document: ObservedDocument): string {
  const tree = new Document(document, { aliasDuplicateObjects: false });
  visit(tree, {
    Pair: (_, pair) => {
      setFlow(pair);
    },
    Scalar: (_, scalar) => {
      if (typeof scalar.value === 'string' && scalar.value.search(INVISIBLE) >= 0) {
        scalar.type = Scalar.QUOTE_DOUBLE;
      }
    },
  });
  return tree.toString({ lineWidth: 0 }).replace(INVISIBLE, (character) => {
    if (character === '\n') return character;
    const code = (character.codePointAt(0) ?? 0).toString(16);
    return code.length > 4 ? `\\U${code.padStart(8, '0')}` : `\\u${code.padStart(4, '0')}`;
  });
}

function checkVersion(top: Cursor, node: Document.Parsed): void {
  const [apiVersion, kind] = [node.get('apiVersion'), node.get('kind')];
  if (kind !== 'Observation') top.below(node.get('kind', true), 'kind').fail('is not Observation');
  if (apiVersion === OBSERVATION_VERSION) return;
  const at = top.below(node.get('apiVersion', true), 'apiVersion').position;
  throw new Failure('error', [
    {
      code: 'observation-version',
      severity: 'error',
      summary: `apiVersion ${JSON.stringify(apiVersion ?? null)} is not ${OBSERVATION_VERSION}`,
      cause: 'The file was written by another version of mkplan, and its keys may mean something else.',
      fix: 'Use that version of mkplan, or record the observation again.',
      command: 'mkplan observe --out observed.yaml',
      at,
    },
  ]);
}

/**
 * Reads the text of an observation file (YAML 1.2 or JSON, no aliases). Throws a Failure with line and column for text
 * that is no observation, and for one of another version.
 */
export function decodeObserved(source: string, file: string): ObservedState {
  const start = { file, line: 1, column: 1 };
  if (Buffer.byteLength(source) > MAX_BYTES) {
    throw malformedObservation(`${file} is longer than ${MAX_BYTES} bytes`, start);
  }
  const lines = new LineCounter();
  const tree = parseDocument(source, { lineCounter: lines, prettyErrors: false });
  const [error] = tree.errors;
  if (error !== undefined) {
    const { line, col } = lines.linePos(error.pos[0]);
    throw malformedObservation(`not YAML: ${error.message}`, { file, line, column: col });
  }
  const top = new Cursor(tree.contents, '', { file, lines, offset: 0 });
  if (!isMap(tree.contents)) return top.fail('is not a mapping');
  checkVersion(top, tree);
  // The header is checked; what is left is the state.
  for (const key of ['apiVersion', 'kind']) tree.delete(key);
  return observedState.decode(top);
}
