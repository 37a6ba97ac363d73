import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** A Node that was fetched, by its exact version. */
export interface NodeProgram {
  readonly version: string;
  /** Absolute path of the program. */
  readonly path: string;
}

interface Found {
  readonly supported: readonly NodeProgram[];
  readonly refused: readonly NodeProgram[];
  /** Why some are not there; null when all are. */
  readonly missing: string | null;
}

/** Finds them as scripts/nodes.mjs does, which also says how to get them. */
function find(): Found {
  const script = fileURLToPath(new URL('../../scripts/nodes.mjs', import.meta.url));
  const { stdout, stderr } = spawnSync(process.execPath, [script, '--where'], { encoding: 'utf8' });
  if (stdout === '') throw new Error(`${script}: ${stderr}`);
  return JSON.parse(stdout) as Found;
}

/** The Nodes that the built program is tried on: those that package.json allows, and some that it does not. */
export const nodePrograms: Found = find();
