import type { ApplyPorts } from './apply-ports.ts';

export interface KeepOptions {
  /** Absolute path of the spec. */
  readonly spec: string;
  readonly doing: string;
  readonly waitMs: number;
}

/**
 * Makes what a session made last until `mkplan destroy`, as if `apply` had made it. Throws a Failure when the lock cannot
 * be had or the registry cannot be written.
 */
export async function makeLast(
  { lock, registry }: Pick<ApplyPorts, 'lock' | 'registry'>,
  { spec, doing, waitMs }: KeepOptions,
): Promise<void> {
  const held = await lock.acquire({ doing, waitMs, onWait: () => undefined });
  try {
    const claims = await registry.read();
    const isOwn = ({ owner }: (typeof claims)[number]) => owner.spec === spec && owner.mode === 'session';
    if (!claims.some(isOwn)) return;
    await registry.write(
      claims.map((claim) =>
        isOwn(claim) ? { ...claim, owner: { ...claim.owner, mode: 'persistent' } } : claim,
      ),
    );
  } finally {
    await held.release();
  }
}
