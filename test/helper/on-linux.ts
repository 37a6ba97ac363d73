import { prepareGuarded } from '../../src/helper/prepare.ts';
import type { Prefix } from '../../src/model/prefix.ts';
import { ALL_CAPABILITIES } from '../../src/model/system.ts';
import { type PerformOptions, prepareBatches } from '../../src/platform/linux/helper/perform.ts';
import type { RouteChange } from '../../src/platform/route-table.ts';

/** What Linux's helper does with changes, behind its guard. */
export function prepare(
  changes: readonly RouteChange[],
  { allowed = [], ...options }: PerformOptions & { readonly allowed?: readonly Prefix[] },
) {
  return prepareGuarded(changes, {
    capabilities: ALL_CAPABILITIES,
    allowed,
    prepare: (passed) => prepareBatches(passed, options),
  });
}
