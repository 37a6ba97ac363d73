import type { ProfileSettings, Profiles } from '../../minikube/profiles.ts';
import { type Diagnostic, Failure } from '../../model/diagnostic.ts';
import { thoseThatExist } from '../../model/nearest.ts';

/** What a profile is chosen from. */
export interface ProfileSources {
  readonly profiles: Pick<Profiles & ProfileSettings, 'list' | 'current' | 'place'>;
  /** The names of all kubeconfig contexts. Throws a Failure when the kubeconfig cannot be read. */
  contexts(): Promise<readonly string[]>;
}

/** minikube's own choice where nothing else names one. */
const DEFAULT_PROFILE = 'minikube';

/**
 * The profile that a command without a spec is about: the one that is named, else minikube's current one, else
 * `minikube`, else the only one. What could not be read on the way is told to `warn`. Throws a Failure that names those
 * that exist.
 */
export async function chooseProfile(
  named: string | undefined,
  sources: ProfileSources,
  warn: (warning: Diagnostic) => void,
): Promise<string> {
  const names = await sources.profiles.list();
  if (named !== undefined) return await requireKnown(named, names, sources);
  const { profile: current, problem } = await sources.profiles.current();
  if (current !== null) {
    if (names.includes(current.name)) return current.name;
    throw unknown(current.name, names, `${current.source} names it as the current profile`);
  }
  const [first, ...others] = names;
  if (first === undefined) throw await noProfile(sources);
  const chosen = names.includes(DEFAULT_PROFILE) ? DEFAULT_PROFILE : others.length === 0 ? first : null;
  if (chosen !== null) {
    if (problem !== null) warn(unreadSettings(chosen, problem));
    return chosen;
  }
  throw failure(
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
  { contexts }: ProfileSources,
): Promise<string> {
  if (profiles.includes(name)) return name;
  const others = await contexts();
  if (others.includes(name)) return name;
  throw unknown(name, [...new Set([...profiles, ...others])], 'neither minikube nor the kubeconfig has it');
}

function unknown(name: string, names: readonly string[], why: string): Failure {
  return failure(
    'profile-unknown',
    `there is no profile ${JSON.stringify(name)}`,
    why,
    names.length === 0
      ? 'start a profile: `minikube start`; there are no profiles and no kubeconfig contexts'
      : `name an existing one with --profile NAME: ${thoseThatExist(name, names)}`,
  );
}

async function noProfile({ contexts, profiles }: ProfileSources): Promise<Failure> {
  const names = await contexts();
  return failure(
    'profile-missing',
    'there is no minikube profile',
    `Looked in ${profiles.place}.\nA profile can also be any other kubeconfig context: ${thoseThatExist('', names)}.`,
    names.length === 0
      ? 'start one: `minikube start`'
      : 'name a context with --profile NAME, or start a profile',
  );
}

function failure(code: string, summary: string, cause: string, fix: string): Failure {
  return new Failure('error', [{ code, severity: 'error', summary, cause, fix }]);
}
