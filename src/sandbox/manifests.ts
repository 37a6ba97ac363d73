import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type Document, isAlias, isNode, LineCounter, parseAllDocuments, visit } from 'yaml';
import {
  arrayAt,
  isObject,
  type Json,
  type JsonObject,
  objectAt,
  textAt,
  textsAt,
} from '../embedded-api/objects/json.ts';
import { NODES, type Resource, resourceOfKind, SERVICE_CIDRS } from '../embedded-api/resources.ts';
import { type Diagnostic, Failure, messageOf } from '../model/diagnostic.ts';
import {
  formatAddress,
  formatPrefix,
  type Prefix,
  parseAddress,
  parsePrefix,
  samePrefix,
} from '../model/prefix.ts';
import { DEFAULT_NODES, DEFAULT_SERVICES } from './default-manifests.ts';

/** One file of manifests. */
export interface ManifestFile {
  readonly file: string;
  readonly text: string;
}

/** One object of a manifest, of a kind that the embedded API serves. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly object: JsonObject;
}

/** A Node, as far as the sandbox's network is laid by it. */
export interface ManifestNode {
  readonly name: string;
  /** Full-length prefixes, in the Node's order; at least one. */
  readonly internalIps: readonly Prefix[];
  readonly podCidrs: readonly Prefix[];
  readonly controlPlane: boolean;
}

export interface Manifests {
  readonly objects: readonly Manifest[];
  /** At least one, in the order of the files. */
  readonly nodes: readonly ManifestNode[];
  /** Canonical; of the ServiceCIDR objects, else 10.96.0.0/12. */
  readonly serviceCidrs: readonly string[];
}

const MAX_FILES = 256;
const MAX_FILE_BYTES = 1024 * 1024;
const MAX_OBJECTS = 20_000;
const MAX_ALIASES = 100;

/** kubeadm's default. */
const DEFAULT_SERVICE_CIDR = '10.96.0.0/12';

const SUPPORTED = 'Node, Service, EndpointSlice, Pod, ConfigMap, Namespace, ServiceCIDR, Event and Lease';

interface Found extends Manifest {
  readonly resource: Resource;
  readonly at: { readonly file: string; readonly line: number; readonly column: number };
}

function problem(code: string, summary: string, cause: string, fix: string, at?: Found['at']): Diagnostic {
  return { code, severity: 'error', summary, cause, fix, ...(at === undefined ? {} : { at }) };
}

function invalid(summary: string, cause: string, fix: string, at: Found['at']): Diagnostic {
  return problem('manifest-invalid', summary, cause, fix, at);
}

/** Local files that tools read and clusters never get, such as tunnel.yaml itself. */
function isLocal(object: JsonObject): boolean {
  const annotation = textAt(object, 'metadata', 'annotations', 'config.kubernetes.io/local-config');
  return annotation === 'true' || (textAt(object, 'apiVersion') ?? '').startsWith('mkplan/');
}

function countAliases(document: Document): number {
  let aliases = 0;
  visit(document, (_, node) => {
    if (isNode(node) && isAlias(node)) aliases++;
  });
  return aliases;
}

/** The objects of a document: itself, or the items of a List such as `kubectl get -o yaml` prints. */
function objectsOf(value: Json): Json[] {
  if (isObject(value) && textAt(value, 'kind') === 'List') return [...arrayAt(value, 'items')];
  return value === null ? [] : [value];
}

function recognise(value: Json, at: Found['at']): Found | Diagnostic | null {
  if (!isObject(value)) {
    return invalid('a manifest is not an object', 'every document is one Kubernetes object', 'remove it', at);
  }
  if (isLocal(value)) return null;
  const [apiVersion, kind] = [textAt(value, 'apiVersion') ?? '', textAt(value, 'kind') ?? ''];
  const name = textAt(value, 'metadata', 'name') ?? '';
  const resource = resourceOfKind(apiVersion, kind);
  if (resource === undefined) {
    return problem(
      'manifest-unsupported',
      `the sandbox has no ${kind === '' ? 'object without a kind' : `${kind} of ${apiVersion}`}`,
      `its API serves ${SUPPORTED}; there are no controllers that would act on anything else`,
      'keep it in another directory, and write out the Services and EndpointSlices that it leads to',
      at,
    );
  }
  if (name === '') {
    return invalid(`a ${kind} has no metadata.name`, 'objects are told apart by their names', 'name it', at);
  }
  return { apiVersion, kind, object: value, resource, at };
}

function readFileObjects({ file, text }: ManifestFile): (Found | Diagnostic)[] {
  const lines = new LineCounter();
  const positionOf = (offset: number): Found['at'] => {
    const { line, col } = lines.linePos(offset);
    return { file, line, column: col };
  };
  const documents = parseAllDocuments(text, { lineCounter: lines, version: '1.2', schema: 'core' });
  return [...documents].flatMap((document): (Found | Diagnostic)[] => {
    const [error] = document.errors;
    if (error !== undefined) {
      const summary = error.message.split('\n', 1)[0] ?? error.message;
      return [invalid(summary, 'the file is not valid YAML', 'correct it', positionOf(error.pos[0]))];
    }
    const at = positionOf(document.contents?.range?.[0] ?? 0);
    if (countAliases(document) > MAX_ALIASES) {
      return [invalid('too many aliases', `at most ${MAX_ALIASES} are read`, 'write the values out', at)];
    }
    const value = document.toJS({ maxAliasCount: MAX_ALIASES }) as Json;
    return objectsOf(value).flatMap((object) => recognise(object, at) ?? []);
  });
}

function isFound(item: Found | Diagnostic): item is Found {
  return 'resource' in item;
}

/** The Node with what every running cluster has filled in: a Ready condition, unless it says otherwise. */
function completeNode(object: JsonObject): JsonObject {
  const status = objectAt(object, 'status');
  const conditions = arrayAt(status, 'conditions');
  if (conditions.some((condition) => textAt(condition, 'type') === 'Ready')) return object;
  const ready: Json = {
    type: 'Ready',
    status: 'True',
    reason: 'KubeletReady',
    message: 'kubelet is posting ready status',
  };
  return { ...object, status: { ...status, conditions: [...conditions, ready] } };
}

function readNode(found: Found): ManifestNode | Diagnostic {
  const name = textAt(found.object, 'metadata', 'name') ?? '';
  const internalIps: Prefix[] = [];
  for (const entry of arrayAt(found.object, 'status', 'addresses')) {
    if (textAt(entry, 'type') !== 'InternalIP') continue;
    const address = parseAddress(textAt(entry, 'address') ?? '');
    if (address === null) {
      return invalid(
        `node ${name}: ${String(textAt(entry, 'address'))} is no IP address`,
        'the node is given its InternalIPs',
        'correct it',
        found.at,
      );
    }
    internalIps.push(address);
  }
  if (internalIps.length === 0) {
    return invalid(
      `node ${name} has no InternalIP`,
      'the sandbox lays its network by status.addresses',
      'add { type: InternalIP, address: … }',
      found.at,
    );
  }
  const many = textsAt(found.object, 'spec', 'podCIDRs');
  const one = textAt(found.object, 'spec', 'podCIDR');
  const podCidrs: Prefix[] = [];
  for (const text of many.length > 0 || one === undefined ? many : [one]) {
    const cidr = parsePrefix(text);
    if (cidr === null) {
      return invalid(
        `node ${name}: ${text} is no canonical CIDR`,
        'podCIDRs are networks without host bits',
        'correct it',
        found.at,
      );
    }
    podCidrs.push(cidr);
  }
  const labels = objectAt(found.object, 'metadata', 'labels');
  const controlPlane =
    'node-role.kubernetes.io/control-plane' in labels || 'node-role.kubernetes.io/master' in labels;
  return { name, internalIps, podCidrs, controlPlane };
}

function sharedAddress(nodes: readonly ManifestNode[], node: ManifestNode, at: Found['at']): Diagnostic[] {
  for (const address of node.internalIps) {
    const other = nodes.find(({ internalIps }) =>
      internalIps.some((present) => samePrefix(address, present)),
    );
    if (other === undefined) continue;
    const summary = `nodes ${other.name} and ${node.name} share the address ${formatAddress(address)}`;
    return [invalid(summary, 'each node is a host of its own', 'give one of them another InternalIP', at)];
  }
  return [];
}

function readNodes(found: readonly Found[], problems: Diagnostic[]): ManifestNode[] {
  const nodes: ManifestNode[] = [];
  for (const item of found.filter((candidate) => candidate.resource === NODES)) {
    const node = readNode(item);
    if ('code' in node) {
      problems.push(node);
    } else {
      problems.push(...sharedAddress(nodes, node, item.at));
      nodes.push(node);
    }
  }
  return nodes;
}

function readServiceCidrs(found: readonly Found[], problems: Diagnostic[]): string[] {
  const cidrs: string[] = [];
  for (const { object, at } of found.filter((item) => item.resource === SERVICE_CIDRS)) {
    for (const text of textsAt(object, 'spec', 'cidrs')) {
      const prefix = parsePrefix(text);
      if (prefix === null)
        problems.push(
          invalid(
            `${text} is no canonical CIDR`,
            'service CIDRs are networks without host bits',
            'correct it',
            at,
          ),
        );
      else cidrs.push(formatPrefix(prefix));
    }
  }
  return cidrs.length === 0 ? [DEFAULT_SERVICE_CIDR] : cidrs;
}

/**
 * Reads manifests. Where no file has a Node, the two default ones stand in. Objects that are marked
 * `config.kubernetes.io/local-config` are skipped, as kustomize does. Throws a Failure with every problem found.
 */
export function parseManifests(files: readonly ManifestFile[]): Manifests {
  const read = files.flatMap(readFileObjects);
  const hasNode = read.some((item) => isFound(item) && item.resource === NODES);
  const all = hasNode ? read : [...readFileObjects(DEFAULT_NODES), ...read];
  const found = all.filter(isFound);
  const problems = all.filter((item): item is Diagnostic => !isFound(item));
  if (found.length > MAX_OBJECTS) {
    problems.push(
      problem(
        'manifest-invalid',
        `${found.length} objects`,
        `at most ${MAX_OBJECTS} are read`,
        'give fewer of them',
      ),
    );
  }
  const nodes = readNodes(found, problems);
  const serviceCidrs = readServiceCidrs(found, problems);
  if (problems.length > 0) throw new Failure('error', problems);
  const [first, ...rest] = nodes;
  const named = nodes.some((node) => node.controlPlane) || first === undefined;
  return {
    objects: found
      .filter((item) => item.resource !== SERVICE_CIDRS)
      .map(({ apiVersion, kind, object, resource }) => ({
        apiVersion,
        kind,
        object: resource === NODES ? completeNode(object) : object,
      })),
    // A cluster has a control plane even where no label says which node it is on.
    nodes: named ? nodes : [{ ...first, controlPlane: true }, ...rest],
    serviceCidrs,
  };
}

function unreadable(path: string, error: unknown): Failure {
  const diagnostic = problem(
    'manifest-unreadable',
    `cannot read ${path}: ${messageOf(error)}`,
    'the sandbox is made of the manifests in a directory',
    'name a directory that holds *.yaml files',
  );
  return new Failure('error', [diagnostic], { cause: error });
}

async function readOne(path: string): Promise<ManifestFile> {
  const { size } = await stat(path);
  if (size > MAX_FILE_BYTES) throw new RangeError(`${size} bytes, more than ${MAX_FILE_BYTES}`);
  return { file: path, text: await readFile(path, 'utf8') };
}

/**
 * Reads every *.yaml, *.yml and *.json file of a directory (not below it), by name; null gives the built-in manifests.
 * Throws a Failure.
 */
export async function readManifests(directory: string | null): Promise<Manifests> {
  if (directory === null) return parseManifests([DEFAULT_NODES, DEFAULT_SERVICES]);
  let names: string[];
  try {
    names = (await readdir(directory))
      .filter((name) => /\.(ya?ml|json)$/.test(name))
      .sort((a, b) => (a < b ? -1 : 1));
  } catch (error) {
    throw unreadable(directory, error);
  }
  if (names.length === 0) throw unreadable(directory, new Error('no *.yaml file is in it'));
  if (names.length > MAX_FILES) throw unreadable(directory, new RangeError(`more than ${MAX_FILES} files`));
  const files: ManifestFile[] = [];
  for (const name of names) {
    const path = join(directory, name);
    try {
      files.push(await readOne(path));
    } catch (error) {
      throw unreadable(path, error);
    }
  }
  return parseManifests(files);
}
