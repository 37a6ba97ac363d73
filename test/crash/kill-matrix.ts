import { isDeepStrictEqual } from 'node:util';
import { Random } from '../fuzz/random.ts';
import { ALLOW } from '../kernel/rig.ts';
import { checkDead, checkEnded, checkSettled, checkTold } from './kill-checks.ts';
import { type Point, pointOf, pointOrder } from './kill-points.ts';
import { type Death, type Ended, runToDeath } from './kill-run.ts';
import {
  type Command,
  KillWorld,
  type Lasting,
  type SpecName,
  settledRoutes,
  targetOf,
  withoutMetrics,
} from './kill-world.ts';

/** What is counted of one point. */
interface Row {
  readonly point: Point;
  before: number;
  after: number;
  random: number;
  violations: number;
}

interface Violation {
  /** What was wrong, and what the process did and said. */
  readonly text: string;
  /** The part of the matrix that it showed in. */
  readonly part: number;
}

/** The matrix so far. */
export interface Matrix {
  readonly rows: readonly Row[];
  readonly kills: number;
  /** Those of them that began with the files of an older mkplan. */
  readonly aged: number;
  readonly violations: readonly Violation[];
}

interface Options {
  readonly seed: number;
  /** The parts to be done: {@link PART_KILLS} kills each, which seed and number decide alone. */
  readonly parts: readonly number[];
  /** So many parts at a time. */
  readonly jobs: number;
  readonly onKill: (matrix: Matrix) => void;
  readonly onViolation: (violation: Violation) => void;
}

/** A part is short, so that one in which something was wrong is soon done again. */
export const PART_KILLS = 20;

/** So many violations tell enough. */
const ENOUGH = 20;

/** About as many as each does, and rather more, so that a random number finds its end; whatever recovers does so first. */
const OPERATIONS = { apply: 112, destroy: 108, cleanup: 64, watch: 216, helper: 16 } as const;

const SPEC_NAMES: readonly SpecName[] = ['first', 'moved', 'other'];

/** Counts what all parts found. */
class Tally implements Matrix {
  readonly #rows = new Map<Point, Row>();
  readonly violations: Violation[] = [];
  readonly #onViolation: Options['onViolation'];
  kills = 0;
  aged = 0;

  constructor(onViolation: Options['onViolation']) {
    this.#onViolation = onViolation;
  }

  get rows(): Row[] {
    return [...this.#rows.values()].sort((a, b) => pointOrder(a.point) - pointOrder(b.point));
  }

  wrong(violation: Violation): void {
    this.violations.push(violation);
    this.#onViolation(violation);
  }

  row(point: Point): Row {
    const row = this.#rows.get(point) ?? { point, before: 0, after: 0, random: 0, violations: 0 };
    this.#rows.set(point, row);
    return row;
  }
}

/**
 * Kills mkplan and its helper, with SIGKILL, one run after the other on one host: at a random operation, or about one.
 * Whatever was left is where the next run starts, so recoveries are killed like everything else. Ends at the first
 * violation: nothing that follows from it must be counted as another.
 */
class KillPart {
  readonly #part: number;
  readonly #world: KillWorld;
  readonly #random: Random;
  readonly #tally: Tally;
  readonly #onKill: () => void;
  #spec: SpecName = 'first';
  #kills = 0;
  /** Where the last kill was counted, which is to blame for what shows later. */
  #row: Row | null = null;

  constructor(part: number, world: KillWorld, random: Random, tally: Tally, onKill: () => void) {
    this.#part = part;
    this.#world = world;
    this.#random = random;
    this.#tally = tally;
    this.#onKill = onKill;
  }

  async run(): Promise<void> {
    while (this.#kills < PART_KILLS) {
      const isSound =
        (await this.#kill()) &&
        (!this.#random.oneIn(8) || (await this.#tell())) &&
        (!this.#random.oneIn(4) || (await this.#recover()));
      if (!isSound) return;
    }
  }

  async #kill(): Promise<boolean> {
    const isAged = this.#random.oneIn(4);
    if (isAged) await this.#world.age();
    const before = await this.#world.lasting();
    const command = this.#command(before);
    const death = this.#death(before.open === null ? command.verb : 'cleanup');
    this.#spec = command.spec;
    await this.#world.use(command.spec);
    const ended = await this.#run(command, death);
    await this.#world.settle();
    if (ended.killed) this.#count(ended, death, before.open !== null);
    if (ended.killed && isAged) this.#tally.aged++;
    const where = `${JSON.stringify(command)}, ${JSON.stringify(death)}`;
    const isSound = await this.#check(where, ended, (after) => [
      ...checkDead(this.#world.foreign, before, after, command),
      ...(ended.code === null ? [] : checkEnded(before, after, command, ended)),
    ]);
    if (ended.killed) this.#onKill();
    return isSound;
  }

  /** What the next command, which nobody disturbs, does with whatever a killed process left. */
  async #recover(): Promise<boolean> {
    const before = await this.#world.lasting();
    const verb = this.#random.pick(['cleanup', 'cleanup', 'apply', 'destroy'] as const);
    const command: Command = { verb, spec: this.#spec };
    const ended = await this.#run(command, null);
    return await this.#check(`${verb} after a kill`, ended, (after) =>
      checkSettled(this.#world.foreign, before, after, command, ended),
    );
  }

  async #tell(): Promise<boolean> {
    const { rig } = this.#world;
    const status = await runToDeath(rig, ['status', rig.spec, '--json'], null);
    const plan = await runToDeath(rig, ['plan', rig.spec, '--detailed-exitcode'], null);
    return await this.#check('status and plan', status, (lasting) =>
      checkTold(lasting, this.#spec, status, plan),
    );
  }

  async #run({ verb }: Command, death: Death | null): Promise<Ended> {
    const { rig } = this.#world;
    const wait = ['--lock-timeout', '60s', '--auto-approve'];
    const spec = verb === 'cleanup' ? [] : [rig.spec];
    const allow = verb === 'apply' || verb === 'watch' ? ALLOW.slice(1) : [];
    return await runToDeath(rig, [verb, ...spec, ...wait, ...allow], death);
  }

  /** One that has something to change, or to recover. */
  #command(lasting: Lasting): Command {
    const spec = this.#random.pick(SPEC_NAMES);
    if (lasting.open !== null) {
      return { verb: this.#random.pick(['cleanup', 'cleanup', 'apply', 'destroy']), spec };
    }
    const settled = settledRoutes(lasting);
    const others = SPEC_NAMES.filter((name) => !isDeepStrictEqual(targetOf(name), withoutMetrics(settled)));
    const verbs: readonly Command['verb'][] =
      settled.size === 0 ? ['apply', 'apply', 'watch'] : ['apply', 'apply', 'destroy'];
    return { verb: this.#random.pick(verbs), spec: this.#random.pick(others) };
  }

  #death(kind: Command['verb']): Death {
    const victim = this.#random.oneIn(4) ? 'helper' : 'main';
    const at = 1 + this.#random.below(OPERATIONS[victim === 'main' ? kind : victim]);
    if (this.#random.oneIn(6)) return { victim, at, how: 'about then', interruptAt: null };
    // Before it dies, so that it is also killed while it undoes.
    const interruptAt = victim === 'main' && this.#random.oneIn(4) ? 1 + this.#random.below(at) : null;
    return { victim, at, how: 'exactly', interruptAt };
  }

  #count(ended: Ended, death: Death, isRecovery: boolean): void {
    const { point, side } = pointOf(ended.trace, death.victim, isRecovery);
    this.#row = this.#tally.row(point);
    this.#row[death.how === 'exactly' ? side : 'random']++;
    this.#kills++;
    this.#tally.kills++;
  }

  /** Notes what is wrong with what lasts, or that it cannot even be read. */
  async #check(where: string, ended: Ended, find: (after: Lasting) => readonly string[]): Promise<boolean> {
    const problems: string[] = ended.hung ? ['did not end by itself'] : [];
    try {
      problems.push(...find(await this.#world.lasting()));
    } catch (thrown) {
      problems.push(`registry or journal cannot be read: ${String(thrown)}`);
    }
    if (this.#row !== null) this.#row.violations += problems.length;
    const last = ended.trace.at(-1) ?? 'nothing';
    for (const problem of problems) {
      const text = `${problem}\n(${where}; exit ${ended.code}; last: ${last})\n${ended.output.slice(-1500)}`;
      this.#tally.wrong({ text, part: this.#part });
    }
    return problems.length === 0;
  }
}

/** Does the parts, and counts what they found. A part that cannot go on is a violation, too: the others are still told of. */
export async function runKillMatrix({ seed, parts, jobs, onKill, onViolation }: Options): Promise<Matrix> {
  const tally = new Tally(onViolation);
  const waiting = [...parts];
  const work = async () => {
    for (let part = waiting.shift(); part !== undefined; part = waiting.shift()) {
      if (tally.violations.length >= ENOUGH) return;
      await runPart(part, new Random(seed, part), tally, () => onKill(tally)).catch((thrown: unknown) => {
        tally.wrong({ text: `could not go on: ${String(thrown)}`, part });
      });
    }
  };
  await Promise.all(Array.from({ length: jobs }, work));
  return tally;
}

async function runPart(part: number, random: Random, tally: Tally, onKill: () => void): Promise<void> {
  const world = await KillWorld.create();
  try {
    await new KillPart(part, world, random, tally, onKill).run();
  } finally {
    await world.close();
  }
}
