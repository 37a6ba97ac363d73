import { resolve } from 'node:path';
import type { ApprovalKind } from '../../model/policy.ts';
import { encodeObserved, printObserved } from '../../observe/document.ts';
import { observe as takeSnapshot } from '../../observe/observe.ts';
import { EXIT } from '../exit-code.ts';
import type { CommandContext } from '../run-command.ts';
import { approvedBy } from '../transaction/approval.ts';
import { writeNewFile } from '../transaction/plan-file.ts';
import { printableLine } from '../views/text.ts';
import { composeReading } from '../wiring/compose.ts';
import { loadDesired } from '../wiring/desired.ts';

export interface ObserveOptions {
  /** A new file, as typed; stdout without it. */
  readonly out?: string;
  readonly allow: readonly ApprovalKind[];
}

/** `mkplan observe [SPEC]`: records what a plan of the spec rests on. */
export async function observe(context: CommandContext, options: ObserveOptions): Promise<number> {
  const { output, terminal, names, signal } = context;
  const desired = await loadDesired(context, 'present');
  const adapters = composeReading(terminal, approvedBy('observe', names.spec, options.allow));
  let text: string;
  try {
    text = printObserved(encodeObserved(await takeSnapshot(desired, adapters, signal)));
  } finally {
    await adapters.close();
  }
  if (options.out === undefined) output.document(text);
  else {
    const path = resolve(terminal.cwd, options.out);
    await writeNewFile({ path, shown: options.out, text, what: 'observation' });
    const shown = printableLine(options.out);
    output.note(`Recorded in ${shown}: \`mkplan plan --observed ${shown}\` plans from it.\n`);
  }
  return EXIT.ok;
}
