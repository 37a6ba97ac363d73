import { messageOf } from '../../model/diagnostic.ts';
import type { WatchEvent } from '../../model/event.ts';
import { printableLine } from '../../model/text/printable.ts';
import type { CommandRunner } from '../../platform/command.ts';
import type { SessionListener } from './session-feed.ts';
import { RESTING } from './session-state.ts';

const NOTIFY_TIMEOUT_MS = 10_000;

export interface ServiceManagerOptions {
  /** NOTIFY_SOCKET and WATCHDOG_USEC are read from it (sd_notify(3), sd_watchdog_enabled(3)). */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly runner: CommandRunner;
  /** Told once when the service manager cannot be told. */
  readonly onProblem: (text: string) => void;
}

/**
 * Tells systemd how a session fares: ready once the first pass has ended, alive as often as it asks, stopping. Datagrams
 * to a socket of the file system are beyond Node, so systemd-notify(1) sends them (`NotifyAccess=all`).
 */
export class ServiceManager implements SessionListener {
  readonly #options: ServiceManagerOptions;
  readonly #watchdog: NodeJS.Timeout | null;
  #ready = false;
  #failed = false;
  #state = 'settling';

  private constructor(options: ServiceManagerOptions, watchdogMs: number | null) {
    this.#options = options;
    this.#watchdog = watchdogMs === null ? null : setInterval(() => this.#tell('WATCHDOG=1'), watchdogMs);
  }

  /** Null where no service manager asks to be told. */
  static of(options: ServiceManagerOptions): ServiceManager | null {
    if ((options.env['NOTIFY_SOCKET'] ?? '') === '') return null;
    const microseconds = Number(options.env['WATCHDOG_USEC'] ?? '');
    // Half of the time that it allows, as sd_watchdog_enabled(3) recommends.
    return new ServiceManager(options, microseconds > 0 ? microseconds / 2000 : null);
  }

  heard(event: WatchEvent): void {
    if (event.type !== 'watch.state' || event.state === this.#state) return;
    this.#state = event.state;
    if (event.state === 'stopping') this.#tell('STOPPING=1');
    // A cluster that is slow to answer keeps nothing from being served but its own.
    const serves = RESTING.has(event.state) || event.state === 'asking';
    if (serves && !this.#ready) {
      this.#ready = true;
      this.#tell('READY=1');
    }
  }

  close(): void {
    if (this.#watchdog !== null) clearInterval(this.#watchdog);
  }

  #tell(word: string): void {
    const { runner, onProblem } = this.#options;
    const argv = ['systemd-notify', word, `STATUS=${this.#state}`] as const;
    runner
      .run(argv, { timeoutMs: NOTIFY_TIMEOUT_MS })
      .then(({ code, stderr }) => (code === 0 ? null : stderr.trim() || `exit ${code}`), messageOf)
      .then((problem) => {
        if (problem === null || this.#failed) return;
        this.#failed = true;
        onProblem(`systemd could not be told "${word}": ${printableLine(problem)}\n`);
      });
  }
}
