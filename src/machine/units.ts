import type { Step } from '../model/plan.ts';
import { serviceName } from '../model/plan.ts';
import { formatPrefix } from '../model/prefix.ts';

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
  /** Milliseconds of the clock; what is fought over has no end but the user's word. */
  readonly until: number;
}

interface History {
  failures: number;
  /** When each of the last rounds was, in milliseconds of the clock. */
  rounds: number[];
}

/** The first pause after a failure, and the longest, in milliseconds. */
const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 60_000;
/** So often within this time may the same thing be put right: whoever undoes it then does so on purpose. */
const MAX_ROUNDS = 5;
const ROUNDS_WITHIN_MS = 60_000;

/** The unit's kind and name. */
export const keyOf = ({ kind, name }: Unit): string => `${kind} ${name}`;

/**
 * The units that are left as they are for now. One that fails is tried again, later each time; one that somebody keeps
 * undoing is given up until the user says otherwise: mkplan explains and never wars. Times are milliseconds of a clock
 * that the caller reads.
 */
export class Units {
  readonly #aside = new Map<string, SetAside>();
  readonly #histories = new Map<string, History>();

  /** Sets a unit aside whose change failed. */
  failed(unit: Unit, why: string, now: number): void {
    const history = this.#historyOf(unit);
    const pauseMs = Math.min(FIRST_PAUSE_MS * 2 ** history.failures++, LONGEST_PAUSE_MS);
    this.#aside.set(keyOf(unit), { unit, why, until: now + pauseMs });
  }

  /** Notes that a unit went well, so that its next failure counts as its first. */
  succeeded(unit: Unit): void {
    const history = this.#histories.get(keyOf(unit));
    if (history !== undefined) history.failures = 0;
  }

  /** Notes that what stood had to be made again. True when this is once too often: the unit is set aside then. */
  undone(unit: Unit, why: () => string, now: number): boolean {
    const history = this.#historyOf(unit);
    history.rounds = [...history.rounds.filter((at) => now - at < ROUNDS_WITHIN_MS), now];
    if (history.rounds.length <= MAX_ROUNDS) return false;
    this.#aside.set(keyOf(unit), { unit, why: why(), until: Number.POSITIVE_INFINITY });
    return true;
  }

  /** Gives units their next chance whose pause is over; returns them. */
  release(now: number): Unit[] {
    const due = [...this.#aside.values()].filter(({ until }) => until <= now);
    for (const { unit } of due) this.#aside.delete(keyOf(unit));
    for (const [key, { failures, rounds }] of this.#histories) {
      // Services come and go for as long as the session lives; what has been quiet for long is not remembered.
      const isOver = failures === 0 && rounds.every((at) => now - at >= ROUNDS_WITHIN_MS);
      if (isOver) this.#histories.delete(key);
    }
    return due.map(({ unit }) => unit);
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

  /** Whether anything is given up for good. */
  get isFighting(): boolean {
    return [...this.#aside.values()].some(({ until }) => until === Number.POSITIVE_INFINITY);
  }

  /** When the next pause is over; null where none is running. */
  get nextRelease(): number | null {
    const ends = [...this.#aside.values()].map(({ until }) => until).filter(Number.isFinite);
    return ends.length === 0 ? null : Math.min(...ends);
  }

  #historyOf(unit: Unit): History {
    const key = keyOf(unit);
    const known = this.#histories.get(key);
    if (known !== undefined) return known;
    const fresh: History = { failures: 0, rounds: [] };
    this.#histories.set(key, fresh);
    return fresh;
  }
}
