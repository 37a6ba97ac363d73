import { closeSync, fstatSync, openSync, readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Script } from 'node:vm';
import packageJson from '../../package.json' with { type: 'json' };
import { codeDirectory, codeFile, readCode, writeCode } from './code-cache.ts';

type Program = typeof import('./program.ts');

/** What program.cjs evaluates to: scripts/build.mjs wraps the bundle in this function. */
type Factory = (require: NodeJS.Require, programUrl: string, module: { exports: unknown }) => unknown;

/** The SHA-256 of program.cjs, from scripts/build.mjs: hashing two megabytes at each start would take milliseconds. */
declare const PROGRAM_SHA256: string;

interface Loaded {
  readonly program: Program;
  /** Keeps what V8 has compiled by now for the next command of this form. To be called when all is done. */
  readonly keepCode: () => void;
}

/**
 * Loads the bundle of the command line, which is a script rather than a module: only for scripts does every Node that
 * we run on take a code cache, and parsing and compiling would be a third of a small plan.
 */
export function loadProgram(argv: readonly string[], platform: NodeJS.Platform): Loaded {
  const path = join(import.meta.dirname, 'program.cjs');
  const { source, written } = readSource(path);
  const file = ownCodeFile([PROGRAM_SHA256, source.length, written, ...formOf(argv)], platform);
  const cachedData = file === null ? undefined : readCode(file);
  const script = new Script(source, { filename: path, cachedData });
  const factory: Factory = script.runInThisContext();
  const module = { exports: {} };
  factory(createRequire(path), pathToFileURL(path).href, module);
  const taken = cachedData !== undefined && script.cachedDataRejected === false;
  return {
    program: module.exports as Program,
    keepCode: () => {
      if (file !== null && !taken) writeCode(file, () => script.createCachedData());
    },
  };
}

/** The source, and when it was written: whoever edits it in place does not change the hash that we were built with. */
function readSource(path: string): { source: string; written: number } {
  const descriptor = openSync(path, 'r');
  try {
    return { written: fstatSync(descriptor).mtimeMs, source: readFileSync(descriptor, 'latin1') };
  } finally {
    closeSync(descriptor);
  }
}

/**
 * The command and its options without their values: V8 keeps the functions that were called, and these decide which
 * are.
 */
function formOf(argv: readonly string[]): readonly unknown[] {
  const options = argv.filter((word) => word.startsWith('-')).map((word) => word.split('=')[0]);
  return [argv.find((word) => !word.startsWith('-')), options.sort()];
}

/**
 * The file with what this very Node has compiled; null for none. V8 tells a cache's Node by its own version alone,
 * which is the same for all of Node 20, and dies of another's. The executable stands for how it was built, its C
 * library included. Root keeps and reads none: it must not run what lay in a user's files.
 */
function ownCodeFile(program: readonly unknown[], platform: NodeJS.Platform): string | null {
  if (process.getuid?.() === 0 || process.geteuid?.() === 0) return null;
  const directory = codeDirectory(process.env, platform);
  if (directory === null) return null;
  const { size, mtimeMs } = statSync(process.execPath);
  return codeFile(directory, [
    packageJson.version,
    process.version,
    process.versions.v8,
    platform,
    process.arch,
    [process.execPath, size, mtimeMs],
    [process.execArgv, process.env['NODE_OPTIONS']],
    ...program,
  ]);
}
