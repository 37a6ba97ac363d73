import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { statSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Rig } from '../kernel/rig.ts';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const PRELOAD = join(root, 'test', 'crash', 'die-at.mjs');

/** A bound for what hangs, not for what a busy machine makes slow. */
export const HANGS_MS = 120_000;

/** So long a watch that has nothing left to do is let be. */
const IDLE_MS = 1500;

/** One process that was started, and how it ended. */
export interface Ended {
  /** Whether the victim came to the operation that was meant for it. */
  readonly killed: boolean;
  /** Whether it had to be ended because it did not end by itself. */
  readonly hung: boolean;
  readonly code: number | null;
  readonly output: string;
  /** What it and its helper did, a line each: see die-at.mjs. */
  readonly trace: readonly string[];
}

/** Where a process is ended: itself at an operation, or by us once that one was begun. */
export interface Death {
  readonly victim: 'main' | 'helper';
  readonly at: number;
  readonly how: 'exactly' | 'about then';
  /** The operation at which mkplan gets SIGINT before; null for none. */
  readonly interruptAt: number | null;
}

/** Runs mkplan to its end, or to the death that is meant for it or its helper. */
export async function runToDeath(
  rig: Pick<Rig, 'host' | 'directory' | 'argv'>,
  args: readonly string[],
  death: Death | null,
): Promise<Ended> {
  const trace = join(rig.directory, 'trace');
  await rm(trace, { force: true });
  const child = rig.host.spawn(rig.argv(...args), { env: envOf(trace, death) });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (chunk: string) => {
      output += chunk;
    });
  }
  const closed = once(child, 'close');
  let hung = false;
  const hanging = globalThis.setTimeout(() => {
    hung = true;
    child.kill('SIGKILL');
  }, HANGS_MS);
  const idle = args[0] === 'watch' ? endWhenIdle(trace, () => child.kill('SIGTERM')) : undefined;
  const wasKilled = death?.how === 'about then' && (await killAbout(death, trace, child));
  const [code] = await closed;
  clearTimeout(hanging);
  clearInterval(idle);
  const lines = await readLines(trace);
  const killed = death?.how === 'exactly' ? lines.some((line) => isAt(line, death)) : wasKilled;
  return { killed, hung, code, output, trace: lines };
}

function envOf(trace: string, death: Death | null): Record<string, string> {
  const interruptAt = death?.interruptAt ?? null;
  return {
    NODE_OPTIONS: `--import=${PRELOAD}`,
    MKPLAN_TRACE: trace,
    ...(death?.how === 'exactly' ? { MKPLAN_DIE: `${death.victim}:${death.at}` } : {}),
    ...(interruptAt === null ? {} : { MKPLAN_INTERRUPT: `main:${interruptAt}` }),
  };
}

async function readLines(trace: string): Promise<string[]> {
  // There is none before the first operation.
  const text = await readFile(trace, 'utf8').catch(() => '');
  return text.split('\n').filter((line) => line !== '');
}

const numberOf = (line: string) => Number(line.split(' ')[2]);
const isAt = (line: string, { victim, at }: Death) => line.startsWith(`${victim} `) && numberOf(line) === at;

/** Ends a process from outside as soon as the operation is seen. Says whether it was there to be ended. */
async function killAbout(death: Death, trace: string, child: ChildProcess): Promise<boolean> {
  while (child.exitCode === null && child.signalCode === null) {
    const line = (await readLines(trace)).find((one) => isAt(one, death));
    if (line !== undefined) return await killOurs(Number(line.split(' ')[1]), trace);
    await setTimeout(2);
  }
  return false;
}

/** Kills a process if it is one that was started here: a pid alone proves nothing. */
async function killOurs(pid: number, trace: string): Promise<boolean> {
  const environment = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '');
  if (!environment.split('\0').includes(`MKPLAN_TRACE=${trace}`)) return false;
  try {
    process.kill(pid, 'SIGKILL');
    return true;
  } catch {
    // It ended by itself just then.
    return false;
  }
}

/** Watching goes on for ever: it is told to stop once it has done nothing for a while. */
function endWhenIdle(trace: string, end: () => void): NodeJS.Timeout {
  let size = 0;
  return setInterval(() => {
    const now = statSync(trace, { throwIfNoEntry: false })?.size ?? 0;
    if (now > 0 && now === size) end();
    size = now;
  }, IDLE_MS);
}
