import { mkdir, open, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Failure, messageOf } from '../model/diagnostic.ts';
import type { Plan } from '../model/plan.ts';
import { decodeSavedPlan, encodeSavedPlan, type PlanHost, type SavedPlan } from '../planner/document.ts';

/** Writes a plan to a file that must not exist yet, readable by its owner alone: it names networks and Services. */
export async function savePlan(file: string, plan: Plan, host: PlanHost): Promise<void> {
  await writeNewFile(file, encodeSavedPlan(plan, host), 'plan');
}

/** Writes a file that must not exist yet, mode 0600. Throws a Failure; `what` is the word for its content. */
export async function writeNewFile(file: string, text: string, what: string): Promise<void> {
  try {
    const handle = await open(file, 'wx', 0o600);
    try {
      await handle.writeFile(text);
    } finally {
      await handle.close();
    }
  } catch (thrown) {
    const exists = codeOf(thrown) === 'EEXIST';
    throw failure(
      'error',
      exists ? 'file-exists' : 'file-not-written',
      exists ? `${file} is there already` : `the ${what} could not be written to ${file}`,
      exists ? `a ${what} is never written over a file` : messageOf(thrown),
      'name another file',
      thrown,
    );
  }
}

/** Reads a plan file. Throws a Failure when it cannot be read or is no plan. */
export async function readPlan(path: string, shown: string): Promise<SavedPlan> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
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
  return decodeSavedPlan(text, shown);
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
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const mark = join(directory, saved.hash.replace(':', '-'));
  try {
    await (await open(mark, 'wx', 0o600)).close();
  } catch (thrown) {
    if (codeOf(thrown) !== 'EEXIST') throw thrown;
    throw staleFailure(
      'plan-used',
      `${shown} was applied before, or is being applied`,
      'a saved plan is applied at most once',
    );
  }
  return { withdraw: () => rm(mark) };
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
export function staleFailure(code: string, summary: string, cause: string): Failure {
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

function codeOf(thrown: unknown): unknown {
  return thrown instanceof Error && 'code' in thrown ? thrown.code : undefined;
}
