import fc from 'fast-check';
import { expect, test } from 'vitest';
import { leftLines, routeChanged, routeMissing, routeRemains } from '../../../src/executor/residue.ts';
import { recover, runApply } from '../../../src/machine/run.ts';
import { claimKey } from '../../../src/model/claim.ts';
import type { RunEvent } from '../../../src/model/event.ts';
import { type Route, routeKey } from '../../../src/model/route.ts';
import { LINUX_WORDS } from '../../../src/platform/linux/words.ts';
import { Faults } from '../../fakes/faults.ts';
import { create, planOf, remove, replace, route } from '../../fakes/plans.ts';
import { temporaryDirectory } from '../../fakes/temporary.ts';
import { World } from '../../fakes/world.ts';
import * as model from './model.ts';

/**
 * Drives the real executor, with a real journal and registry in a directory and a kernel in memory, side by side with
 * the model: killed at the same actions, disturbed at the same actions, and compared after each command.
 */

const OURS: readonly Route[] = model.PLACES.map(({ destination, metric }) =>
  route(destination, { metric, ...(metric === 110 ? { gateway: '192.168.39.9' } : {}) }),
);
const FOREIGN: readonly Route[] = model.PLACES.map(({ destination, metric }) =>
  route(destination, { metric, protocol: 3, gateway: '10.8.0.1', device: 'tun0' }),
);

function ours(place: number): Route {
  const found = OURS[place];
  if (found === undefined) throw new RangeError(`no place ${place}`);
  return found;
}

function foreign(place: number): Route {
  const found = FOREIGN[place];
  if (found === undefined) throw new RangeError(`no place ${place}`);
  return found;
}

const PLAN = planOf([create(ours(0)), remove(ours(2)), replace(ours(3), ours(4))]);

/** What a command is disturbed by; `at` counts the actions of the command. */
interface Disturbance {
  readonly killAt: number | null;
  readonly interferences: readonly { readonly at: number; readonly place: number }[];
}

/** The model of a run; it changes as the run goes on. */
interface Expected {
  state: model.State;
  isApplied: boolean;
}

class Host {
  readonly world: World;
  readonly told = new Set<string>();

  constructor(world: World) {
    this.world = world;
  }

  interfere(place: number): void {
    const { kernel } = this.world;
    const there = [ours(place), foreign(place)].find((one) => kernel.has(one));
    if (there === undefined) kernel.insert(foreign(place));
    else kernel.remove(there);
  }

  listener(faults: Faults): (event: RunEvent) => void {
    return (event) => {
      // Nobody hears what a process that was killed would still say.
      if ('left' in event && !faults.crashed) for (const line of event.left) this.told.add(line);
    };
  }
}

/** Ticks that are no actions of the model: answers come with a reread, and what only opens files changes nothing. */
const PASSED_OVER =
  /^(after |observe$|kernel\.reply$|kernel\.answers$|before journal\.open$|before registry\.read$)/;

/** Advances the model with every action of the executor, and disturbs both. */
class Lockstep extends Faults {
  readonly differences: string[] = [];
  readonly #expected: Expected;
  readonly #host: Host;
  readonly #disturbance: Disturbance;
  #actions = 0;

  constructor(expected: Expected, host: Host, disturbance: Disturbance) {
    super();
    this.#expected = expected;
    this.#host = host;
    this.#disturbance = disturbance;
  }

  override step(name: string): void {
    if (!this.crashed && !PASSED_OVER.test(name)) this.#act(name);
    super.step(name);
  }

  #act(name: string): void {
    const expected = this.#expected;
    const at = this.#actions++;
    const { killAt, interferences } = this.#disturbance;
    for (const { place } of interferences.filter((one) => one.at === at)) {
      this.#host.interfere(place);
      expected.state = model.interfere(expected.state, place);
    }
    const wanted = model.nextAction(expected.state);
    if (wanted !== name) this.differences.push(`action ${at} is ${name}, not ${wanted}`);
    if (killAt === at) {
      this.killAt(this.operations.length + 1);
      expected.state = model.kill(expected.state);
    } else expected.state = model.step(expected.state);
  }
}

function lineOf(name: string): string {
  const place = model.PLACES.findIndex((_, at) =>
    (['changed', 'missing', 'remains'] as const).some((how) => model.nameOf(how, at) === name),
  );
  const route = ours(place);
  const [how] = name.split(' ');
  const diagnostic =
    how === 'changed'
      ? routeChanged(route, foreign(place), LINUX_WORDS)
      : how === 'missing'
        ? routeMissing(route, '', LINUX_WORDS)
        : routeRemains(route, '', LINUX_WORDS);
  return leftLines([diagnostic]).join();
}

const sorted = (list: Iterable<string>) => [...list].sort((a, b) => (a < b ? -1 : 1));

async function compare({ state }: Expected, { world, told }: Host): Promise<void> {
  const cells = model.PLACES.map((_, place) =>
    world.kernel.has(ours(place)) ? 'O' : world.kernel.has(foreign(place)) ? 'F' : '.',
  );
  const open = await world.open();
  const known = [0, 0, 1, 2].map((_, index) => {
    const [step, op] =
      (
        [
          [0, 'add'],
          [2, 'add'],
          [1, 'delete'],
          [2, 'delete'],
        ] as const
      )[index] ?? [];
    return open?.intents.find(({ change }) => change.step === step && change.op === op)?.state ?? 'none';
  });
  const places = state.claims === 'after' ? model.AFTER : model.BEFORE;
  expect({
    cells,
    journal: { open: open !== null, decided: open?.decided ?? false, known },
    claims: sorted((await world.claims()).map(claimKey)),
    told: sorted(told),
  }).toEqual({
    cells: state.kernel,
    journal: state.journal,
    claims: sorted(places.map((place) => routeKey(ours(place)))),
    told: sorted(state.named.map(lineOf)),
  });
}

/** Runs the executor and the model to the end of the command, and compares them. */
async function alongside(
  expected: Expected,
  host: Host,
  disturbance: Disturbance,
  work: (faults: Faults) => Promise<unknown>,
): Promise<void> {
  const faults = new Lockstep(expected, host, disturbance);
  // How a command failed is not the model's matter, only what it left.
  await work(faults).catch(() => undefined);
  expect(faults.differences).toEqual([]);
  expect(expected.state.process).toBeNull();
  await compare(expected, host);
}

class Apply implements fc.AsyncCommand<Expected, Host> {
  readonly disturbance: Disturbance;

  constructor(disturbance: Disturbance) {
    this.disturbance = disturbance;
  }

  check({ isApplied }: Readonly<Expected>): boolean {
    return !isApplied;
  }

  async run(expected: Expected, host: Host): Promise<void> {
    expected.isApplied = true;
    expected.state = model.startApply(expected.state);
    await alongside(expected, host, this.disturbance, (faults) =>
      runApply(
        host.world.ports(PLAN, faults),
        {
          fingerprint: null,
          approve: () => null,
          waitMs: 0,
          doing: 'apply',
          signal: new AbortController().signal,
          confirmation: null,
        },
        host.listener(faults),
      ),
    );
  }

  toString(): string {
    return `apply ${JSON.stringify(this.disturbance)}`;
  }
}

class Recover implements fc.AsyncCommand<Expected, Host> {
  readonly disturbance: Disturbance;

  constructor(disturbance: Disturbance) {
    this.disturbance = disturbance;
  }

  check(): boolean {
    return true;
  }

  async run(expected: Expected, host: Host): Promise<void> {
    expected.state = model.startRecovery(expected.state);
    await alongside(expected, host, this.disturbance, (faults) =>
      recover(host.world.ports(PLAN, faults), host.listener(faults)),
    );
  }

  toString(): string {
    return `recover ${JSON.stringify(this.disturbance)}`;
  }
}

class Interfere implements fc.AsyncCommand<Expected, Host> {
  readonly place: number;

  constructor(place: number) {
    this.place = place;
  }

  check(): boolean {
    return true;
  }

  async run(expected: Expected, host: Host): Promise<void> {
    expected.state = model.interfere(expected.state, this.place);
    host.interfere(this.place);
    await compare(expected, host);
  }

  toString(): string {
    return `somebody at ${this.place}`;
  }
}

/** More actions than any command has. */
const MOST_ACTIONS = 20;

const place = fc.nat(model.PLACES.length - 1);
const disturbance = fc.record({
  killAt: fc.option(fc.nat(MOST_ACTIONS), { freq: 2 }),
  interferences: fc.array(fc.record({ at: fc.nat(MOST_ACTIONS), place }), { maxLength: 3 }),
});

async function begin(): Promise<{ model: Expected; real: Host }> {
  const world = new World(await temporaryDirectory(), model.BEFORE.map(ours));
  await world.claim(...model.BEFORE.map(ours));
  return { model: { state: model.INITIAL, isApplied: false }, real: new Host(world) };
}

test('the executor does what the model does, action for action, killed and disturbed anywhere', async () => {
  const commands = fc.commands(
    [
      disturbance.map((given) => new Apply(given)),
      disturbance.map((given) => new Recover(given)),
      place.map((given) => new Interfere(given)),
    ],
    { maxCommands: 6 },
  );
  await fc.assert(
    fc.asyncProperty(disturbance, commands, async (first, rest) => {
      const { model: expected, real } = await begin();
      await new Apply(first).run(expected, real);
      await fc.asyncModelRun(() => ({ model: expected, real }), rest);
    }),
    { numRuns: 200 },
  );
});

test('killed at every action, and disturbed at each of them in each place, it does what the model does', async () => {
  for (let at = 0; at < MOST_ACTIONS; at++) {
    for (const where of model.PLACES.keys()) {
      const act = { at, place: where };
      // Once, and so that somebody takes the place of ours between two actions.
      for (const interferences of [[act], [act, act]]) {
        const whole = await begin();
        await new Apply({ killAt: null, interferences }).run(whole.model, whole.real);
      }
      const { model: expected, real } = await begin();
      await new Apply({ killAt: at, interferences: [] }).run(expected, real);
      const interferences = [1, 2].map((later) => ({ at: (at + later) % 5, place: where }));
      await new Recover({ killAt: null, interferences }).run(expected, real);
    }
  }
});
