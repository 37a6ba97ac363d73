import type { Step } from '../../model/plan.ts';
import { serviceName } from '../../model/plan.ts';
import { formatPrefix } from '../../model/prefix.ts';

/** What can be set aside by itself: a profile, a Service of one, or a destination. */
export type UnitKind = 'profile' | 'service' | 'destination';

export interface Unit {
  readonly kind: UnitKind;
  /** The profile's name, `profile namespace/name`, or the CIDR. */
  readonly name: string;
}

/** The unit that a step is about. */
export function unitOf(step: Step): Unit {
  if (step.kind === 'service') return { kind: 'service', name: `${step.profile} ${serviceName(step)}` };
  const route = step.after ?? step.before;
  return { kind: 'destination', name: route === null ? '' : formatPrefix(route.destination) };
}

/** Why each unit is set aside, by kind and name. */
interface Held {
  readonly profiles: ReadonlyMap<string, string>;
  readonly services: ReadonlyMap<string, string>;
  readonly destinations: ReadonlyMap<string, string>;
}

interface SetAside {
  readonly unit: Unit;
  readonly why: string;
  /** Milliseconds of the clock. */
  readonly until: number;
  /** What stands in the way of what is fought over; null for what merely failed. */
  readonly fight: Fight | null;
}

/** What stands in the way of something that was given up, as it was seen since. */
interface Fight {
  /** As it was seen last; null where nothing can be seen. */
  obstacle: string | null;
  /** Since when one that was seen is gone, in milliseconds of the clock; null while it is there, or none was seen. */
  goneSince: number | null;
}

interface History {
  failures: number;
  /** When each of the last rounds was, in milliseconds of the clock. */
  rounds: number[];
  /** How often in a row it was given up, and until when the last time. */
  fights: number;
  foughtUntil: number;
}

/** The first pause after a failure, and the longest, in milliseconds. */
const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 60_000;
/** From so many failures in a row on, what was made before counts as gone and no longer as late: after 15 seconds. */
const LASTING_FAILURES = 5;
/** So often within this time may the same thing be put right: whoever undoes it then does so on purpose. */
const MAX_ROUNDS = 5;
const ROUNDS_WITHIN_MS = 60_000;
/** How long something that is fought over is left, the first time, the second and so on, in milliseconds. */
const FIGHT_PAUSES_MS = [60_000, 120_000, 240_000, 300_000] as const;
/** So long has to be gone what stood in the way before that is believed, in milliseconds. */
const QUIET_MS = 5000;

/** The unit's kind and name. */
export const keyOf = ({ kind, name }: Unit): string => `${kind} ${name}`;

/**
 * The units that are left as they are for now. One that fails is tried again, later each time. One that somebody keeps
 * undoing is given up, for minutes, or until what stood in the way of it is gone; undone once more after that it is given
 * up at once, for longer: mkplan explains and never wars. Times are milliseconds of a clock that the caller reads.
 */
export class Units {
  readonly #aside = new Map<string, SetAside>();
  readonly #histories = new Map<string, History>();

  /** Sets a unit aside whose change failed. */
  failed(unit: Unit, why: string, now: number): void {
    const history = this.#historyOf(unit);
    const pauseMs = Math.min(FIRST_PAUSE_MS * 2 ** history.failures++, LONGEST_PAUSE_MS);
    this.#aside.set(keyOf(unit), { unit, why, until: now + pauseMs, fight: null });
  }

  /** Notes that a unit went well, so that its next failure counts as its first. */
  succeeded(unit: Unit): void {
    const history = this.#histories.get(keyOf(unit));
    if (history !== undefined) history.failures = 0;
  }

  /**
   * Notes that somebody undid what stood, so that it had to be made again. True when this is once too often: the unit is
   * given up then, for the pause that `why` is told, in milliseconds.
   */
  undone(unit: Unit, why: (pauseMs: number) => string, now: number): boolean {
    const history = this.#historyOf(unit);
    history.rounds = [...history.rounds.filter((at) => now - at < ROUNDS_WITHIN_MS), now];
    if (history.fights === 0 && history.rounds.length <= MAX_ROUNDS) return false;
    const pauseMs = pauseAfter(history.fights++);
    history.rounds = [];
    history.foughtUntil = now + pauseMs;
    const fight: Fight = { obstacle: null, goneSince: null };
    this.#aside.set(keyOf(unit), { unit, why: why(pauseMs), until: now + pauseMs, fight });
    return true;
  }

  /** Looks at what stands in the way of each unit that is given up; null where nothing is to be seen. */
  look(obstacleOf: (unit: Unit) => string | null, now: number): void {
    for (const { unit, fight } of this.#aside.values()) {
      if (fight === null) continue;
      const obstacle = obstacleOf(unit);
      if (fight.obstacle === null || obstacle === fight.obstacle) {
        fight.obstacle = obstacle;
        fight.goneSince = null;
      } else fight.goneSince ??= now;
    }
  }

  /** Gives units their next chance whose pause is over, or whose obstacle is gone; returns them. */
  release(now: number): Unit[] {
    const due = [...this.#aside.values()].filter((one) => endOf(one) <= now);
    for (const { unit, fight } of due) {
      this.#aside.delete(keyOf(unit));
      if (fight !== null) this.#historyOf(unit).foughtUntil = now;
    }
    for (const [key, history] of this.#histories) {
      if (this.#aside.has(key)) continue;
      // It stood as long as it was left before: whoever undoes it from now on is another.
      if (now - history.foughtUntil >= pauseAfter(history.fights - 1)) history.fights = 0;
      const { failures, rounds, fights } = history;
      // Services come and go for as long as the session lives; what has been quiet for long is not remembered.
      const isOver = failures === 0 && fights === 0 && rounds.every((at) => now - at >= ROUNDS_WITHIN_MS);
      if (isOver) this.#histories.delete(key);
    }
    return due.map(({ unit }) => unit);
  }

  /** Gives units their next chance that merely failed: what they failed for may be over. */
  retry(): void {
    for (const [key, { unit, fight }] of this.#aside) {
      if (fight !== null) continue;
      this.#aside.delete(key);
      this.succeeded(unit);
    }
  }

  /** Forgets everything: the user edited the spec, or asked to look again. */
  reset(): void {
    this.#aside.clear();
    this.#histories.clear();
  }

  /** Why each unit of a kind is set aside, by name. */
  held(kind: UnitKind): ReadonlyMap<string, string> {
    const ofKind = [...this.#aside.values()].filter(({ unit }) => unit.kind === kind);
    return new Map(ofKind.map(({ unit, why }) => [unit.name, why]));
  }

  /** All that is set aside. */
  get all(): Held {
    return {
      profiles: this.held('profile'),
      services: this.held('service'),
      destinations: this.held('destination'),
    };
  }

  /** The destinations that are set aside for so long that nothing may be promised of them. */
  get lost(): ReadonlyMap<string, string> {
    const lasting = [...this.#aside].filter(
      ([key, { fight }]) => fight !== null || (this.#histories.get(key)?.failures ?? 0) >= LASTING_FAILURES,
    );
    return new Map(
      lasting.flatMap(([, { unit, why }]) =>
        unit.kind === 'destination' ? [[unit.name, why] as const] : [],
      ),
    );
  }

  /** Whether anything is given up for now because somebody keeps undoing it. */
  get isFighting(): boolean {
    return [...this.#aside.values()].some(({ fight }) => fight !== null);
  }

  /** When the next pause is over; null where none is running. */
  get nextRelease(): number | null {
    const ends = [...this.#aside.values()].map(endOf);
    return ends.length === 0 ? null : Math.min(...ends);
  }

  #historyOf(unit: Unit): History {
    const key = keyOf(unit);
    const known = this.#histories.get(key);
    if (known !== undefined) return known;
    const fresh: History = { failures: 0, rounds: [], fights: 0, foughtUntil: 0 };
    this.#histories.set(key, fresh);
    return fresh;
  }
}

/** How long a unit is left that was given up so often before, in milliseconds. */
function pauseAfter(fights: number): number {
  return FIGHT_PAUSES_MS[Math.min(Math.max(fights, 0), FIGHT_PAUSES_MS.length - 1)] ?? 0;
}

function endOf({ until, fight }: SetAside): number {
  const goneSince = fight?.goneSince ?? null;
  return goneSince === null ? until : Math.min(until, goneSince + QUIET_MS);
}
