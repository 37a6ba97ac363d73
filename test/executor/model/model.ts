/**
 * The transaction as a state machine small enough to be explored whole: three steps (a route is made at A, one is
 * removed at B, one moves at C), every point at which a process may be killed, and somebody else who changes the table
 * between any two of our actions. An action is what nobody can come between. Each is named as `Faults` names the
 * operation of the real executor that it stands for, so that both can be driven side by side:
 *
 * | action                     | the code that does it                                                   |
 * |----------------------------|-------------------------------------------------------------------------|
 * | `before journal.begin`     | `machine/run.ts`, begin                                                 |
 * | `kernel.mainRoutes`        | every reread: `executor/wave.ts`, `verify.ts`, `rollback.ts`            |
 * | `before journal.intend`    | `executor/wave.ts`, performRoutes: step 4                               |
 * | `kernel.add`, `.delete`    | one line of the helper's batch: step 5                                  |
 * | `before journal.done`      | `executor/wave.ts`, performRoutes: step 7                               |
 * | `before journal.decide`    | `machine/run.ts`, decide: step 8                                        |
 * | `before registry.write`    | `machine/run.ts`, commit, and `executor/recover.ts`, rollForward: step 9 |
 * | `before journal.undone`    | `executor/rollback.ts` in the same process, `executor/recover.ts` later |
 * | `before journal.close`     | step 10, and the end of every undoing                                   |
 */

/** Where a route can stand: an exclusive add is refused where destination and metric are taken. */
export const PLACES = [
  { destination: '10.200.1.0/24', metric: 109 },
  { destination: '10.200.1.0/24', metric: 50 },
  { destination: '10.200.2.0/24', metric: 109 },
  { destination: '10.200.3.0/24', metric: 109 },
  { destination: '10.200.3.0/24', metric: 110 },
] as const;

const [A, A_PREFERRED, B, C_OLD, C_NEW] = [0, 1, 2, 3, 4] as const;

/** The places of our routes before the plan, and after it. */
export const BEFORE: readonly number[] = [B, C_OLD];
export const AFTER: readonly number[] = [A, C_NEW];

interface Change {
  readonly op: 'add' | 'delete';
  readonly place: number;
}

/** The changes of the plan, in order. */
const CHANGES: readonly Change[] = [
  { op: 'add', place: A },
  { op: 'add', place: C_NEW },
  { op: 'delete', place: B },
  { op: 'delete', place: C_OLD },
];
const WAVES: readonly (readonly number[])[] = [
  [0, 1],
  [2, 3],
];

/** What stands in a place: nothing, our route, or somebody else's. */
type Cell = '.' | 'O' | 'F';

/** What the journal knows of a change. */
type Known = 'none' | 'intended' | 'done' | 'undone';

/** An action to come, with what it needs to remember. */
type Work =
  | { readonly do: 'begin' }
  | { readonly do: 'look' }
  | { readonly do: 'intend' | 'judge' | 'done'; readonly wave: number }
  | { readonly do: 'change'; readonly change: Change }
  | { readonly do: 'verify' | 'decide' | 'register' }
  | {
      readonly do: 'undo';
      readonly changes: readonly number[];
      readonly known: 'intended' | 'done' | 'journal';
    }
  | { readonly do: 'check-undone'; readonly todo: readonly number[]; readonly proven: readonly number[] }
  | { readonly do: 'undone'; readonly proven: readonly number[] }
  | { readonly do: 'close' };

/** A wave that was begun: its changes that were made, or may have been, and those that were not. */
interface Performed {
  readonly made: readonly number[];
  readonly refused: readonly number[];
  readonly known: 'intended' | 'done';
}

interface Process {
  readonly work: readonly Work[];
  readonly performed: readonly Performed[];
  /** What could not be undone, until it is told. */
  readonly left: readonly string[];
}

export interface State {
  readonly kernel: readonly Cell[];
  readonly journal: { readonly open: boolean; readonly decided: boolean; readonly known: readonly Known[] };
  /** Whose routes the registry has. */
  readonly claims: 'before' | 'after';
  /** Null when no process runs: it ended, or was killed. */
  readonly process: Process | null;
  /** What was told to be left, sorted: `changed`, `missing` or `remains`, and the place's destination. */
  readonly named: readonly string[];
  /** For the invariants alone: what somebody else has put where, where they acted at all, and whether it was ever decided. */
  readonly ghost: {
    readonly foreign: readonly number[];
    readonly touched: readonly number[];
    readonly decided: boolean;
  };
}

export const INITIAL: State = {
  kernel: PLACES.map((_, place) => (BEFORE.includes(place) ? 'O' : '.')),
  journal: { open: false, decided: false, known: ['none', 'none', 'none', 'none'] },
  claims: 'before',
  process: null,
  named: [],
  ghost: { foreign: [], touched: [], decided: false },
};

const changeAt = (index: number): Change => CHANGES[index] ?? { op: 'add', place: A };

function replaced<T>(list: readonly T[], at: number, value: T): T[] {
  return list.map((one, index) => (index === at ? value : one));
}

const sorted = <T extends number | string>(list: Iterable<T>): T[] =>
  [...new Set(list)].sort((a, b) => (a < b ? -1 : 1));

/** A new process that applies the plan. */
export function startApply(state: State): State {
  return withProcess(state, { work: [{ do: 'begin' }], performed: [], left: [] });
}

/** A new process that recovers what the journal has open. */
export function startRecovery(state: State): State {
  const { open, decided, known } = state.journal;
  if (!open) return state;
  if (decided) return withWork(state, [{ do: 'register' }, { do: 'close' }]);
  const undoing: Work[] = [];
  for (const run of ['delete', 'add'] as const) {
    const changes = CHANGES.flatMap(({ op }, index) =>
      op === run && known[index] !== 'none' && known[index] !== 'undone' ? [index] : [],
    );
    if (changes.length > 0) undoing.push({ do: 'undo', changes, known: 'journal' });
  }
  return withWork(state, [...undoing, { do: 'close' }]);
}

function withWork(state: State, work: readonly Work[]): State {
  return withProcess(state, { work, performed: [], left: [] });
}

/** What was left is told before the journal is closed. */
function withProcess(state: State, process: Process): State {
  const isLast = process.work[0]?.do === 'close';
  return {
    ...state,
    process: process.work.length === 0 ? null : process,
    named: isLast ? sorted([...state.named, ...process.left]) : state.named,
  };
}

/** SIGKILL. */
export function kill(state: State): State {
  return { ...state, process: null };
}

/** Somebody else changes what stands in a place: takes it when it is free, else frees it. */
export function interfere(state: State, place: number): State {
  const taken = state.kernel[place] !== '.';
  const foreign = state.ghost.foreign.filter((one) => one !== place);
  return {
    ...state,
    kernel: replaced(state.kernel, place, taken ? '.' : 'F'),
    ghost: {
      ...state.ghost,
      foreign: taken ? foreign : sorted([...foreign, place]),
      touched: sorted([...state.ghost.touched, place]),
    },
  };
}

/** The name of the next action; null when no process runs. */
export function nextAction({ process }: State): string | null {
  const next = process?.work[0];
  if (next === undefined) return null;
  switch (next.do) {
    case 'change':
      return `kernel.${next.change.op} ${PLACES[next.change.place]?.destination}`;
    case 'look':
    case 'judge':
    case 'verify':
    case 'undo':
    case 'check-undone':
      return 'kernel.mainRoutes';
    case 'register':
      return 'before registry.write';
    default:
      return `before journal.${next.do}`;
  }
}

/** The state after the next action. */
export function step(state: State): State {
  const { process } = state;
  const [next, ...work] = process?.work ?? [];
  if (process === null || next === undefined) return state;
  return perform({ ...state, process: { ...process, work } }, { ...process, work }, next);
}

function perform(state: State, process: Process, next: Work): State {
  const { journal } = state;
  switch (next.do) {
    case 'begin': {
      const opened = { ...state, journal: { ...journal, open: true } };
      return withProcess(opened, { ...process, work: [{ do: 'look' }] });
    }
    case 'look':
      return beginWave(state, process, 0);
    case 'intend':
      return intend(state, process, next.wave);
    case 'change':
      return withProcess(changed(state, next.change), process);
    case 'judge':
      return judge(state, process, next.wave);
    case 'done': {
      const known = mark(state, WAVES[next.wave] ?? [], 'done');
      return withProcess({ ...state, journal: { ...journal, known } }, process);
    }
    case 'verify':
      return isVerified(state.kernel) ? withProcess(state, process) : rollBack(state, process);
    case 'decide': {
      const ghost = { ...state.ghost, decided: true };
      return withProcess({ ...state, ghost, journal: { ...journal, decided: true } }, process);
    }
    case 'register':
      return withProcess({ ...state, claims: 'after' }, process);
    case 'undo':
      return undo(state, process, next);
    case 'check-undone':
      return checkUndone(state, process, next);
    case 'undone': {
      const known = mark(state, next.proven, 'undone');
      return withProcess({ ...state, journal: { ...journal, known } }, process);
    }
    case 'close':
      return withProcess({ ...state, journal: { ...INITIAL.journal } }, process);
  }
}

function mark(state: State, changes: readonly number[], as: Known): readonly Known[] {
  return state.journal.known.map((known, index) => (changes.includes(index) ? as : known));
}

/** The kernel's own rules: an add takes a free place alone, a delete hits our route alone. */
function changed(state: State, { op, place }: Change): State {
  const cell = state.kernel[place];
  if (op === 'add' ? cell !== '.' : cell !== 'O') return state;
  return { ...state, kernel: replaced(state.kernel, place, op === 'add' ? 'O' : '.') };
}

const foreignAtA = (kernel: readonly Cell[]) => kernel[A] === 'F' || kernel[A_PREFERRED] === 'F';
const foreignAtC = (kernel: readonly Cell[]) => kernel[C_OLD] === 'F' || kernel[C_NEW] === 'F';

/** Whether the conditions of a wave hold in the table as it was read last. */
function mayBegin(kernel: readonly Cell[], wave: number): boolean {
  if (wave === 1) return kernel[B] === 'O' && kernel[C_OLD] === 'O';
  return !foreignAtA(kernel) && !foreignAtC(kernel) && kernel[C_OLD] === 'O';
}

function beginWave(state: State, process: Process, wave: number): State {
  const performed = [...process.performed, { made: [], refused: [], known: 'intended' as const }];
  const begun = { ...process, performed };
  if (!mayBegin(state.kernel, wave)) {
    // Of the second wave this is found in the reread of the first, and only then is that one journaled as done.
    if (wave === 0) return rollBack(state, begun);
    return withProcess(state, { ...begun, work: [{ do: 'done', wave: 0 }, ...rollBackWork(begun)] });
  }
  const first: Work[] = wave === 0 ? [] : [{ do: 'done', wave: 0 }];
  return withProcess(state, { ...begun, work: [...first, { do: 'intend', wave }] });
}

function intend(state: State, process: Process, wave: number): State {
  const changes = WAVES[wave] ?? [];
  const known = mark(state, changes, 'intended');
  const performed = replaced(process.performed, wave, { made: changes, refused: [], known: 'intended' });
  const work: Work[] = [
    ...changes.map((index): Work => ({ do: 'change', change: changeAt(index) })),
    { do: 'judge', wave },
  ];
  return withProcess({ ...state, journal: { ...state.journal, known } }, { ...process, performed, work });
}

/** The reread after a wave: what was made, and whether somebody else came to a destination of ours. */
function judge(state: State, process: Process, wave: number): State {
  const changes = WAVES[wave] ?? [];
  const { kernel } = state;
  const isMade = (index: number) => {
    const { op, place } = changeAt(index);
    return (kernel[place] === 'O') === (op === 'add');
  };
  const made = changes.filter(isMade);
  const refused = changes.filter((index) => !isMade(index));
  const performed = replaced(process.performed, wave, { made, refused, known: 'done' });
  const judged = { ...process, performed };
  if (refused.length > 0 || (wave === 0 && (foreignAtA(kernel) || foreignAtC(kernel)))) {
    return rollBack(state, judged);
  }
  if (wave === 0) return beginWave(state, judged, 1);
  const work: Work[] = [
    { do: 'done', wave },
    { do: 'verify' },
    { do: 'decide' },
    { do: 'register' },
    { do: 'close' },
  ];
  return withProcess(state, { ...judged, work });
}

/** The table, and the kernel's answers: a more preferred route of somebody else gets the address. */
function isVerified(kernel: readonly Cell[]): boolean {
  const stands =
    AFTER.every((place) => kernel[place] === 'O') && BEFORE.every((place) => kernel[place] !== 'O');
  return stands && kernel[A_PREFERRED] !== 'F' && kernel[C_OLD] !== 'F';
}

function rollBackWork({ performed }: Pick<Process, 'performed'>): Work[] {
  const refused = performed.flatMap((wave) => wave.refused);
  return [
    ...(refused.length > 0 ? [{ do: 'undone', proven: refused } as const] : []),
    ...performed
      .filter(({ made }) => made.length > 0)
      .map(({ made, known }): Work => ({ do: 'undo', changes: made, known }))
      .reverse(),
    { do: 'close' },
  ];
}

function rollBack(state: State, process: Process): State {
  return withProcess(state, { ...process, work: rollBackWork(process) });
}

/** Judges by a reread what is to be undone, what need not be, and what is somebody else's by now. */
function undo(state: State, process: Process, { changes, known }: Work & { readonly do: 'undo' }): State {
  const todo: number[] = [];
  const proven: number[] = [];
  const left: string[] = [];
  for (const index of changes.toReversed()) {
    const { op, place } = changeAt(index);
    const cell = state.kernel[place];
    const wasIntended = (known === 'journal' ? state.journal.known[index] : known) === 'intended';
    if (op === 'add' ? cell === 'O' : cell === '.') todo.push(index);
    else if (cell === 'F' && !(op === 'add' && wasIntended)) left.push(nameOf('changed', place));
    else proven.push(index);
  }
  const inverse = (index: number): Work => {
    const { op, place } = changeAt(index);
    return { do: 'change', change: { op: op === 'add' ? 'delete' : 'add', place } };
  };
  const undoing: Work[] =
    todo.length === 0
      ? [{ do: 'undone', proven }]
      : [...todo.map(inverse), { do: 'check-undone', todo, proven }];
  return withProcess(state, {
    ...process,
    left: [...process.left, ...left],
    work: [...undoing, ...process.work],
  });
}

function checkUndone(
  state: State,
  process: Process,
  { todo, proven }: Work & { readonly do: 'check-undone' },
): State {
  const isBack = (index: number) => {
    const { op, place } = changeAt(index);
    return (state.kernel[place] === 'O') === (op === 'delete');
  };
  const left = todo
    .filter((index) => !isBack(index))
    .map((index) => {
      const { op, place } = changeAt(index);
      return nameOf(op === 'add' ? 'remains' : 'missing', place);
    });
  return withProcess(state, {
    ...process,
    left: [...process.left, ...left],
    work: [{ do: 'undone', proven: [...proven, ...todo.filter(isBack)] }, ...process.work],
  });
}

/** How a place that was left is told. */
export function nameOf(how: 'changed' | 'missing' | 'remains', place: number): string {
  return `${how} ${PLACES[place]?.destination} ${PLACES[place]?.metric}`;
}
