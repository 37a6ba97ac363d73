import { readFile } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

/** What a process holds once its garbage is collected. */
export interface Held {
  /** Resident memory, and what of V8's heap is in use; bytes. */
  readonly rss: number;
  readonly heapUsed: number;
  /** Open descriptors. */
  readonly descriptors: number;
  /** Programs that it started and that have not ended. */
  readonly children: number;
  /** Timers that keep it alive. */
  readonly timers: number;
}

const PATIENCE_MS = 60_000;

/** Flags of node, and the environment, with which a program tells {@link heldBy} what it holds, by way of a file. */
export function probing(file: string): {
  readonly flags: readonly string[];
  readonly env: Record<string, string>;
} {
  const probe = fileURLToPath(new URL('./probe.mjs', import.meta.url));
  return { flags: ['--expose-gc', '--import', probe], env: { PROBE_FILE: file } };
}

/** Asks a program that runs with these flags. Throws an Error when it does not answer. */
export async function heldBy(pid: number, file: string): Promise<Held> {
  const lines = async () => (await readFile(file, 'utf8').catch(() => '')).split('\n').slice(0, -1);
  const before = (await lines()).length;
  process.kill(pid, 'SIGUSR2');
  const end = performance.now() + PATIENCE_MS;
  while (performance.now() < end) {
    const last = (await lines()).slice(before).at(-1);
    if (last !== undefined) return JSON.parse(last) as Held;
    await setTimeout(20);
  }
  throw new Error(`pid ${pid} did not say what it holds`);
}
