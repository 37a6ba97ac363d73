import type { Contexts, ListedContext } from '../../kubernetes/kubeconfig/contexts.ts';
import type { ProfileSettings, Profiles } from '../../minikube/profiles.ts';
import { type Diagnostic, Failure } from '../../model/diagnostic.ts';
import { thoseThatExist } from '../../model/text/nearest.ts';

/** What a profile is chosen from. */
export interface ProfileSources {
  readonly profiles: Pick<Profiles & ProfileSettings, 'list' | 'current' | 'place'>;
  /** Throws a Failure when the kubeconfig cannot be read. */
  contexts(): Promise<Contexts>;
}

/** A profile as a spec names it. */
export interface ChosenProfile {
  readonly name: string;
  /** The kubeconfig context; often its name. */
  readonly context: string;
  /** Whether it is a minikube profile: any other cluster's context needs approval. */
  readonly isMinikube: boolean;
}

/** minikube's own choice where nothing else names one. */
const DEFAULT_PROFILE = 'minikube';
/** As long as a profile's name may be. */
const LONGEST_NAME = 128;

/**
 * The profile that a command without a spec is about. Of these, the first that there is:
 *
 * 1. the one that is named: a minikube profile or a kubeconfig context;
 * 2. minikube's current one, by MINIKUBE_PROFILE or `minikube profile NAME`;
 * 3. kubectl's current context, if it is a minikube profile's, or its server is on this host's loopback, as kind's is;
 * 4. `minikube`, then the only minikube profile;
 * 5. kubectl's current context, wherever it leads.
 *
 * What could not be read on the way is told to `warn`. Throws a Failure that names those that exist.
 */
export async function chooseProfile(
  named: string | undefined,
  sources: ProfileSources,
  warn: (warning: Diagnostic) => void,
): Promise<ChosenProfile> {
  const names = await sources.profiles.list();
  if (named !== undefined) return await requireKnown(named, names, sources);
  const contexts = await readableContexts(sources, names);
  const { profile: current, problem } = await sources.profiles.current();
  if (current !== null) {
    if (names.includes(current.name)) return ofMinikube(current.name, contexts);
    throw unknown(current.name, names, `${current.source} names it as the current profile`);
  }
  const found = byKubectl(names, contexts) ?? byMinikube(names, contexts);
  if (found !== null) {
    if (problem !== null && found.isMinikube) warn(unreadSettings(found.name, problem));
    return found;
  }
  if (names.length > 0) throw ambiguous(names, problem);
  if (contexts.current !== null) return ofContext(contexts.current);
  throw noProfile(contexts, sources);
}

/** Where minikube has profiles, a kubeconfig that cannot be read keeps none of them from being chosen: the plan will tell of it. */
async function readableContexts(sources: ProfileSources, names: readonly string[]): Promise<Contexts> {
  try {
    return await sources.contexts();
  } catch (thrown) {
    if (!(thrown instanceof Failure) || names.length === 0) throw thrown;
    return { current: null, all: [] };
  }
}

/** A minikube profile, by the context of its own name if that is its own, else by the one that it was renamed to. */
function ofMinikube(name: string, { all }: Contexts): ChosenProfile {
  const own = all.filter(({ minikube }) => minikube === name);
  const [renamed] = own;
  const isThere = renamed === undefined || own.some((context) => context.name === name);
  return { name, context: isThere ? name : renamed.name, isMinikube: true };
}

/** Any other cluster, called as its context is, as far as a profile may be called so. */
function ofContext({ name: context }: ListedContext): ChosenProfile {
  const name = context
    .replaceAll(/[^A-Za-z0-9_.-]+/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '')
    .slice(0, LONGEST_NAME)
    .replace(/-+$/, '');
  return { name: name === '' ? 'cluster' : name, context, isMinikube: false };
}

function byKubectl(names: readonly string[], { current }: Contexts): ChosenProfile | null {
  if (current === null) return null;
  const { minikube, name, isLocal } = current;
  if (minikube !== null && names.includes(minikube)) {
    return { name: minikube, context: name, isMinikube: true };
  }
  return isLocal && minikube === null ? ofContext(current) : null;
}

function byMinikube(names: readonly string[], contexts: Contexts): ChosenProfile | null {
  const [first, ...others] = names;
  const chosen = names.includes(DEFAULT_PROFILE) ? DEFAULT_PROFILE : others.length === 0 ? first : undefined;
  return chosen === undefined ? null : ofMinikube(chosen, contexts);
}

function ambiguous(names: readonly string[], problem: string | null): Failure {
  return failure(
    'profile-ambiguous',
    problem === null
      ? `there are ${names.length} minikube profiles, and none of them is the current one`
      : `there are ${names.length} minikube profiles, and which of them is the current one is not known`,
    [...(problem === null ? [] : [problem]), thoseThatExist('', names)].join('\n'),
    'name one with --profile NAME',
  );
}

function unreadSettings(chosen: string, problem: string): Diagnostic {
  return {
    code: 'profile-unreadable',
    severity: 'warning',
    summary: `profile ${chosen} is taken, although minikube may have another current one`,
    cause: problem,
    fix: 'correct that file, or name the profile with --profile NAME',
  };
}

/** A profile can be any cluster that a kubeconfig context names. */
async function requireKnown(
  name: string,
  profiles: readonly string[],
  sources: ProfileSources,
): Promise<ChosenProfile> {
  if (profiles.includes(name)) return ofMinikube(name, await readableContexts(sources, profiles));
  const { all } = await sources.contexts();
  const context = all.find((one) => one.name === name);
  if (context !== undefined) {
    const { minikube } = context;
    const isIts = minikube !== null && profiles.includes(minikube);
    return isIts ? { name: minikube, context: name, isMinikube: true } : ofContext(context);
  }
  const others = all.map((one) => one.name);
  throw unknown(name, [...new Set([...profiles, ...others])], 'neither minikube nor the kubeconfig has it');
}

function unknown(name: string, names: readonly string[], why: string): Failure {
  return failure(
    'profile-unknown',
    `there is no profile ${JSON.stringify(name)}`,
    why,
    names.length === 0
      ? 'start a cluster, such as by `minikube start`; there are no profiles and no kubeconfig contexts'
      : `name an existing one with --profile NAME: ${thoseThatExist(name, names)}`,
  );
}

function noProfile({ all }: Contexts, { profiles }: ProfileSources): Failure {
  const names = all.map(({ name }) => name);
  return failure(
    'profile-missing',
    'there is no minikube profile, and kubectl has no current context',
    `Looked in ${profiles.place}.\nA profile can also be any other kubeconfig context: ${thoseThatExist('', names)}.`,
    names.length === 0
      ? 'start a cluster, such as by `minikube start` or `kind create cluster`'
      : 'name a context with --profile NAME, or make one current with `kubectl config use-context NAME`',
  );
}

function failure(code: string, summary: string, cause: string, fix: string): Failure {
  return new Failure('error', [{ code, severity: 'error', summary, cause, fix }]);
}
