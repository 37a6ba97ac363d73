import { messageOf } from '../model/diagnostic.ts';
import { EXIT } from './exit-code.ts';
import type { TextSink } from './terminal.ts';
import { printableLine } from './views/text.ts';

/**
 * Ends the process over an error that nothing else has caught, with a diagnostic instead of a stack. What was under way then is not
 * known here; the journal knows it.
 */
export function endByLastResort(stderr: TextSink): void {
  process.on('uncaughtException', (thrown) => {
    stderr.write(
      `error: mkplan has stopped: ${printableLine(messageOf(thrown))} [unexpected]
  why  This is a mistake in mkplan. A change that was under way is in the journal.
  fix  Please report it. The next apply, destroy or cleanup recovers the change.
  run  mkplan status
`,
    );
    process.exit(EXIT.residue);
  });
}
