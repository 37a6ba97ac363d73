import { expect, test } from 'vitest';
import {
  AFTER,
  BEFORE,
  INITIAL,
  interfere,
  kill,
  nameOf,
  nextAction,
  PLACES,
  type State,
  startApply,
  startRecovery,
  step,
} from './model.ts';

/** So often somebody else acts, and so often a process is killed, at most, in one history. */
const MAX_INTERFERENCES = 3;
const MAX_KILLS = 3;

interface Node {
  readonly state: State;
  readonly interferences: number;
  readonly kills: number;
  /** How it was come to, for whoever reads a failure. */
  readonly by: string;
  readonly from: Node | null;
}

function successors(node: Node): Node[] {
  const { state, interferences, kills } = node;
  const next: Node[] = [];
  const add = (by: string, given: State, cost: { interferences?: number; kills?: number } = {}) =>
    next.push({ state: given, interferences, kills, by, from: node, ...cost });
  const action = nextAction(state);
  if (action !== null) add(action, step(state));
  if (action !== null && kills < MAX_KILLS) add('SIGKILL', kill(state), { kills: kills + 1 });
  if (action === null && state.journal.open) add('recovery starts', startRecovery(state));
  if (interferences < MAX_INTERFERENCES) {
    for (const place of PLACES.keys()) {
      add(`somebody at ${place}`, interfere(state, place), { interferences: interferences + 1 });
    }
  }
  return next;
}

function historyOf(node: Node): string {
  const steps: string[] = [];
  for (let at: Node | null = node; at !== null; at = at.from) steps.push(at.by);
  return steps.reverse().join(' → ');
}

/** Every state that can be come to, the nearest first. */
function explore(): Node[] {
  const key = ({ state, interferences, kills }: Node) => JSON.stringify([state, interferences, kills]);
  const first: Node = {
    state: startApply(INITIAL),
    interferences: 0,
    kills: 0,
    by: 'apply',
    from: null,
  };
  const found = new Map([[key(first), first]]);
  for (const node of found.values()) {
    for (const next of successors(node)) {
      const name = key(next);
      if (!found.has(name)) found.set(name, next);
    }
  }
  return [...found.values()];
}

const nodes = explore();
const isAtRest = ({ process, journal }: State) => process === null && !journal.open;

/** The nodes of which something does not hold, by how they were come to. */
function refuted(holds: (state: State) => boolean, among: readonly Node[] = nodes): string[] {
  return among
    .filter(({ state }) => !holds(state))
    .slice(0, 3)
    .map((node) => `${historyOf(node)}: ${JSON.stringify(node.state)}`);
}

const placesOf = ({ kernel }: State, cell: 'O' | 'F') =>
  kernel.flatMap((found, place) => (found === cell ? [place] : []));

const isNamed = ({ named }: State, place: number) =>
  (['changed', 'missing', 'remains'] as const).some((how) => named.includes(nameOf(how, place)));

/** Runs whatever process there is to its end. */
function finished(given: State): State {
  let state = given;
  while (state.process !== null) state = step(state);
  return state;
}

test('the whole of it is explored', () => {
  expect(nodes.length).toBeGreaterThan(60_000);
  const actions = new Set(nodes.map(({ state }) => nextAction(state)));
  expect(actions.size).toBeGreaterThan(10);
  expect(nodes.filter(({ state }) => isAtRest(state) && state.claims === 'after')).not.toEqual([]);
  expect(nodes.filter(({ state }) => isAtRest(state) && state.named.length > 0)).not.toEqual([]);
});

test('nothing foreign is changed, at any point', () => {
  expect(
    refuted((state) => JSON.stringify(placesOf(state, 'F')) === JSON.stringify(state.ghost.foreign)),
  ).toEqual([]);
});

test('whatever happened, it ends all before or all after, or what is otherwise is named', () => {
  const atRest = nodes.filter(({ state }) => isAtRest(state));
  const holds = (state: State) => {
    const wanted = state.claims === 'after' ? AFTER : BEFORE;
    return [...PLACES.keys()].every((place) => {
      const stands = state.kernel[place] === 'O';
      if (stands === wanted.includes(place) || isNamed(state, place)) return true;
      // A route of ours that nobody claims is named always; one that somebody else took away is theirs to tell.
      return !stands && state.ghost.touched.includes(place);
    });
  };
  expect(refuted(holds, atRest)).toEqual([]);
  const alone = atRest.filter(({ interferences }) => interferences === 0);
  expect(refuted(({ named }) => named.length === 0, alone)).toEqual([]);
});

test('DECIDED alone decides the direction, and once it is there no route is changed any more', () => {
  expect(refuted((state) => !isAtRest(state) || (state.claims === 'after') === state.ghost.decided)).toEqual(
    [],
  );
  expect(
    refuted((state) => !(state.journal.decided && /^kernel\.(add|delete)/.test(nextAction(state) ?? ''))),
  ).toEqual([]);
  expect(refuted((state) => state.claims === 'before' || state.ghost.decided)).toEqual([]);
});

test('recovery comes to its end from wherever a process was killed, and has nothing to do after it', () => {
  const cut = nodes.filter(({ state }) => state.process === null && state.journal.open);
  expect(cut.length).toBeGreaterThan(1000);
  expect(
    refuted((state) => {
      const end = finished(startRecovery(state));
      return isAtRest(end) && startRecovery(end) === end;
    }, cut),
  ).toEqual([]);
});

test('recovery that is killed anywhere, as often as it likes, comes to the end that it would have come to', () => {
  const comparable = ({ kernel, claims, journal, named }: State) =>
    JSON.stringify([kernel, claims, journal, named]);
  const cut = nodes.filter(({ state }) => state.process === null && state.journal.open);
  expect(
    refuted((state) => {
      const end = comparable(finished(startRecovery(state)));
      let at = startRecovery(state);
      while (at.process !== null) {
        if (comparable(finished(startRecovery(kill(at)))) !== end) return false;
        at = step(at);
      }
      return true;
    }, cut),
  ).toEqual([]);
});
