import type { DesiredState } from '../../model/desired.ts';
import { Failure } from '../../model/diagnostic.ts';
import type { HostPolicy } from '../../model/policy.ts';
import { DEFAULT_PROTOCOL } from '../../model/route.ts';
import { readHostPolicy } from '../../platform/host-policy.ts';
import { loadSpec } from '../../spec/load.ts';
import type { CommandContext } from '../run-command.ts';

/** Loads the spec of a command line, under this host's policy unless another is given, and tells its warnings. Throws a Failure with everything that is wrong with it. */
export async function loadDesired(
  { output, names }: CommandContext,
  mode: DesiredState['mode'],
  policy: HostPolicy = readHostPolicy(),
): Promise<DesiredState> {
  const { desired, warnings } = await loadSpec(names.absolute, policy.ranges).catch((thrown: unknown) => {
    throw mode === 'absent' && thrown instanceof Failure ? ofGoneSpec(thrown) : thrown;
  });
  for (const warning of warnings) output.diagnostic(warning, names);
  return { ...desired, mode };
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
