import type { DesiredState } from '../../model/desired.ts';
import type { ObservedState } from '../../model/observed.ts';
import { type ObservePorts, observe } from '../../observe/observe.ts';
import type { CommandContext } from '../run-command.ts';

/** Observes, and shows on a terminal which profiles are waited for. Throws a Failure, as `observe` does. */
export async function observeShowing(
  { output, signal }: Pick<CommandContext, 'output' | 'signal'>,
  desired: DesiredState,
  ports: ObservePorts,
): Promise<ObservedState> {
  try {
    return await observe(desired, ports, signal, { onWait: (profiles) => output.waitFor(profiles) });
  } finally {
    output.waitFor([]);
  }
}
