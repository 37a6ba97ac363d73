import { messageOf } from '../model/diagnostic.ts';
import type { ChangeFailure, RouteChange, RouteChanger } from '../platform/route-table.ts';

/** How an attempt at some changes went. Which of them were made only rereading tells. */
export interface Attempt {
  /** Why a change was not made, by index, for people; where the changer threw, that of each. */
  readonly failures: readonly ChangeFailure[];
  /** What the changer threw when it could not answer; null when it did. */
  readonly thrown: unknown;
  /** Whether every process that could still make one of the changes is gone, so that a reread holds. */
  readonly settled: boolean;
}

/**
 * Tries changes. A changer that is gone may have made any of them, and its last child may still be making others:
 * that one is waited for. Never throws.
 */
export async function tryChanges(changer: RouteChanger, changes: readonly RouteChange[]): Promise<Attempt> {
  const asked = changes.map(({ op, route }) => ({ op, route }));
  try {
    return { failures: await changer.change(asked), thrown: null, settled: true };
  } catch (thrown) {
    const settled = await changer.release().then(
      () => true,
      () => false,
    );
    const message = messageOf(thrown);
    return { failures: asked.map((_, index) => ({ index, message })), thrown, settled };
  }
}
