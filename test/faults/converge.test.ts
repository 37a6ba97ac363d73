import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ApplyOutcome } from '../../src/machine/apply-ports.ts';
import { Failure } from '../../src/model/diagnostic.ts';
import { isEmpty } from '../../src/model/plan.ts';
import { temporaryDirectory } from '../fakes/temporary.ts';
import { NO_LISTS, type Odd } from './odd-answers.ts';
import { type Fault, PASS, type Passing } from './proxy.ts';
import { FOREIGN, Stack, wrongs } from './stack.ts';

/** Of one call; so short that a server which hangs does not hold the tests up. */
const DEADLINE_MS = 300;
/** For a server that does not hang any more, on a machine that is busy. */
const PATIENT_MS = 10_000;
const TIMEOUT_MS = 120_000;

const NAMES = ['a', 'b', 'c', 'd'];
const FOREIGN_ADDRESS = '10.200.0.5';

/** Made of the answer itself; of one that is no list there may be nothing to make, and then it is half of it. */
function broken(of: Odd['of']): Fault {
  return {
    kind: 'rewrite',
    rewrite: (reply) => {
      try {
        return of(reply);
      } catch {
        return { body: reply.body.subarray(0, reply.body.length / 2) };
      }
    },
  };
}

const fault = fc.oneof(
  { weight: 8, arbitrary: fc.constant(PASS) },
  {
    weight: 1,
    arbitrary: fc.constantFrom<Fault>({ kind: 'drop' }, { kind: 'hang' }, { kind: 'hang-after' }),
  },
  { weight: 2, arbitrary: fc.constant<Fault>({ kind: 'lose' }) },
  {
    weight: 1,
    arbitrary: fc
      .double({ min: 0, max: 0.99, noNaN: true })
      .map((share) => ({ kind: 'cut' as const, share })),
  },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 50 }).map((ms) => ({ kind: 'delay' as const, ms })) },
  // What is no answer to anything, or to no list; and writes that are said to be made, and are not.
  { weight: 3, arbitrary: fc.constantFrom<Fault>(...NO_LISTS.map(({ of }) => broken(of))) },
  { weight: 1, arbitrary: fc.constant<Fault>({ kind: 'invent', invent: ({ body }) => ({ body }) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('status' as const),
      status: fc.constantFrom(409, 410, 429, 500, 503),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('status' as const),
      status: fc.constantFrom(429, 503),
      retryAfter: fc.constantFrom('0', '1', 'Fri, 31 Dec 1999 23:59:59 GMT'),
    }),
  },
);

/** What happens between two runs. */
const event = fc.oneof(
  fc.record({ what: fc.constant('add' as const), name: fc.constantFrom(...NAMES) }),
  fc.record({ what: fc.constant('delete' as const), name: fc.constantFrom(...NAMES) }),
);

const run = fc.record({
  events: fc.array(event, { maxLength: 3 }),
  faults: fc.array(fault, { minLength: 1, maxLength: 40 }),
  // Faults of reads alone would end most runs before anything is written.
  spared: fc.constantFrom('GET', 'GET', 'GET', 'none'),
});

let stack: Stack;

function happen(events: readonly { what: 'add' | 'delete'; name: string }[]): void {
  for (const { what, name } of events) {
    const exists = stack.held().some((one) => one.name === name);
    if (what === 'add' && !exists) stack.addService(name);
    if (what === 'delete' && exists) stack.deleteService(name);
  }
}

/** How one run ended; anything but an outcome or a Failure with its reasons is a fault of ours. */
async function outcomeOf(work: Promise<ApplyOutcome>): Promise<string> {
  try {
    const outcome = await work;
    const isWell = outcome.kind === 'done' || outcome.kind === 'nothing';
    if (!isWell) expect(outcome.diagnostics.length, outcome.kind).toBeGreaterThan(0);
    return outcome.kind;
  } catch (thrown) {
    if (!(thrown instanceof Failure)) throw thrown;
    expect(thrown.diagnostics.length).toBeGreaterThan(0);
    return thrown.kind;
  }
}

/** The faults in turn, then none; requests of one method are spared. `onFault` is told of each request that meets a fault. */
function inTurn(faults: readonly Fault[], spared: string, onFault: () => void): (passing: Passing) => Fault {
  const left = faults.values();
  return ({ method }) => {
    const fault = method === spared ? undefined : left.next().value;
    if (fault !== undefined && fault.kind !== 'pass') onFault();
    return fault ?? PASS;
  };
}

const HISTORIES = 25;

async function expectConverged(): Promise<void> {
  stack.proxy.decide(() => PASS);
  stack.deadlineMs = PATIENT_MS;
  const last = await stack.apply();
  expect(['done', 'nothing']).toContain(last.kind);
  expect(wrongs(stack)).toEqual([]);
  for (const { name, ingress, managers } of stack.held()) {
    if (name === 'foreign') {
      expect(ingress).toEqual([FOREIGN_ADDRESS]);
      expect(managers).toEqual([FOREIGN]);
    } else {
      expect(ingress, name).toHaveLength(1);
      expect(stack.record().get(ingress[0] ?? '')).toBe(`default/${name}`);
    }
  }
  const again = await stack.apply();
  expect(again.kind).toBe('nothing');
  expect(isEmpty(again.plan)).toBe(true);
}

test(
  'whatever faults the API had, one more run converges, and no address was ever lost or given twice',
  async () => {
    const ends = new Map<string, number>();
    let met = 0;
    const onFault = () => met++;
    await fc.assert(
      fc
        .asyncProperty(fc.array(run, { minLength: 1, maxLength: 3 }), async (runs) => {
          stack.addService('foreign', FOREIGN_ADDRESS);
          for (const { events, faults, spared } of runs) {
            happen(events);
            stack.proxy.decide(inTurn(faults, spared, onFault));
            const end = await outcomeOf(stack.apply());
            ends.set(end, (ends.get(end) ?? 0) + 1);
            expect(wrongs(stack)).toEqual([]);
          }
          await expectConverged();
        })
        .beforeEach(async () => {
          stack = await Stack.start(await temporaryDirectory(), DEADLINE_MS);
        })
        .afterEach(() => stack.close()),
      { numRuns: HISTORIES },
    );
    process.stdout.write(
      `runs under faults: ${[...ends].map(([end, count]) => `${count} ${end}`).join(', ')}; ${met} requests met one\n`,
    );
    // How runs end is left to chance; that faults reached them is not.
    expect(met).toBeGreaterThan(HISTORIES);
    expect(ends.size).toBeGreaterThan(1);
  },
  TIMEOUT_MS,
);
