import { basename } from 'node:path';
import {
  type Document,
  isAlias,
  isCollection,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type ParsedNode,
  parseAllDocuments,
  visit,
  type YAMLMap,
} from 'yaml';
import { isObject, type Json, type JsonObject, textAt } from '../../embedded-api/objects/json.ts';
import {
  apiVersionOf,
  CONFIG_MAPS,
  RESOURCES,
  type Resource,
  resourceOfKind,
} from '../../embedded-api/resources.ts';
import type { Diagnostic, SourcePosition } from '../../model/diagnostic.ts';
import type { ManifestFile } from './files.ts';
import { KINDLESS, LARGE_FILE, type Skipped, TEMPLATE } from './skipped.ts';

/** One object of a manifest, of a kind that the embedded API serves. */
export interface FoundObject {
  readonly resource: Resource;
  readonly object: JsonObject;
  readonly name: string;
  /** Empty for cluster-scoped kinds. */
  readonly namespace: string;
  readonly at: SourcePosition;
}

/** What the files hold, each in the order in which it stands there. */
export interface Documents {
  readonly found: readonly FoundObject[];
  readonly skipped: readonly Skipped[];
  readonly problems: readonly Diagnostic[];
}

const MAX_ALIASES = 100;
const LOCAL_CONFIG = 'config.kubernetes.io/local-config';

/** ConfigMaps that say something of the cluster; all others are for its programs. */
const CLUSTER_MAPS = ['kube-system/kubeadm-config', 'kube-system/mkplan-allocations'];

/** A problem of one manifest. */
export function invalid(summary: string, cause: string, fix: string, at: SourcePosition): Diagnostic {
  return { code: 'manifest-invalid', severity: 'error', summary, cause, fix, at };
}

/** Local files that tools read and clusters never get, such as tunnel.yaml itself. */
function isLocal(apiVersion: string, annotation: string | undefined): boolean {
  return annotation === 'true' || apiVersion.startsWith('mkplan/');
}

/** Whether objects of the kind are of use, whatever version of its group they are of. */
function isUsed(kind: string, apiVersion = ''): boolean {
  const group = apiVersion.includes('/') ? apiVersion.split('/', 1)[0] : '';
  return RESOURCES.some(
    (resource) => resource.kind === kind && (apiVersion === '' || resource.group === group),
  );
}

/** What the line calls an object that is not of use. */
function called(kind: string, apiVersion: string): string {
  if (!/^[A-Za-z][A-Za-z0-9]{0,62}$/.test(kind)) return KINDLESS;
  const isOther = isUsed(kind) && /^[\w.-]+\/\w+$/.test(apiVersion);
  return isOther ? `${kind} of ${apiVersion}` : kind;
}

function textOf(node: unknown, key: string): string {
  const value = isMap(node) ? node.get(key) : undefined;
  return typeof value === 'string' ? value : '';
}

/** Whether text that is not YAML, or not what its author meant, is so because something has yet to be put in. */
function isTemplate(document: Document.Parsed, text: string): boolean {
  if (!/\{\{|\{%/.test(text)) return false;
  if (document.errors.length > 0) return true;
  let found = false;
  visit(document, {
    Pair(_, pair) {
      // `name: {{ x }}` is a map with a map for its key.
      found ||= isCollection(pair.key);
      return found ? visit.BREAK : undefined;
    },
  });
  return found;
}

function countAliases(document: Document.Parsed): number {
  let aliases = 0;
  visit(document, (_, node) => {
    if (isAlias(node)) aliases++;
  });
  return aliases;
}

/** Reads the documents of one file. */
class FileReader {
  readonly found: FoundObject[] = [];
  readonly skipped: Skipped[] = [];
  readonly problems: Diagnostic[] = [];
  readonly #file: string;
  readonly #text: string;
  readonly #lines = new LineCounter();

  constructor(file: string, text: string) {
    this.#file = file;
    this.#text = text;
  }

  read(): void {
    const documents = [
      ...parseAllDocuments(this.#text, {
        lineCounter: this.#lines,
        version: '1.2',
        schema: 'core',
        merge: true,
        logLevel: 'error',
      }),
    ] as Document.Parsed[];
    const failed = documents.filter(({ errors }) => errors.length > 0);
    if (documents.some((document) => isTemplate(document, this.#text))) {
      this.#skip(TEMPLATE);
      return;
    }
    for (const document of failed) this.#broken(document);
    for (const document of documents) if (!failed.includes(document)) this.#document(document);
  }

  #position(offset: number): SourcePosition {
    const { line, col } = this.#lines.linePos(offset);
    return { file: this.#file, line, column: col };
  }

  #skip(what: string): void {
    this.skipped.push({ what, file: this.#file });
  }

  /** What is not YAML is a mistake where it is meant as an object that is used. */
  #broken(document: Document.Parsed): void {
    const [start, , end] = document.range;
    const kinds = [...this.#text.slice(start, end).matchAll(/\bkind["']?\s*:\s*["']?(\w+)/g)].map(
      ([, kind = '']) => kind,
    );
    const [error] = document.errors;
    if (error !== undefined && kinds.some((kind) => kind === 'List' || isUsed(kind))) {
      const summary = error.message.split('\n', 1)[0] ?? error.message;
      const cause = 'the file is not valid YAML';
      this.problems.push(invalid(summary, cause, 'Correct it.', this.#position(error.pos[0])));
    } else {
      this.#skip(called(kinds[0] ?? '', ''));
    }
  }

  #document(document: Document.Parsed): void {
    const contents = document.contents as ParsedNode | null;
    // Comments alone, or nothing between two `---`.
    if (contents === null || (isScalar(contents) && contents.value === null)) return;
    this.#node(document, contents, { kind: '', apiVersion: '' });
  }

  /** An object, or the items of a list; `usual` is what an item is that does not say it. */
  #node(document: Document.Parsed, node: unknown, usual: { kind: string; apiVersion: string }): void {
    const kind = textOf(node, 'kind') || usual.kind;
    const apiVersion = textOf(node, 'apiVersion') || usual.apiVersion;
    const items = isMap(node) && kind.endsWith('List') ? node.get('items') : null;
    if (isSeq(items)) {
      // Items of a ServiceList, as the API gives it, are Services without saying so; those of a List say what they are.
      const own = kind.slice(0, -'List'.length);
      const typed = own === '' ? { kind: '', apiVersion: '' } : { kind: own, apiVersion };
      for (const item of items.items) this.#node(document, item, typed);
    } else if (!isMap(node) || !isUsed(kind, apiVersion)) {
      this.#unused(node, kind, apiVersion);
    } else {
      this.#used(document, node, kind, apiVersion);
    }
  }

  #used(document: Document.Parsed, node: YAMLMap, kind: string, apiVersion: string): void {
    const at = this.#position(node.range?.[0] ?? 0);
    if (countAliases(document) > MAX_ALIASES) {
      const cause = `at most ${MAX_ALIASES} aliases are read in a document`;
      this.problems.push(invalid('too many aliases', cause, 'Write the values out.', at));
      return;
    }
    const value = node.toJS(document, { maxAliasCount: MAX_ALIASES }) as Json;
    if (isObject(value)) this.#object({ ...value, apiVersion, kind }, at);
  }

  #unused(node: unknown, kind: string, apiVersion: string): void {
    const annotations = isMap(node) ? node.getIn(['metadata', 'annotations']) : undefined;
    if (isLocal(apiVersion, textOf(annotations, LOCAL_CONFIG))) return;
    const isKustomization = kind === '' && /^kustomization\.ya?ml$/.test(basename(this.#file));
    this.#skip(isKustomization ? 'Kustomization' : called(kind, apiVersion));
  }

  #object(object: JsonObject, at: SourcePosition): void {
    const [apiVersion, kind] = [textAt(object, 'apiVersion') ?? '', textAt(object, 'kind') ?? ''];
    if (isLocal(apiVersion, textAt(object, 'metadata', 'annotations', LOCAL_CONFIG))) return;
    const resource = resourceOfKind(apiVersion, kind);
    if (resource === undefined) {
      const served = RESOURCES.filter((one) => one.kind === kind).map(apiVersionOf);
      const summary =
        apiVersion === '' ? `a ${kind} has no apiVersion` : `${kind} of ${apiVersion} is not served`;
      const cause = `the sandbox's API serves ${kind} of ${served.join(' and ')}`;
      this.problems.push(invalid(summary, cause, `Write apiVersion: ${served[0] ?? ''}.`, at));
      return;
    }
    const name = textAt(object, 'metadata', 'name') ?? '';
    if (name === '') {
      const cause = 'objects are told apart by their names';
      this.problems.push(invalid(`a ${kind} has no metadata.name`, cause, 'Name it.', at));
      return;
    }
    const namespace = resource.namespaced ? (textAt(object, 'metadata', 'namespace') ?? 'default') : '';
    if (resource === CONFIG_MAPS && !CLUSTER_MAPS.includes(`${namespace}/${name}`)) this.#skip(kind);
    else this.found.push({ resource, object, name, namespace, at });
  }
}

/** Reads the documents of files: objects that are used, what is left aside, and every problem. */
export function readDocuments(files: readonly ManifestFile[]): Documents {
  const readers = files.map(({ file, text, isTemplate: template }) => {
    const reader = new FileReader(file, text ?? '');
    if (template === true) reader.skipped.push({ what: TEMPLATE, file });
    else if (text === null) reader.skipped.push({ what: LARGE_FILE, file });
    else reader.read();
    return reader;
  });
  return {
    found: readers.flatMap(({ found }) => found),
    skipped: readers.flatMap(({ skipped }) => skipped),
    problems: readers.flatMap(({ problems }) => problems),
  };
}
