import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { ProfileContext } from '../../model/desired.ts';
import { Failure } from '../../model/diagnostic.ts';
import { describeSandbox, runSandbox } from '../../sandbox/sandbox.ts';
import { loadSpec } from '../../spec/load.ts';
import type { CommandContext } from '../run-command.ts';
import { composeSandbox } from '../wiring/compose.ts';

export interface SandboxOptions {
  /** A directory of manifests, or one file, as typed. */
  readonly manifests?: string;
  readonly failOnSkipped?: true;
  readonly profile?: string;
}

/** The profiles of ./tunnel.yaml; none where there is no such file, or none that can be read. */
async function specProfiles({ output, names }: CommandContext): Promise<readonly ProfileContext[]> {
  if (!existsSync(names.absolute)) return [];
  try {
    // Without the host's policy, which says nothing in the sandbox.
    const { desired } = await loadSpec(names.absolute);
    return desired.profiles;
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    // A sandbox is where a spec is tried out, a broken one too: the command in it says what is wrong.
    output.note(`${names.spec} has errors, so it names no profile here; \`mkplan validate\` lists them\n`);
    return [];
  }
}

/** The profile that the sandbox's one cluster has: as asked for, else the first of the spec. */
async function chooseProfile(
  context: CommandContext,
  asked: string | undefined,
): Promise<ProfileContext | undefined> {
  const profiles = await specProfiles(context);
  if (asked !== undefined) {
    return profiles.find(({ name }) => name === asked) ?? { name: asked, context: asked };
  }
  const [first] = profiles;
  if (first !== undefined && profiles.length > 1) {
    const { output, names } = context;
    output.note(
      `the sandbox has one cluster: profile ${first.name}, the first of the ${profiles.length} in ${names.spec}; --profile takes another\n`,
    );
  }
  return first;
}

/** `mkplan sandbox [-- COMMAND…]`: runs a command beside a cluster that is not there. Its exit code is the command's. */
export async function sandbox(
  context: CommandContext,
  command: readonly string[],
  { manifests, failOnSkipped, profile: asked }: SandboxOptions,
): Promise<number> {
  const { terminal, output } = context;
  const { self, mkplan, ports } = await composeSandbox(terminal);
  const profile = await chooseProfile(context, asked);
  return await runSandbox(
    {
      manifests: manifests === undefined ? null : resolve(terminal.cwd, manifests),
      failOnSkipped: failOnSkipped === true,
      onSkipped: (line) => output.note(line),
      command,
      onProblem: (problem) => output.diagnostic(problem, context.names),
      env: { ...terminal.env },
      ...(profile === undefined ? {} : { profile }),
      self,
      mkplan,
      onReady: (info) => output.note(describeSandbox(info, command.length === 0)),
    },
    ports,
  );
}
