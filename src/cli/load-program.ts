import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { Script } from 'node:vm';

type Program = typeof import('./program.ts');

/** What program.cjs evaluates to: scripts/build.mjs wraps the bundle in this function. */
type Factory = (require: NodeJS.Require, programUrl: string, module: { exports: unknown }) => unknown;

/**
 * Loads the bundle of the command line, which is a script rather than a module: only for scripts does every Node that
 * we run on take a code cache, and parsing and compiling would be a third of a small plan. The cache stands beside the
 * script, where whoever could write it could as well write the script. V8 passes over one that another V8, or one with
 * other flags, has made.
 */
export function loadProgram(): Program {
  const script = new URL('./program.cjs', import.meta.url);
  const cache = new URL('./program.cache', import.meta.url);
  const factory: Factory = new Script(readFileSync(script, 'latin1'), {
    filename: fileURLToPath(script),
    ...(existsSync(cache) ? { cachedData: readFileSync(cache) } : {}),
  }).runInThisContext();
  const module = { exports: {} };
  factory(createRequire(script), script.href, module);
  return module.exports as Program;
}
