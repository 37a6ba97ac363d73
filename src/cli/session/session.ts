import { Failure } from '../../model/diagnostic.ts';
import type { WatchEvent } from '../../model/event.ts';
import { type Plan, serviceName } from '../../model/plan.ts';
import type { Processes } from '../../platform/processes.ts';
import type { RouteTable } from '../../platform/route-table.ts';
import type { Lock, SessionRecord, Sessions } from '../../registry/registry.ts';

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

/** Throws a Failure (kind `lock-held`) while a session of the spec lives. `fix` says what to do instead. */
export async function refuseLiveSession(spec: string, ports: SessionPorts, fix: string): Promise<void> {
  const record = await ports.sessions.read(spec);
  if (record === null || !(await isLive(record, ports))) return;
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

/** Writes what a session is at, for as long as it lives. */
export class SessionRecorder {
  readonly #sessions: Sessions;
  #record: SessionRecord;
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

  /** Notes what happened to the session. */
  heard(event: WatchEvent): void {
    const { held } = this.#record;
    switch (event.type) {
      case 'watch.state':
        this.#entered(event.state);
        break;
      case 'watch.held':
        this.#change({
          held: [...held.filter(({ what }) => what !== event.what), { what: event.what, why: event.why }],
        });
        break;
      case 'watch.released':
        this.#change({ held: held.filter(({ what }) => what !== event.what) });
        break;
      case 'watch.failed':
        this.#passed(event.diagnostics.map(({ summary }) => summary).join('; '));
        break;
    }
  }

  /** Notes what was planned last. */
  planned({ services }: Plan): void {
    const pending = services
      .filter(({ state }) => state === 'pending')
      .map((service) => ({ what: `${service.profile} ${serviceName(service)}`, why: service.reason }));
    this.#record = { ...this.#record, pending };
  }

  /** Ends the record with the session. */
  async end(): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer);
    await this.#writing;
    await this.#sessions.remove(this.#record.spec);
  }

  #entered(state: string): void {
    this.#record = { ...this.#record, state };
    if (state === 'idle' || state === 'fighting' || state === 'suspended') this.#passed('done');
    else if (state === 'stopping') this.#write();
  }

  #passed(result: string): void {
    this.#change({ lastPass: { at: new Date().toISOString(), result } });
  }

  #change(changes: Partial<SessionRecord>): void {
    this.#record = { ...this.#record, ...changes };
    if (this.#timer !== null) return;
    const pause = Math.max(0, this.#lastWrite + WRITE_EVERY_MS - performance.now());
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#write();
    }, pause);
  }

  #write(): void {
    this.#lastWrite = performance.now();
    // A record only tells; a session that cannot write it goes on, and its next write says so again.
    this.#writing = this.#writing.then(() => this.#sessions.write(this.#record).catch(() => undefined));
  }
}
