import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Argv } from '../../src/platform/command.ts';
import type { Namespace } from '../kernel/netns.ts';

/** A program that opens a door between namespaces: `relay.mjs FROM TO`. It says `ready`. */
export const RELAY = fileURLToPath(new URL('relay.mjs', import.meta.url));

const KEPT_CHARACTERS = 8_000;
const STOP_TIMEOUT_MS = 10_000;

/** A program that runs in a namespace until it is stopped, and what it last said. */
export class Daemon {
  readonly name: string;
  readonly #child: ChildProcess;
  #said = '';

  constructor(name: string, namespace: Namespace, argv: Argv, env: Readonly<Record<string, string>> = {}) {
    this.name = name;
    // Whatever becomes of the test, the kernel ends this with the process that started it.
    this.#child = namespace.spawn(['setpriv', '--pdeathsig', 'KILL', ...argv], { env });
    const keep = (chunk: Buffer): void => {
      this.#said = (this.#said + chunk.toString('utf8')).slice(-KEPT_CHARACTERS);
    };
    this.#child.stdout?.on('data', keep);
    this.#child.stderr?.on('data', keep);
  }

  /** The end of what it wrote. */
  get said(): string {
    return this.#said;
  }

  get ended(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** Of the program itself: everything before it replaced itself. */
  get pid(): number {
    return this.#child.pid ?? 0;
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** Nobody reads any more what it writes. */
  hangUp(): void {
    this.#child.stdout?.destroy();
    this.#child.stderr?.destroy();
  }

  /** Waits for its end. Returns its exit code; null where a signal ended it. */
  async exit(): Promise<number | null> {
    if (!this.ended) await once(this.#child, 'exit');
    return this.#child.exitCode;
  }

  /** Waits until `check` holds. Throws with what it last said when it ends before, or when 60 s are over. */
  async until(what: string, check: () => boolean | Promise<boolean>): Promise<void> {
    await waitUntil(`${this.name}: ${what}`, () => {
      if (this.ended) throw new Error(`${this.name} ended: ${this.#said}`);
      return check();
    }).catch((error: unknown) => {
      throw new Error(`${String(error)}\n${this.#said}`);
    });
  }

  /** SIGKILL; returns once it is gone. */
  async kill(): Promise<void> {
    if (this.ended) return;
    const gone = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await gone;
  }

  /** SIGTERM, and SIGKILL if that does not end it. Returns its exit code; null where a signal ended it. */
  async stop(): Promise<number | null> {
    if (this.ended) return this.#child.exitCode;
    const gone = once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    const killing = setTimeout(() => this.#child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    await gone;
    clearTimeout(killing);
    return this.#child.exitCode;
  }
}

/** Waits until `check` holds; throws with `what` when the time is over. What `check` throws ends the waiting. */
export async function waitUntil(
  what: string,
  check: () => boolean | Promise<boolean>,
  timeoutMs = 60_000,
): Promise<void> {
  const end = Date.now() + timeoutMs;
  while (!(await check())) {
    if (Date.now() > end) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await sleep(50);
  }
}
