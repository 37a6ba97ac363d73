import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CommandStream, CommandStreamer } from '../command.ts';
import type { HostChange, RouteEventStream, RouteEvents } from '../route-events.ts';
import { parseEvent } from './parse/events.ts';

/** How often it is looked whether `ip` listens yet, and how long: past that the first reread has to do. */
const READY_POLL_MS = 5;
const READY_WITHIN_MS = 2000;
/** Before an `ip` that has ended is started anew: longer each time, up to the second value. */
const FIRST_RESTART_MS = 100;
const LONGEST_RESTART_MS = 30_000;

/** A netlink socket of NETLINK_ROUTE that has joined groups (proc_net(5): Eth, Pid and Groups of /proc/net/netlink). */
function listens(table: string, pid: number): boolean {
  return table.split('\n').some((line) => {
    const [, protocol, port, groups = ''] = line.trim().split(/\s+/);
    return protocol === '0' && port === String(pid) && /[1-9a-f]/.test(groups);
  });
}

/**
 * Whether a line of /proc/PID/stat says that the process waits (proc_pid_stat(5), field 3). With its groups joined, `ip`
 * still lists the links by the same socket, and drops the events that come in between; that does not wait, and what
 * comes after it does, for events.
 */
function isAsleep(stat: string): boolean {
  return stat.slice(stat.lastIndexOf(')') + 1).startsWith(' S ');
}

/** One `ip monitor` after the other, for as long as there is a listener. */
class Monitor implements RouteEventStream {
  readonly ready: Promise<void>;
  readonly #streamer: CommandStreamer;
  readonly #onChange: (change: HostChange) => void;
  readonly #stopped = new AbortController();
  readonly #running: Promise<void>;
  #child: CommandStream | null = null;

  constructor(streamer: CommandStreamer, onChange: (change: HostChange) => void) {
    this.#streamer = streamer;
    this.#onChange = onChange;
    let begin: () => void = () => undefined;
    this.ready = new Promise((resolve) => {
      begin = resolve;
    });
    this.#running = this.#run(begin);
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    this.#child?.kill();
    await this.#running;
  }

  async #run(begin: () => void): Promise<void> {
    const { signal } = this.#stopped;
    for (let failures = 0; !signal.aborted; failures++) {
      let heard = false;
      const child = this.#streamer.stream(
        // Killed with mkplan, however that ends: it would live on otherwise until the next change of a route.
        ['setpriv', '--pdeathsig', 'TERM', 'ip', '-N', 'monitor', 'route', 'address', 'link', 'rule'],
        (line) => {
          heard = true;
          const change = parseEvent(line);
          if (change !== null) this.#onChange(change);
        },
        // What it complains of is lost events (ENOBUFS), after which it goes on.
        { detached: true, onError: () => this.#onChange({ kind: 'everything' }) },
      );
      this.#child = child;
      await this.#awaitListening(child);
      begin();
      // What happened while nobody listened is not known.
      if (failures > 0) this.#onChange({ kind: 'everything' });
      // How it ended is of no use to anybody: another one is started, and rereading tells what was missed.
      await child.exit.catch(() => undefined);
      if (heard) failures = 0;
      const pause = Math.min(FIRST_RESTART_MS * 2 ** failures, LONGEST_RESTART_MS);
      await sleep(pause, undefined, { signal, ref: false }).catch(() => undefined);
    }
  }

  async #awaitListening({ pid, exit }: CommandStream): Promise<void> {
    if (pid === null) return;
    let ended = false;
    const note = () => {
      ended = true;
    };
    exit.then(note, note);
    const until = performance.now() + READY_WITHIN_MS;
    while (!ended && !this.#stopped.signal.aborted && performance.now() < until) {
      // Gone with the process: then it is started anew. The order counts: a sleep before it joined proves nothing.
      const table = await readFile(`/proc/${pid}/net/netlink`, 'utf8').catch(() => '');
      const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
      if (listens(table, pid) && isAsleep(stat)) return;
      await sleep(READY_POLL_MS);
    }
  }
}

/** The events of `ip monitor`. Its lines are hints: its text has no form that is promised. */
export class LinuxRouteEvents implements RouteEvents {
  readonly #streamer: CommandStreamer;

  constructor(streamer: CommandStreamer) {
    this.#streamer = streamer;
  }

  listen(onChange: (change: HostChange) => void): RouteEventStream {
    return new Monitor(this.#streamer, onChange);
  }
}
