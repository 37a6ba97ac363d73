import packageJson from '../../../package.json' with { type: 'json' };
import { EXIT } from '../exit-code.ts';
import type { CommandContext } from '../run-command.ts';

/** `mkplan version`: the version alone; with `--json`, also what it runs on. */
export async function version({ terminal, output }: CommandContext): Promise<number> {
  const { version } = packageJson;
  output.tell({ type: 'runtime', version, node: process.versions.node, platform: terminal.platform });
  return EXIT.ok;
}
