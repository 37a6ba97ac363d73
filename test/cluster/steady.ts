import type { ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Namespace } from '../kernel/netns.ts';
import { waitUntil } from './daemon.ts';

const EVERY_MS = 10;
/** Long enough for an answer on a busy machine. */
const TIMEOUT_MS = 5_000;

/** What became of the requests: how many there were, and when those were sent that nobody answered (Unix time, ms). */
interface Requests {
  readonly sent: number;
  readonly lost: readonly number[];
}

/** A client that asks over UDP every 10 ms, whether it is answered or not. */
export class SteadyClient {
  readonly #child: ChildProcess;
  #said = '';

  private constructor(child: ChildProcess) {
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (chunk: string) => {
        this.#said += chunk;
      });
    }
  }

  /** Returns once it was answered. */
  static async start(from: Namespace, address: string, port: number): Promise<SteadyClient> {
    const script = fileURLToPath(new URL('steady.mjs', import.meta.url));
    const numbers = [port, EVERY_MS, TIMEOUT_MS].map(String);
    const client = new SteadyClient(from.spawn([process.execPath, script, address, ...numbers]));
    await waitUntil('the client is answered', () => client.#said.includes('answered'));
    return client;
  }

  /** When those were sent that are known to be lost. */
  get lost(): readonly number[] {
    return [...this.#said.matchAll(/^lost (\d+)$/gm)].map(([, at]) => Number(at));
  }

  /** Asks no more, and waits for the last answers. */
  async stop(): Promise<Requests> {
    this.#child.stdin?.end();
    const total = /^sent (\d+)$/m;
    await waitUntil('the client ends', () => total.test(this.#said));
    return { sent: Number(total.exec(this.#said)?.[1]), lost: this.lost };
  }
}
