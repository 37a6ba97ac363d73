import tunnelSchema from '../../../schema/tunnel.schema.json' with { type: 'json' };
import { EXIT } from '../exit-code.ts';
import type { CommandContext } from '../run-command.ts';

/** `mkplan schema`: the JSON Schema that specs are validated with. */
export async function schema({ output }: CommandContext): Promise<number> {
  output.document(`${JSON.stringify(tunnelSchema, null, 2)}\n`);
  return EXIT.ok;
}
