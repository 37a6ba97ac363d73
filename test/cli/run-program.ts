import { fileURLToPath } from 'node:url';
import { programFormOf } from '../../src/cli/arguments/output-form.ts';
import { run } from '../../src/cli/program.ts';
import { checkedLines } from './json-lines.ts';
import { fakeTerminal } from './terminals.ts';

export const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** What became of a command line. */
export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs a command line in this process; paths are relative to the repository unless the test gives another directory.
 * What it prints with `--json` is held to the schema.
 */
export async function mkplan(
  argv: readonly string[],
  options: { cwd?: string; isTTY?: boolean; columns?: number; env?: Record<string, string> } = {},
): Promise<Ran> {
  const fake = fakeTerminal({ cwd: ROOT, ...options });
  const code = await run(argv, fake.terminal);
  if (programFormOf(argv) === 'json') checkedLines(fake.stdout(), code);
  return { code, stdout: fake.stdout(), stderr: fake.stderr() };
}
