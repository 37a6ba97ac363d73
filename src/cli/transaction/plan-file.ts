import { lstat, open, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Failure, messageOf } from '../../model/diagnostic.ts';
import type { Plan } from '../../model/plan.ts';
import type { PlanHost, SavedPlan } from '../../planner/document.ts';
import { differenceFromShown } from '../../planner/shown.ts';
import { readBounded } from '../../platform/bounded-file.ts';
import { ensureFolder, errnoOf, fileFailure } from '../../registry/files.ts';
import { JsonTextError, positionAt, scanJson } from '../../registry/json-text.ts';

/** A file to write, which must not exist yet. */
export interface NewFile {
  readonly path: string;
  /** The path as typed. */
  readonly shown: string;
  readonly text: string;
  /** The word for its content. */
  readonly what: string;
  /** 0600 unless said otherwise: plans and observations name networks and Services. */
  readonly mode?: number;
  /** What the user can do where there is such a file already. */
  readonly ifExists?: string;
}

/** Writes a plan to a file that must not exist yet. */
export async function savePlan(path: string, shown: string, plan: Plan, host: PlanHost): Promise<void> {
  const { encodeSavedPlan } = await import('../../planner/saved-plan.ts');
  await writeNewFile({ path, shown, text: encodeSavedPlan(plan, host), what: 'plan' });
}

/** Writes a new file. Throws a Failure when there is one, or when it cannot be written. */
export async function writeNewFile({
  path,
  shown,
  text,
  what,
  mode = 0o600,
  ifExists = 'name another file, or move that one away',
}: NewFile): Promise<void> {
  try {
    const handle = await open(path, 'wx', mode);
    try {
      await handle.writeFile(text);
      await handle.close();
    } catch (thrown) {
      // The half of a file is of no use, and would keep the next attempt from being made. It was not there before.
      await handle.close().catch(() => undefined);
      await rm(path, { force: true }).catch(() => undefined);
      throw thrown;
    }
  } catch (thrown) {
    const exists = errnoOf(thrown) === 'EEXIST';
    const other = exists ? await otherThanFile(path) : null;
    if (other !== null) throw notAFile({ shown, what }, other, 'file-exists', thrown);
    throw failure(
      'error',
      exists ? 'file-exists' : 'file-not-written',
      exists ? `${shown} already exists` : `the ${what} could not be written to ${shown}`,
      exists ? 'mkplan does not overwrite files' : messageOf(thrown),
      exists ? ifExists : 'fix that, or name another file',
      thrown,
    );
  }
}

/** What stands at a path where it is no ordinary file: a symbolic link, among others; null where it is one, or nothing. */
export async function otherThanFile(path: string): Promise<string | null> {
  // What keeps it from being looked at is told by whoever opens it.
  const found = await lstat(path).catch(() => null);
  if (found === null || found.isFile()) return null;
  if (found.isSymbolicLink()) return 'a symbolic link';
  return found.isDirectory() ? 'a directory' : 'a device, pipe or socket';
}

/** The Failure for a file that is not written, because something else stands at its path. */
export function notAFile(
  { shown, what }: Pick<NewFile, 'shown' | 'what'>,
  other: string,
  code: 'file-exists' | 'file-not-written',
  thrown?: unknown,
): Failure {
  const fix = other === 'a symbolic link' ? 'remove the link, or name another file' : 'name another file';
  return failure(
    'error',
    code,
    `the ${what} could not be written to ${shown}`,
    `it is ${other}, which mkplan neither replaces nor writes through`,
    fix,
    thrown,
  );
}

/** Bytes of a saved plan: one for a hundred thousand routes has a third of them. */
const MAX_BYTES = 256 * 1024 * 1024;

/** Enough of a file to tell a plan by. */
const HEAD_BYTES = 256;

/** Whether a file is a saved plan, by how it begins; false for one that cannot be read, which is reported as a spec. */
export async function isPlanFile(path: string): Promise<boolean> {
  try {
    if (!(await stat(path)).isFile()) return false;
    const handle = await open(path, 'r');
    try {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0);
      return /^\s*\{\s*"formatVersion"\s*:/.test(buffer.toString('utf8', 0, bytesRead));
    } finally {
      await handle.close();
    }
  } catch {
    // Whatever is wrong with the file, loading it as a spec says so with more words.
    return false;
  }
}

/** Reads a plan file. Throws a Failure when it cannot be read or is no plan. */
export async function readPlan(path: string, shown: string): Promise<SavedPlan> {
  let text: string;
  try {
    text = (await readBounded(path, { maxBytes: MAX_BYTES, streams: true })).toString('utf8');
  } catch (thrown) {
    throw failure(
      'error',
      'plan-file-unreadable',
      `${shown} cannot be read`,
      messageOf(thrown),
      'name a file that `mkplan plan --out` wrote',
      thrown,
    );
  }
  // Its validator is loaded by those alone who have a plan file.
  const { decodeSavedPlan } = await import('../../planner/saved-plan.ts');
  const saved = decodeSavedPlan(text, shown);
  refuseTwins(text, shown);
  return saved;
}

/**
 * JSON.parse takes the last of two equal keys, and a person may have read the first. In what mkplan itself wrote there
 * are none, so only a file of another layout is gone through.
 */
function refuseTwins(text: string, shown: string): void {
  if (`${JSON.stringify(JSON.parse(text), null, 2)}\n` === text) return;
  try {
    scanJson(text);
  } catch (thrown) {
    if (!(thrown instanceof JsonTextError)) throw thrown;
    const { line, column } = positionAt(shown, text, thrown.offset);
    throw edited(shown, `${thrown.message} (line ${line}, column ${column})`, thrown);
  }
}

/**
 * Throws a Failure when a plan file shows something else than `made`, the plan that its facts give now. Facts that have
 * changed are not looked at: the fingerprint tells of them.
 */
export function requireShown(saved: SavedPlan, made: Plan, shown: string): void {
  if (saved.plan.fingerprint !== made.fingerprint) return;
  const found = differenceFromShown(saved.plan, made);
  if (found === null) return;
  throw edited(
    shown,
    `it shows ${found.shown} at ${found.path}, but its spec and its facts give ${found.made}; nothing was changed`,
  );
}

function edited(shown: string, cause: string, thrown?: unknown): Failure {
  return failure(
    'error',
    'plan-file-damaged',
    `${shown} is damaged or was edited`,
    cause,
    'make the plan again and look at it: `mkplan plan --out FILE`',
    thrown,
  );
}

/** A mark that a plan is being applied, or was. */
export interface PlanMark {
  /** Takes the mark back: the plan changed nothing. */
  withdraw(): Promise<void>;
}

/**
 * Marks a plan as used, in the state directory, before its first change: a plan is applied at most once, also when
 * the program is killed meanwhile. Throws a Failure of kind `stale` for a plan that was used.
 */
export async function markUsed(stateDirectory: string, saved: SavedPlan, shown: string): Promise<PlanMark> {
  const directory = join(stateDirectory, 'applied-plans');
  const mark = join(directory, saved.hash.replace(':', '-'));
  try {
    await ensureFolder(directory);
    await (await open(mark, 'wx', 0o600)).close();
  } catch (thrown) {
    if (errnoOf(thrown) !== 'EEXIST') throw fileFailure(mark, 'written', thrown);
    throw staleFailure(
      'plan-used',
      `${shown} was applied before, or is being applied`,
      'a saved plan is applied at most once',
    );
  }
  return {
    withdraw: async () => {
      await rm(mark, { force: true }).catch((thrown: unknown) => {
        throw fileFailure(mark, 'written', thrown);
      });
    },
  };
}

/** Throws a Failure of kind `stale` for a plan of another host, or of this one before it was started again. */
export function requireSameHost(saved: SavedPlan, host: PlanHost, shown: string): void {
  const { platform, bootId, networkNamespace } = saved.host;
  if (platform === host.platform && bootId === host.bootId && networkNamespace === host.networkNamespace) {
    return;
  }
  throw staleFailure(
    'plan-other-host',
    `${shown} was made on another host, in another network namespace, or before the last boot`,
    'a plan holds for the routing table that it was made from',
  );
}

/** The Failure for a saved plan that must not be applied any more. */
function staleFailure(code: string, summary: string, cause: string): Failure {
  return failure('stale', code, summary, cause, 'make a new plan and look at it: `mkplan plan --out FILE`');
}

function failure(
  kind: 'error' | 'stale',
  code: string,
  summary: string,
  cause: string,
  fix: string,
  thrown?: unknown,
): Failure {
  return new Failure(kind, [{ code, severity: 'error', summary, cause, fix }], { cause: thrown });
}
