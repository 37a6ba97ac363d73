import type { DesiredState } from '../../model/desired.ts';
import { Failure } from '../../model/diagnostic.ts';
import type { HostPolicy } from '../../model/policy.ts';
import { DEFAULT_PROTOCOL } from '../../model/route.ts';
import { thoseThatExist } from '../../model/text/nearest.ts';
import { readHostPolicy } from '../../platform/host-policy.ts';
import { loadSpec } from '../../spec/load.ts';
import type { CommandContext } from '../run-command.ts';

/** How a spec is loaded. */
export interface LoadOptions {
  /** This host's, unless given. */
  readonly policy?: HostPolicy | undefined;
  /** The names of the profiles that are asked for; all, where there are none. */
  readonly only?: readonly string[];
}

/** Loads the spec of a command line, and tells its warnings. Throws a Failure with everything that is wrong with it. */
export async function loadDesired(
  { output, names }: CommandContext,
  mode: DesiredState['mode'],
  { policy = readHostPolicy(), only = [] }: LoadOptions = {},
): Promise<DesiredState> {
  const { desired, warnings } = await loadSpec(names.absolute, policy.ranges).catch((thrown: unknown) => {
    throw mode === 'absent' && thrown instanceof Failure ? ofGoneSpec(thrown) : thrown;
  });
  for (const warning of warnings) output.diagnostic(warning, names);
  return onlyProfiles({ ...desired, mode }, only);
}

/**
 * The state with only these of the spec's profiles asked for; all of them, where none is named. Throws a usage Failure for
 * a name that the spec does not have.
 */
export function onlyProfiles(desired: DesiredState, names: readonly string[]): DesiredState {
  if (names.length === 0) return desired;
  const known = desired.profiles.map(({ name }) => name);
  const unknown = names.filter((name) => !known.includes(name));
  if (unknown.length > 0) throw notInSpec([...new Set(unknown)], known);
  const profiles = desired.profiles.filter(({ name }) => names.includes(name));
  return {
    ...desired,
    profiles,
    only: { names: profiles.map(({ name }) => name), spec: desired.profiles },
  };
}

function notInSpec(unknown: readonly string[], known: readonly string[]): Failure {
  return new Failure(
    'usage',
    unknown.map((name) => ({
      code: 'profile-unknown',
      severity: 'error',
      summary: `the spec has no profile ${JSON.stringify(name)}`,
      cause: '--profile chooses among the profiles of the spec.',
      fix: `Name one of the spec: ${thoseThatExist(name, known)}.`,
    })),
  );
}

/** Who wants to remove something needs no new spec: what was made for one that is gone, `cleanup` removes. */
function ofGoneSpec(failure: Failure): Failure {
  return new Failure(
    failure.kind,
    failure.diagnostics.map((diagnostic) => {
      if (diagnostic.code !== 'spec-missing') return diagnostic;
      const fix = 'Give the path of a tunnel.yaml; what was made for one that was deleted, cleanup removes.';
      return { ...diagnostic, fix, command: 'mkplan cleanup' };
    }),
    { cause: failure },
  );
}

/** What is desired where there is no spec: nothing. Observing it looks at the host and the registry alone. */
export function nothingDesired(spec: string): DesiredState {
  return {
    name: '',
    spec,
    mode: 'absent',
    protocol: DEFAULT_PROTOCOL,
    profiles: [],
    localOverrides: [],
  };
}
