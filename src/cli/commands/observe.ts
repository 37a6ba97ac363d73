import { resolve } from 'node:path';
import type { ApprovalKind } from '../../model/policy.ts';
import { encodeObserved, type ObservedDocument, printObserved } from '../../observe/document.ts';
import { observe as takeSnapshot } from '../../observe/observe.ts';
import { EXIT } from '../exit-code.ts';
import type { CommandContext } from '../run-command.ts';
import { approvedBy } from '../transaction/approval.ts';
import { writeNewFile } from '../transaction/plan-file.ts';
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
  const adapters = composeReading(terminal, approvedBy(['observe', names.spec], options.allow, desired.spec));
  let observation: ObservedDocument;
  try {
    observation = encodeObserved(await takeSnapshot(desired, adapters, signal));
  } finally {
    await adapters.close();
  }
  const file = options.out;
  if (file === undefined) {
    output.tell({ type: 'observed', observation, document: () => printObserved(observation) });
    return EXIT.ok;
  }
  const text = printObserved(observation);
  await writeNewFile({ path: resolve(terminal.cwd, file), shown: file, text, what: 'observation' });
  output.tell({ type: 'recorded', file });
  return EXIT.ok;
}
