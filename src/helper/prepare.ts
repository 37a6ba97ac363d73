import type { Prefix } from '../model/prefix.ts';
import type { Capabilities } from '../model/system.ts';
import type { PrepareChanges } from '../platform/platform.ts';
import type { ChangeFailure, RouteChange } from '../platform/route-table.ts';
import { whyRefused } from './guard.ts';

export interface PrepareOptions {
  readonly capabilities: Capabilities;
  /** Ranges that the host's policy adds to the private ones. */
  readonly allowed: readonly Prefix[];
  /** Makes ready what the guard lets pass. */
  readonly prepare: PrepareChanges;
}

/** Looks at changes and makes those ready that the guard lets pass. What it returns tries them, and tells of all refused. */
export function prepareGuarded(
  changes: readonly RouteChange[],
  { capabilities, allowed, prepare }: PrepareOptions,
): () => Promise<ChangeFailure[]> {
  const refused: ChangeFailure[] = [];
  const passed: RouteChange[] = [];
  const indexes: number[] = [];
  for (const [index, change] of changes.entries()) {
    const why = whyRefused(change, capabilities, allowed);
    if (why === null) {
      passed.push(change);
      indexes.push(index);
    } else refused.push({ index, message: `the helper refuses: ${why}` });
  }
  const perform = prepare(passed);
  return async () => {
    const failed = await perform();
    return [
      ...refused,
      ...failed.map(({ index, message }) => ({ index: indexes[index] ?? index, message })),
    ].sort((a, b) => a.index - b.index);
  };
}
