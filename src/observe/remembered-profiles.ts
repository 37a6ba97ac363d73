import type { Profiles } from '../minikube/profiles.ts';

/** The hypervisor takes seconds to answer, and is asked only about a VM whose API server does not. Milliseconds. */
const ADDRESS_TTL_MS = 30_000;

export interface RememberedOptions {
  readonly profiles: Profiles;
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
  /** A VM has another address than it was said to have. */
  readonly onChange: () => void;
}

/**
 * Profiles whose VM's address is what the hypervisor said last; it is asked anew in the background, since a VM that
 * hangs must not hold the others up.
 */
export function rememberAddresses({ profiles, now, onChange }: RememberedOptions): Profiles {
  const known = new Map<string, { readonly address: string | null; readonly at: number }>();
  return {
    config: (name) => profiles.config(name),
    list: () => profiles.list(),
    tunnels: () => profiles.tunnels(),
    // A session asks nobody: a cluster that stays silent counts as stopped there after a while.
    rest: () => Promise.resolve(null),
    ip: async (name) => {
      const last = known.get(name);
      const address = last?.address ?? null;
      if (last !== undefined && now() - last.at < ADDRESS_TTL_MS) return address;
      known.set(name, { address, at: now() });
      profiles.ip(name).then(
        (told) => {
          known.set(name, { address: told, at: now() });
          if (told !== address) onChange();
        },
        // Not to be told means not to know: what else is wrong with the profile is told by the rest of it.
        () => undefined,
      );
      return address;
    },
  };
}
