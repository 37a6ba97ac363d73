import { describe, expect, test, vi } from 'vitest';
import type { ApplyOutcome } from '../../src/machine/apply-ports.ts';
import type { DesiredState } from '../../src/model/desired.ts';
import { Failure, type FailureKind } from '../../src/model/diagnostic.ts';
import { isEmpty } from '../../src/model/plan.ts';
import { Faults } from '../fakes/faults.ts';
import { FaultWorld, KINDS, type Ours, sameOurs } from './fault-world.ts';

// Each goes through a hundred operations and more, all of them with files that are synced.
vi.setConfig({ testTimeout: 300_000 });

/**
 * Fails, loses the reply of, or kills at the Nth operation of any port or file, and raises N until a run is clean: for
 * every kind of plan. Then the next commands, undisturbed and killed likewise. Plans are the planner's own.
 */

function system(errno: string): Error {
  return Object.assign(new Error(`${errno}: so it says`), { code: errno });
}

function failure(kind: FailureKind, code: string): Failure {
  return new Failure(kind, [{ code, severity: 'error', summary: code, cause: 'a fault', fix: 'Try again.' }]);
}

/** How each port fails, the next operation by the next: a file, the API, and a process that does not end or is gone. */
const FAULTS = [
  { file: 'ENOSPC', api: failure('conflict', 'HTTP 409'), process: failure('error', 'helper-gone') },
  { file: 'EIO', api: failure('error', 'HTTP 429'), process: failure('error', 'timed-out') },
  { file: 'EROFS', api: failure('error', 'HTTP 503'), process: failure('lock-held', 'lock-held') },
  { file: 'EPERM', api: failure('error', 'timed-out'), process: system('EAGAIN') },
  // What is answered to a write says nothing of whether it was made: here it was not, and where the reply fails, it was.
  { file: 'ENOSPC', api: failure('error', 'api-object-malformed'), process: failure('error', 'timed-out') },
] as const;

/** What becomes of the answer to a write that was made. */
const LOST = [failure('error', 'timed-out'), failure('error', 'api-object-malformed')] as const;

function errorOf(index: number): (name: string) => Error {
  const { file, api, process } = FAULTS[index] ?? FAULTS[0];
  return (name) => {
    if (/ (journal|registry)\./.test(name)) return failure('error', 'state-file');
    if (name.startsWith('services.reply')) return LOST[index % LOST.length] ?? LOST[0];
    if (name.startsWith('services.')) return api;
    return /^(kernel|helper|observe)/.test(name) ? process : system(file);
  };
}

/** The states before and after a plan of this kind, of a run that nothing disturbs. */
async function ends(
  kind: string,
  to: DesiredState,
): Promise<{ before: Ours; after: Ours; operations: number }> {
  const world = await FaultWorld.before(kind);
  const before = await world.ours();
  const faults = new Faults();
  expect((await world.apply(to, faults)).kind).toBe('done');
  const after = await world.ours();
  expect(sameOurs(before, after)).toBe(false);
  expect(isEmpty(await world.plan(to))).toBe(true);
  return { before, after, operations: faults.operations.length };
}

/** How an apply ended; a Failure where it threw one. Anything else that is thrown is a fault of ours. */
async function ended(work: Promise<ApplyOutcome>): Promise<ApplyOutcome | Failure> {
  return await work.catch((thrown: unknown) => {
    if (thrown instanceof Failure) return thrown;
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'EAGAIN')
      return failure('error', 'EAGAIN');
    throw thrown;
  });
}

/** Whether a residue is named, each with a command that can be copied. */
function namesResidue(outcome: ApplyOutcome): boolean {
  const commands = outcome.diagnostics.filter(({ command }) => command !== undefined);
  return commands.length > 0 && outcome.diagnostics.every(({ fix }) => fix !== '');
}

/** The next command puts right what is left; the plan then tells the truth, and applying it converges. */
async function converge(world: FaultWorld, to: DesiredState, after: Ours, at: string): Promise<void> {
  await world.recover();
  expect(await world.world.open(), at).toBeNull();
  expect(await world.wrongs(to), at).toEqual([]);
  const settled = await world.ours();
  expect(settled.routes, at).toEqual(settled.claims);
  // Its Lease goes last, or was made for addresses that were not given after all.
  const isDone = sameOurs(settled, after) && world.hasLease === after.ingress.some((one) => /\d$/.test(one));
  expect(isEmpty(await world.plan(to)), at).toBe(isDone);
  expect((await world.apply(to)).kind, at).toBe(isDone ? 'nothing' : 'done');
  expect(await world.ours(), at).toEqual(after);
  expect(isEmpty(await world.plan(to)), at).toBe(true);
}

describe.each(Object.entries(KINDS))('%s', (kind, { to }) => {
  test.each([0, 2, 4])(
    'failing at any operation, faults from %i on: the outcome is true, and the next command converges',
    async (from) => {
      const { before, after } = await ends(kind, to);
      const kinds = new Set<string>();
      for (let operation = 1; ; operation++) {
        const world = await FaultWorld.before(kind);
        const faults = new Faults().failAt(operation, errorOf((from + operation) % FAULTS.length));
        const outcome = await ended(world.apply(to, faults));
        if (faults.failed === null) break;
        const at = `${operation}: ${faults.failed}`;
        const left = await world.ours();
        expect(await world.wrongs(to), at).toEqual([]);
        const end = outcome instanceof Failure ? 'thrown' : outcome.kind;
        kinds.add(end);
        if (end === 'done') expect(left, at).toEqual(after);
        else if (end === 'thrown' || end === 'rolled-back') expect(left, at).toEqual(before);
        else expect(outcome instanceof Failure ? false : namesResidue(outcome), `${at}: ${end}`).toBe(true);
        await converge(world, to, after, at);
      }
      expect([...kinds]).toEqual(expect.arrayContaining(['thrown', 'rolled-back']));
    },
  );

  test('killed at any operation, in the middle of a write, too: all before or all after, recovered or not', async () => {
    const { before, after } = await ends(kind, to);
    let killed = 0;
    for (let operation = 1; ; operation++) {
      const world = await FaultWorld.before(kind);
      const faults = new Faults().killAt(operation);
      await world.apply(to, faults).catch(() => undefined);
      if (!faults.crashed) break;
      killed++;
      const at = `${operation}: ${faults.operations.at(-1)}`;
      expect(await world.wrongs(to), at).toEqual([]);
      const decided = (await world.world.open())?.decided;
      // The recovery is killed as well, somewhere; each of its operations gets its turn.
      const again = new Faults().killAt(1 + ((operation * 7) % 40));
      await world.recover(again).catch(() => undefined);
      expect(await world.wrongs(to), at).toEqual([]);
      await world.recover();
      const { routes, claims } = await world.ours();
      const isBefore = sameOurs({ routes, claims, ingress: [] }, { ...before, ingress: [] });
      const isAfter = sameOurs({ routes, claims, ingress: [] }, { ...after, ingress: [] });
      expect(isBefore || isAfter, at).toBe(true);
      if (decided !== undefined) expect(isAfter || isBefore === isAfter, at).toBe(decided);
      await converge(world, to, after, at);
    }
    expect(killed).toBeGreaterThan(40);
  });
});
