import { delimiter, dirname, isAbsolute, join, resolve } from 'node:path';
import { Failure, messageOf } from '../../model/diagnostic.ts';
import { shellWord } from '../../model/shell-word.ts';
import { thoseThatExist } from '../../model/text/nearest.ts';
import { readBounded, UnfitFile } from '../../platform/bounded-file.ts';
import { type CredentialProgram, readProgram } from './credential-program.ts';
import { readDocument, UnreadableText } from './document.ts';
import { readFields, WrongField } from './fields.ts';

/** One context with its cluster and user, as the kubeconfig files give them. Holds secrets. */
export interface KubeContext {
  readonly name: string;
  readonly server: URL;
  /** The raw `cluster` entry, its file paths absolute. */
  readonly cluster: Readonly<Record<string, unknown>>;
  /** The raw `user` entry, its file paths absolute. */
  readonly user: Readonly<Record<string, unknown>>;
  /** What makes the user's credentials; null where they are in the files. */
  readonly program: CredentialProgram | null;
  /** Whether minikube wrote both context and cluster, for this profile. */
  readonly writtenByMinikube: boolean;
}

type Entry = Readonly<Record<string, unknown>>;
type Section = 'clusters' | 'users' | 'contexts';

/** What the kubeconfig's files come to together. */
export interface Merged {
  readonly files: readonly string[];
  /** Those of them that do not exist. */
  readonly missing: ReadonlySet<string>;
  readonly sections: Readonly<Record<Section, Map<string, Entry>>>;
  /** `current-context`: the first file that has one counts. */
  readonly current: string | null;
}

const MAX_BYTES = 8 * 1024 * 1024;
const INNER = { clusters: 'cluster', users: 'user', contexts: 'context' } as const;
const PATH_KEYS = ['certificate-authority', 'client-certificate', 'client-key', 'tokenFile'];
const MINIKUBE_PROVIDER = 'minikube.sigs.k8s.io';

function failure(code: string, summary: string, cause: string, fix: string, command?: string): Failure {
  return new Failure('error', [
    { code, severity: 'error', summary, cause, fix, ...(command === undefined ? {} : { command }) },
  ]);
}

function isEntry(value: unknown): value is Entry {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The bytes of one file; null when there is none, which kubectl passes over. */
async function readBytes(file: string, isListed: boolean): Promise<Buffer | null> {
  try {
    return await readBounded(file, { maxBytes: MAX_BYTES });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    const reason = isListed
      ? 'Every file that KUBECONFIG lists and that exists has to be readable.'
      : 'It is the kubeconfig where KUBECONFIG lists none.';
    const right =
      error instanceof UnfitFile ? 'Put a kubeconfig file in its place' : 'Correct the file’s permissions';
    throw failure(
      'kubeconfig-unreadable',
      `cannot read the kubeconfig file ${file}: ${messageOf(error)}`,
      reason,
      isListed ? `${right}, or take it out of KUBECONFIG.` : `${right}.`,
    );
  }
}

function malformed(file: string, why: string, fix = 'Correct the file.'): Failure {
  return failure(
    'kubeconfig-malformed',
    `${file} is not a kubeconfig file: ${why}`,
    'Every file of the kubeconfig is read to find a context.',
    fix,
    `kubectl --kubeconfig=${shellWord(file)} config view`,
  );
}

function withAbsolutePaths(entry: Entry, folder: string): Entry {
  const absolute = PATH_KEYS.flatMap((key): [string, string][] => {
    const value = entry[key];
    return typeof value === 'string' && value !== '' && !isAbsolute(value)
      ? [[key, resolve(folder, value)]]
      : [];
  });
  return { ...entry, ...Object.fromEntries(absolute), ...withAbsoluteProgram(entry['exec'], folder) };
}

/** A program that is named by a relative path is looked for beside the file; by a bare name, in PATH. */
function withAbsoluteProgram(exec: unknown, folder: string): Entry {
  const command: unknown = isEntry(exec) ? exec['command'] : undefined;
  const isRelative = typeof command === 'string' && /[\\/]/.test(command) && !isAbsolute(command);
  return isEntry(exec) && isRelative ? { exec: { ...exec, command: resolve(folder, command) } } : {};
}

function mergeSection(into: Map<string, Entry>, section: Section, listed: unknown, file: string): void {
  if (listed === undefined || listed === null) return;
  if (!Array.isArray(listed)) throw malformed(file, `${section} is not a list`);
  const seen = new Set<string>();
  for (const listedItem of listed) {
    // An entry of nothing, or without a name, has the empty one.
    const item: unknown = listedItem ?? {};
    const name: unknown = isEntry(item) ? (item['name'] ?? '') : undefined;
    if (!isEntry(item) || typeof name !== 'string')
      throw malformed(file, `${section} has an entry whose name is not a text`);
    if (seen.has(name)) throw malformed(file, `${section} lists "${name}" twice`);
    seen.add(name);
    const inner = item[INNER[section]];
    const entry = isEntry(inner) ? inner : {};
    if (section === 'contexts') checkReferences(file, name, entry);
    // kubectl: the first file to name an entry wins, and nothing of a later one is mixed in.
    if (!into.has(name)) into.set(name, withAbsolutePaths(entry, dirname(file)));
  }
}

function checkReferences(file: string, name: string, context: Entry): void {
  for (const key of ['cluster', 'user']) {
    const reference = context[key] ?? '';
    if (typeof reference !== 'string') throw malformed(file, `the ${key} of context "${name}" is no name`);
  }
}

/** The files that make up the kubeconfig, in order: those of KUBECONFIG, or ~/.kube/config; none without a home. */
export function kubeconfigFiles(env: NodeJS.ProcessEnv, home: string): readonly string[] {
  const listed = env['KUBECONFIG'] ?? '';
  // Without a home, the file of that name in the working directory is nobody's word.
  if (listed === '') return isAbsolute(home) ? [join(home, '.kube', 'config')] : [];
  return [...new Set(listed.split(delimiter))].filter((file) => file !== '');
}

/** Reads all files of the kubeconfig. Throws a Failure when one cannot be read. */
export async function readMerged(env: NodeJS.ProcessEnv, home: string): Promise<Merged> {
  let current: string | null = null;
  const missing = new Set<string>();
  const merged = {
    files: kubeconfigFiles(env, home),
    missing,
    sections: {
      clusters: new Map<string, Entry>(),
      users: new Map<string, Entry>(),
      contexts: new Map<string, Entry>(),
    },
  };
  for (const file of merged.files) {
    const bytes = await readBytes(file, (env['KUBECONFIG'] ?? '') !== '');
    if (bytes === null) {
      missing.add(file);
      continue;
    }
    let config: unknown;
    try {
      config = readDocument(bytes);
    } catch (error) {
      throw error instanceof UnreadableText ? malformed(file, error.message, error.fix) : error;
    }
    if (config === null || config === undefined) continue;
    if (!isEntry(config)) throw malformed(file, 'it is not a mapping');
    const named = config['current-context'];
    if (typeof named === 'string' && named !== '') current ??= named;
    for (const section of ['clusters', 'users', 'contexts'] as const) {
      mergeSection(merged.sections[section], section, config[section], file);
    }
  }
  return { ...merged, current };
}

/** The name that a context has for its cluster or its user; empty where it has none. */
function referenceOf(context: Entry | undefined, key: 'cluster' | 'user'): string {
  const reference = context?.[key];
  return typeof reference === 'string' ? reference : '';
}

function providedByMinikube(entry: Entry, name: string): boolean {
  const extensions = entry['extensions'];
  return (
    Array.isArray(extensions) &&
    extensions.some(
      (item) =>
        isEntry(item) &&
        item['name'] === name &&
        isEntry(item['extension']) &&
        item['extension']['provider'] === MINIKUBE_PROVIDER,
    )
  );
}

/** Where minikube keeps its authority and the client certificate of a profile, which before 1.5 all profiles shared. */
const MINIKUBE_CA = /[\\/]\.minikube[\\/]ca\.crt$/;
const MINIKUBE_CLIENT = /[\\/]\.minikube[\\/](?:profiles[\\/]([^\\/]+)[\\/])?client\.crt$/;

/** Whether a cluster and its user are as minikube before 1.18 wrote them, which left no extension: by the certificates. */
function hasMinikubeFiles(cluster: Entry, user: Entry, profile: string): boolean {
  const [ca, client] = [cluster['certificate-authority'], user['client-certificate']];
  if (typeof ca !== 'string' || typeof client !== 'string' || !MINIKUBE_CA.test(ca)) return false;
  const found = MINIKUBE_CLIENT.exec(client);
  return found !== null && (found[1] ?? profile) === profile;
}

function serverOf(context: string, cluster: Entry): URL {
  const server = cluster['server'];
  const url = typeof server === 'string' && URL.canParse(server) ? new URL(server) : null;
  if (url?.protocol !== 'https:') {
    throw failure(
      'kubeconfig-server',
      `context "${context}": its server ${typeof server === 'string' ? server : '(none)'} is not an https URL`,
      'Only a certificate proves that the address that answers is the cluster’s.',
      'Name a context whose server is https.',
    );
  }
  return url;
}

function checkUser(context: string, user: Entry): void {
  if (user['auth-provider'] !== undefined) {
    throw failure(
      'kubeconfig-credentials',
      `context "${context}": its user has "auth-provider", which is not supported`,
      'Kubernetes dropped logins of that kind with 1.26.',
      'Name a context that authenticates by client certificate, token, password or program.',
    );
  }
  const alone = ['as-uid', 'as-groups', 'as-user-extra'].find((key) => user[key] !== undefined);
  if (alone !== undefined && user['as'] === undefined) {
    throw failure(
      'kubeconfig-credentials',
      `context "${context}": its user has "${alone}" without "as"`,
      'Groups, uid and extras are those of the user that is impersonated.',
      `Write in \`as\` who that is, or remove \`${alone}\`.`,
    );
  }
}

/** The fields of a context's cluster or user. Throws a Failure where one of them cannot be used. */
function fieldsOf(context: string, section: 'cluster' | 'user', entry: Entry): Entry {
  try {
    return readFields(entry);
  } catch (error) {
    if (!(error instanceof WrongField)) throw error;
    throw failure(
      'kubeconfig-malformed',
      `context "${context}": its ${section} is malformed: ${error.message}`,
      'A kubeconfig is not read by guesses: what is meant for one value may be another.',
      error.fix,
    );
  }
}

function lookedIn({ files, missing }: Merged): string {
  if (files.length === 0) return 'KUBECONFIG and HOME name no file';
  const named = files.map((file) => (missing.has(file) ? `${file} (does not exist)` : file));
  return `Looked in ${named.join(', ')}`;
}

/** The cluster of a context; nothing where it is not defined. */
export function clusterOf({ sections }: Merged, context: string): Entry {
  return sections.clusters.get(referenceOf(sections.contexts.get(context), 'cluster')) ?? {};
}

/** The profile that minikube wrote a context and its cluster for; null where another program did. */
export function minikubeProfile(merged: Merged, name: string): string | null {
  const { contexts, users } = merged.sections;
  const context = contexts.get(name) ?? {};
  const profile = referenceOf(context, 'cluster');
  const cluster = clusterOf(merged, name);
  const isIts =
    (providedByMinikube(context, 'context_info') && providedByMinikube(cluster, 'cluster_info')) ||
    hasMinikubeFiles(cluster, users.get(referenceOf(context, 'user')) ?? {}, profile);
  return isIts ? profile : null;
}

/**
 * Finds a context the way kubectl does: KUBECONFIG lists files, missing ones are passed over, the first to name an
 * entry wins; without it, ~/.kube/config. Throws a Failure when the context is not there or cannot be used.
 */
export async function readKubeContext(options: {
  context: string;
  profile: string;
  env: NodeJS.ProcessEnv;
  home: string;
}): Promise<KubeContext> {
  const { context: name } = options;
  const merged = await readMerged(options.env, options.home);
  const { sections } = merged;
  const context = sections.contexts.get(name);
  const [clusterName, userName] = [referenceOf(context, 'cluster'), referenceOf(context, 'user')];
  const listed = sections.clusters.get(clusterName);
  if (context === undefined || listed === undefined) {
    throw failure(
      'context-unknown',
      context === undefined
        ? `there is no kubeconfig context "${name}"`
        : `context "${name}" names the cluster "${clusterName}", which is not defined`,
      context === undefined
        ? `${lookedIn(merged)}: ${thoseThatExist(name, [...sections.contexts.keys()])}.`
        : `${lookedIn(merged)}.`,
      'Set `context` in tunnel.yaml to a context that exists, or add this one to the kubeconfig.',
      'kubectl config get-contexts',
    );
  }
  const cluster = fieldsOf(name, 'cluster', listed);
  const user = fieldsOf(name, 'user', sections.users.get(userName) ?? {});
  checkUser(name, user);
  return {
    name,
    server: serverOf(name, cluster),
    cluster,
    user,
    program: readProgram(name, user['exec']),
    writtenByMinikube: minikubeProfile(merged, name) === options.profile,
  };
}
