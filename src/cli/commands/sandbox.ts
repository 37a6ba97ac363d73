import { resolve } from 'node:path';
import { describeSandbox, runSandbox } from '../../sandbox/sandbox.ts';
import type { CommandContext } from '../run-command.ts';
import { composeSandbox } from '../wiring/compose.ts';

export interface SandboxOptions {
  /** A directory of manifests, as typed. */
  readonly manifests?: string;
  readonly profile?: string;
}

/** `mkplan sandbox [-- COMMAND…]`: runs a command beside a cluster that is not there. Its exit code is the command's. */
export async function sandbox(
  { terminal, output }: CommandContext,
  command: readonly string[],
  { manifests, profile }: SandboxOptions,
): Promise<number> {
  const { self, mkplan, ports } = await composeSandbox();
  return await runSandbox(
    {
      manifests: manifests === undefined ? null : resolve(terminal.cwd, manifests),
      command,
      env: { ...terminal.env },
      ...(profile === undefined ? {} : { profile }),
      self,
      mkplan,
      onReady: (info) => output.note(describeSandbox(info)),
    },
    ports,
  );
}
