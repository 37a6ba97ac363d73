import type { Capabilities } from '../../model/system.ts';
import type { FileLocks } from '../file-locks.ts';
import type { ChangeFailure, RouteChange } from '../route-table.ts';

/**
 * Makes changes ready at once, so that this overlaps with those before. What it returns tries each, in order, and tells of
 * those that the system refused; it throws where none of them was tried.
 */
export type PrepareChanges = (changes: readonly RouteChange[]) => () => Promise<readonly ChangeFailure[]>;

/** Everything that the helper takes from the system. It believes nothing that mkplan says of it, and holds no package. */
export interface HelperPlatform {
  readonly capabilities: Capabilities;
  readonly locks: FileLocks;
  /** The user whom the helper works for; undefined on a system whose users have no number. */
  readonly caller: number | undefined;
  /** Why a helper of this file must not serve that user, for people: the user could change what it runs. Null when it may. */
  whyExposed(helper: string): Promise<string | null>;
  /** Whether a device can have this name: nothing else is ever handed to the system. */
  isDeviceName(name: string): boolean;
  /**
   * Changes routes. Whatever tries a change holds the locked descriptor that it asks for, until it can change nothing any
   * more. Throws an Error on a host that lacks what that takes.
   */
  changing(lock: () => Promise<number>): PrepareChanges;
}
