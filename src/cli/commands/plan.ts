import { resolve } from 'node:path';
import type { DesiredState } from '../../model/desired.ts';
import { Failure, messageOf } from '../../model/diagnostic.ts';
import type { ObservedState } from '../../model/observed.ts';
import { isEmpty, isRefused, type RememberedApproval } from '../../model/plan.ts';
import type { ApprovalKind } from '../../model/policy.ts';
import { contextsOf, withRemembered } from '../../planner/approvals.ts';
import { plan as makePlan } from '../../planner/plan.ts';
import { readBounded } from '../../platform/bounded-file.ts';
import { EXIT } from '../exit-code.ts';
import type { CommandContext } from '../run-command.ts';
import { approvedBy, profileWords } from '../transaction/approval.ts';
import { asideExit, asideRefusal } from '../transaction/aside.ts';
import { openTransaction } from '../transaction/open-transaction.ts';
import { savePlan } from '../transaction/plan-file.ts';
import { recall } from '../transaction/remembering.ts';
import { loadDesired } from '../wiring/desired.ts';

export interface PlanOptions {
  /** A recorded observation, as typed. */
  readonly observed?: string;
  /** A new file for the plan, as typed. */
  readonly out?: string;
  readonly destroy?: true;
  readonly allow: readonly ApprovalKind[];
  readonly detailedExitcode?: true;
  readonly profile: readonly string[];
  /** Refuses a plan that sets anything aside. */
  readonly strict?: true;
}

/** One of a host with a million routes has that many bytes. */
const MAX_OBSERVATION_BYTES = 256 * 1024 * 1024;

/** `mkplan plan [SPEC]`: what apply would change. From a recorded observation it needs no rights and no cluster. */
export async function plan(context: CommandContext, options: PlanOptions): Promise<number> {
  const { output, names, terminal } = context;
  const recorded = options.observed === undefined ? null : await readRecorded(context, options.observed);
  const mode = options.destroy === true ? 'absent' : 'present';
  const policy = recorded?.observed.host.policy;
  const desired = await loadDesired(context, mode, { policy, only: options.profile });
  const { observed, remembered } = recorded ?? (await observeNow(context, options, desired));
  const made = makePlan(desired, observed);
  output.plan(withRemembered(made, contextsOf(desired.profiles), remembered), names);
  if (observed.registry.open !== null) output.diagnostic(openTransaction(observed.registry.open), names);
  if (isRefused(made)) return EXIT.conflict;
  const refusal = asideRefusal(made, options.strict === true);
  if (refusal !== null) throw refusal;
  if (options.out !== undefined) {
    await savePlan(resolve(terminal.cwd, options.out), options.out, made, observed.host);
    output.tell({ type: 'saved', file: options.out });
  }
  return options.detailedExitcode === true && !isEmpty(made) ? EXIT.changes : asideExit(made);
}

/** A snapshot, and what was approved before on this host. */
interface Seen {
  readonly observed: ObservedState;
  readonly remembered: readonly RememberedApproval[];
}

/** Nothing is remembered of what was seen elsewhere. */
async function readRecorded(context: CommandContext, file: string): Promise<Seen> {
  return { observed: await readObservation(context, file), remembered: [] };
}

async function observeNow(
  context: CommandContext,
  { allow, destroy, profile }: PlanOptions,
  desired: DesiredState,
): Promise<Seen> {
  const { terminal, names } = context;
  const [{ composeReading }, { observeShowing }] = await Promise.all([
    import('../wiring/compose.ts'),
    import('../wiring/observing.ts'),
  ]);
  const words = ['plan', ...(destroy === true ? ['--destroy'] : []), names.spec, ...profileWords(profile)];
  const adapters = composeReading(terminal, approvedBy(words, allow, desired.spec));
  try {
    const observed = await observeShowing(context, desired, adapters);
    return { observed, remembered: await recall(context, adapters) };
  } finally {
    await adapters.close();
  }
}

async function readObservation({ terminal }: CommandContext, file: string): Promise<ObservedState> {
  const { decodeObserved } = await import('../../observe/document.ts');
  let text: string;
  try {
    const path = resolve(terminal.cwd, file);
    text = (await readBounded(path, { maxBytes: MAX_OBSERVATION_BYTES, streams: true })).toString('utf8');
  } catch (thrown) {
    throw new Failure(
      'error',
      [
        {
          code: 'observation-unreadable',
          severity: 'error',
          summary: `${file} cannot be read`,
          cause: messageOf(thrown),
          fix: 'name a file that `mkplan observe --out FILE` wrote',
        },
      ],
      { cause: thrown },
    );
  }
  return decodeObserved(text, file);
}
