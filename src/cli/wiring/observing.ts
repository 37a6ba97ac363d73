import type { DesiredState } from '../../model/desired.ts';
import type { ObservedState } from '../../model/observed.ts';
import { type ObservePorts, observe } from '../../observe/observe.ts';
import type { CommandContext } from '../run-command.ts';

/**
 * Observes, and shows on a terminal which profiles are waited for; each for so many milliseconds, unless told otherwise as long
 * as `observe` does. Throws a Failure, as that does.
 */
export async function observeShowing(
  { output, signal }: Pick<CommandContext, 'output' | 'signal'>,
  desired: DesiredState,
  ports: ObservePorts,
  patienceMs?: number,
): Promise<ObservedState> {
  const patience = patienceMs === undefined ? {} : { patienceMs };
  try {
    return await observe(desired, ports, signal, {
      ...patience,
      onWait: (profiles) => output.waitFor(profiles),
    });
  } finally {
    output.waitFor([]);
  }
}
