import { Failure } from '../../model/diagnostic.ts';
import type { WatchEvent } from '../../model/event.ts';
import type { Processes } from '../../platform/processes.ts';
import type { RouteTable } from '../../platform/route-table.ts';
import type { Lock, SessionRecord, Sessions } from '../../registry/registry.ts';
import type { SessionListener } from './session-feed.ts';
import type { Moment, SessionState } from './session-state.ts';
import { pendingServices } from './session-view.ts';

/** What a session is told apart and recorded by. */
export interface SessionPorts {
  readonly sessions: Sessions;
  readonly processes: Pick<Processes, 'self' | 'isAlive'>;
  readonly routeTable: Pick<RouteTable, 'identity'>;
}

/** At most so often is a record written while a session is busy. Milliseconds. */
const WRITE_EVERY_MS = 1000;

/** Whether the process that wrote a record is still the one that has its pid. */
export async function isLive(
  { pid, startTime, bootId }: SessionRecord,
  { processes, routeTable }: Pick<SessionPorts, 'processes' | 'routeTable'>,
): Promise<boolean> {
  return (await routeTable.identity()).bootId === bootId && (await processes.isAlive(pid, startTime));
}

/** The session of a spec that lives; null where none does. */
export async function liveSession(spec: string, ports: SessionPorts): Promise<SessionRecord | null> {
  const record = await ports.sessions.read(spec);
  return record !== null && (await isLive(record, ports)) ? record : null;
}

/** Throws a Failure (kind `lock-held`) while a session of the spec lives. `fix` says what to do instead. */
export async function refuseLiveSession(spec: string, ports: SessionPorts, fix: string): Promise<void> {
  const record = await liveSession(spec, ports);
  if (record === null) return;
  throw new Failure('lock-held', [
    {
      code: 'session-lives',
      severity: 'error',
      summary: `a session (pid ${record.pid}) has watched ${spec} since ${record.since}`,
      cause:
        'It would make again what is taken away, and two of them would each undo the other when they leave.',
      fix,
      command: `kill -INT ${record.pid}`,
    },
  ]);
}

/** Forgets what sessions wrote that are dead; with a spec, of that one alone. */
export async function forgetDeadSessions(ports: SessionPorts, spec?: string): Promise<void> {
  for (const record of await ports.sessions.list()) {
    if (spec !== undefined && record.spec !== spec) continue;
    if (!(await isLive(record, ports))) await ports.sessions.remove(record.spec);
  }
}

/** What a session's record says of it. */
export function recordOf(record: SessionRecord, session: SessionState): SessionRecord {
  const { state, lastPass, held, heldSince, failure } = session;
  return {
    ...record,
    state,
    lastPass:
      lastPass === null
        ? null
        : {
            at: new Date(lastPass.at.epochMs).toISOString(),
            result: {
              success: 'done',
              suspended: 'no profile could be served',
              failure: failure.map(({ summary }) => summary).join('; '),
            }[lastPass.result],
          },
    held: [...held].map(([what, why]) => ({ what, why: why + sinceWhen(heldSince.get(what)) })),
    pending: pendingServices(session).map(({ profile, name, reason }) => ({
      what: `${profile} ${name}`,
      why: reason,
    })),
  };
}

function sinceWhen(since: Moment | undefined): string {
  return since === undefined ? '' : ` (since ${new Date(since.epochMs).toISOString()})`;
}

/** Writes what a session is at, for as long as it lives. */
export class SessionRecorder implements SessionListener {
  readonly #sessions: Sessions;
  readonly #record: SessionRecord;
  #session: SessionState | null = null;
  #writing: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | null = null;
  #lastWrite = Number.NEGATIVE_INFINITY;

  private constructor(sessions: Sessions, record: SessionRecord) {
    this.#sessions = sessions;
    this.#record = record;
  }

  /** Begins a session's record. Throws a Failure where another one of the spec lives; of two at once, one is told so. */
  static async begin(
    spec: string,
    ports: SessionPorts & { readonly lock: Lock },
    wait: Parameters<Lock['acquire']>[0],
  ): Promise<SessionRecorder> {
    const held = await ports.lock.acquire(wait);
    try {
      await refuseLiveSession(spec, ports, 'leave it to that one, or end it first');
      const [{ bootId, networkNamespace }, process] = await Promise.all([
        ports.routeTable.identity(),
        ports.processes.self(),
      ]);
      const record: SessionRecord = {
        spec,
        ...process,
        bootId,
        networkNamespace,
        since: new Date().toISOString(),
        state: 'settling',
        lastPass: null,
        held: [],
        pending: [],
      };
      await ports.sessions.write(record);
      return new SessionRecorder(ports.sessions, record);
    } finally {
      await held.release();
    }
  }

  /** Notes what the session is at by now. */
  heard({ type }: WatchEvent, session: SessionState): void {
    if (type.startsWith('watch.') && type !== 'watch.trigger') this.#change(session);
  }

  /** Ends the record with the session. */
  async end(): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer);
    await this.#writing;
    await this.#sessions.remove(this.#record.spec);
  }

  /** The end of a session is told at once, and everything else with whatever else happens within the pause. */
  #change(session: SessionState): void {
    const isEnding = session.state === 'stopping' && this.#session?.state !== 'stopping';
    this.#session = session;
    if (isEnding) {
      this.#write();
      return;
    }
    if (this.#timer !== null) return;
    const pause = Math.max(0, this.#lastWrite + WRITE_EVERY_MS - performance.now());
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#write();
    }, pause);
  }

  #write(): void {
    this.#lastWrite = performance.now();
    const record = this.#session === null ? this.#record : recordOf(this.#record, this.#session);
    // A record only tells; a session that cannot write it goes on, and its next write says so again.
    this.#writing = this.#writing.then(() => this.#sessions.write(record).catch(() => undefined));
  }
}
