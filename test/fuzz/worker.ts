import { readFileSync, writeFileSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { Random } from './random.ts';
import type { Target } from './target.ts';
import { TARGETS } from './targets.ts';

/** What `scripts/fuzz.mjs` has a worker do: read many inputs of a target, only write one of them, or read a file. */
export type Task =
  | { readonly type: 'names' }
  | {
      readonly type: 'run';
      readonly target: string;
      readonly seed: number;
      readonly inputs: number;
      readonly counts: SharedArrayBuffer;
    }
  | {
      readonly type: 'write';
      readonly target: string;
      readonly seed: number;
      readonly index: number;
      readonly file: string;
    }
  | { readonly type: 'read'; readonly target: string; readonly file: string };

/** What comes back: the names, or what went wrong with which input; null when nothing did. */
export type Outcome =
  | { readonly names: readonly string[] }
  | { readonly failure: { readonly index: number; readonly error: string } | null };

function targetOf(name: string): Target {
  const found = TARGETS.find((target) => target.name === name);
  if (found === undefined) throw new RangeError(`no target ${name}`);
  return found;
}

function described(thrown: unknown): string {
  return thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
}

/** Counts what is begun, so that whoever watches knows which input is under way. */
async function runAll(task: Task & { type: 'run' }): Promise<Outcome> {
  const { make, read } = targetOf(task.target);
  const counts = new Int32Array(task.counts);
  for (let index = 0; index < task.inputs; index++) {
    Atomics.store(counts, 0, index);
    try {
      if (await read(make(new Random(task.seed, index)))) Atomics.add(counts, 1, 1);
    } catch (thrown) {
      return { failure: { index, error: described(thrown) } };
    }
  }
  Atomics.store(counts, 0, task.inputs);
  return { failure: null };
}

async function perform(task: Task): Promise<Outcome> {
  switch (task.type) {
    case 'names':
      return { names: TARGETS.map(({ name }) => name) };
    case 'run':
      return await runAll(task);
    case 'write':
      writeFileSync(task.file, targetOf(task.target).make(new Random(task.seed, task.index)));
      return { failure: null };
    case 'read':
      try {
        await targetOf(task.target).read(readFileSync(task.file));
        return { failure: null };
      } catch (thrown) {
        return { failure: { index: 0, error: described(thrown) } };
      }
  }
}

parentPort?.postMessage(await perform(workerData as Task));
