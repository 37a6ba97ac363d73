import type { WatchPorts } from './ports.ts';
import type { Units } from './units.ts';

/** After a suspension, until links and addresses are back. Milliseconds. */
const WAKING_MS = 3000;

/** What a session does after the host has slept, or once a link is back: it tries again what failed before. */
export class Waking {
  readonly #ports: Pick<WatchPorts, 'suspensions' | 'losses' | 'clock' | 'distrust'>;
  readonly #units: Units;
  #suspensions: number;
  /** How many links had come up when it was looked last. */
  #returns = 0;

  constructor(ports: WatchPorts, units: Units) {
    this.#ports = ports;
    this.#units = units;
    this.#suspensions = ports.suspensions.count();
  }

  async heed(signal: AbortSignal): Promise<void> {
    await this.#awake(signal);
    this.#retryOverLinks();
  }

  /** After a suspension nothing known is reliable: links, VMs and clusters return one after another. */
  async #awake(signal: AbortSignal): Promise<void> {
    const { suspensions, clock, distrust } = this.#ports;
    const count = suspensions.count();
    if (count === this.#suspensions) return;
    this.#suspensions = count;
    await clock.wait(WAKING_MS, signal);
    await suspensions.renew();
    distrust();
    this.#units.retry();
  }

  /** What the kernel refused while a link was down it may take now. */
  #retryOverLinks(): void {
    const { returns } = this.#ports.losses;
    if (returns !== this.#returns) this.#units.retry();
    this.#returns = returns;
  }
}
