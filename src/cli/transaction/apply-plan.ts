import type { ApplyOutcome, ApplyPorts, Confirmation } from '../../machine/apply-ports.ts';
import { recover, runApply } from '../../machine/run.ts';
import type { DesiredState } from '../../model/desired.ts';
import { Failure } from '../../model/diagnostic.ts';
import type { ObservedState } from '../../model/observed.ts';
import { isEmpty, isRefused, type Plan, type RememberedApproval } from '../../model/plan.ts';
import type { ApprovalKind } from '../../model/policy.ts';
import { contextsOf, isOpen, withRemembered } from '../../planner/approvals.ts';
import type { SavedPlan } from '../../planner/document.ts';
import type { FileNames } from '../arguments/paths.ts';
import { EXIT, exitCodeOf } from '../exit-code.ts';
import type { CommandContext } from '../run-command.ts';
import { liveSession } from '../session/session.ts';
import type { Terminal } from '../terminal.ts';
import { closingLine, countSteps } from '../views/text/render-plan.ts';
import { count, printableLine } from '../views/text.ts';
import { type ChangeAdapters, composeChanging } from '../wiring/compose.ts';
import { observeShowing } from '../wiring/observing.ts';
import { type Approved, approvedBy, ask, missingApprovals, requirePrompt, unapproved } from './approval.ts';
import { asideExit, asideNote, asideRefusal } from './aside.ts';
import { markUsed } from './plan-file.ts';
import { agreeToPrograms } from './programs.ts';
import { recall, rememberShown } from './remembering.ts';
import { transactionPorts } from './transaction-ports.ts';
import { underLock } from './under-lock.ts';

/** The options of every command that changes something. */
export interface ApplyOptions {
  readonly autoApprove?: true;
  readonly allow: readonly ApprovalKind[];
  /** Milliseconds. */
  readonly lockTimeout: number;
  /** Refuses a plan that sets anything aside. */
  readonly strict?: true;
}

/** What a command wants applied, and how that is planned. */
export interface ApplyRequest {
  readonly desired: DesiredState;
  readonly makePlan: (observed: ObservedState, adapters: ChangeAdapters) => Plan | Promise<Plan>;
  /** The verb, for whoever waits for the lock. */
  readonly verb: string;
  /** The command line behind `mkplan`, as far as it decides what is planned. */
  readonly words: readonly string[];
  readonly names: FileNames;
  /** The plan file that is applied, and its name for people; null where there is none. */
  readonly saved: { readonly saved: SavedPlan; readonly shown: string } | null;
  /** What guards the plan while it waits to be confirmed; null where it is final once it is applied. */
  readonly guarding: Guarding | null;
}

/** How a command that changes something ended. */
export interface Applied extends ApplyOutcome {
  /** The process of the session that watches the spec meanwhile; null where none does. */
  readonly watchedBy: number | null;
}

/** Has a plan guarded that needs confirmation. */
export interface Guarding {
  confirmation(adapters: ChangeAdapters, desired: DesiredState): Confirmation;
  /** Everything is applied: the helper is the guard's from here on. */
  applied(): Promise<void>;
  /** The adapters are closed: what is still open is the guard's. */
  closed(): void;
}

/**
 * Plans, shows the plan, has it approved and applies it. At a prompt the plan is made before the lock is taken, and
 * must be the same under it; without one it is made once, under the lock. Returns how it ended, or null where the
 * user said no. Throws a Failure where nothing was changed. Closes the adapters that it composes.
 */
export async function applyPlan(
  context: CommandContext,
  options: ApplyOptions,
  request: ApplyRequest,
  compose: (terminal: Terminal, approved: Approved) => Promise<ChangeAdapters> = composeChanging,
): Promise<Applied | null> {
  const asks = options.autoApprove !== true && request.saved === null;
  // What only removes has often nothing to do, and then nobody needs to be asked.
  const asksLate = request.desired.mode === 'absent';
  if (asks && !asksLate) requirePrompt(context.terminal, context.output.json, request.verb);
  const adapters = await compose(
    context.terminal,
    approvedBy(request.words, options.allow, request.desired.spec),
  );
  try {
    const run = new ApplyCommand(context, options, request, adapters);
    const outcome = asks ? await run.withPrompt() : await run.withoutPrompt();
    if (outcome === null) return null;
    const session = await liveSession(request.desired.spec, adapters);
    return { ...outcome, watchedBy: session?.pid ?? null };
  } finally {
    await adapters.close();
    request.guarding?.closed();
  }
}

/** So often another allocator may come first; one that always does would be a fight. */
const MAX_RACES = 5;

const RACES = new Set(['allocations-changed', 'participants-changed']);

function lostRace(thrown: unknown): boolean {
  return thrown instanceof Failure && thrown.diagnostics.some(({ code }) => RACES.has(code));
}

class ApplyCommand {
  readonly #context: CommandContext;
  readonly #options: ApplyOptions;
  readonly #request: ApplyRequest;
  readonly #adapters: ChangeAdapters;
  /** What was approved before this command; null until it is read. */
  #remembered: readonly RememberedApproval[] | null = null;

  constructor(
    context: CommandContext,
    options: ApplyOptions,
    request: ApplyRequest,
    adapters: ChangeAdapters,
  ) {
    this.#context = context;
    this.#options = options;
    this.#request = request;
    this.#adapters = adapters;
  }

  async withPrompt(): Promise<ApplyOutcome | null> {
    const { lockTimeout } = this.#options;
    await recoverFirst(this.#context, this.#adapters, this.#doing(), lockTimeout);
    if (!(await agreeToPrograms(this.#context, this.#adapters, this.#request.desired, lockTimeout)))
      return null;
    const plan = await this.#plan();
    this.#show(plan);
    const refusal = this.#refusalOf(plan);
    if (refusal !== null) throw refusal;
    if (isEmpty(plan)) return { kind: 'nothing', plan, txid: null, diagnostics: [], left: [] };
    const { terminal, signal, output } = this.#context;
    requirePrompt(terminal, output.json, this.#request.verb);
    if (!(await ask(terminal, question(plan, this.#options.allow), signal))) return null;
    await rememberShown(this.#context, this.#adapters, plan, this.#request.desired, lockTimeout);
    return await this.#run(plan.fingerprint, (made) => this.#refusalOf(made));
  }

  async withoutPrompt(): Promise<ApplyOutcome> {
    const approve = (plan: Plan) => {
      this.#show(plan);
      return this.#refusalOf(plan) ?? unapproved(plan, this.#options.allow);
    };
    if (this.#request.saved === null) return await this.#runAnew(approve);
    const { saved, shown } = this.#request.saved;
    const mark = await markUsed(this.#adapters.stateDirectory, saved, shown);
    let isUsed = false;
    try {
      const outcome = await this.#run(saved.plan.fingerprint, approve);
      isUsed = outcome.kind === 'done' || outcome.kind === 'awaiting' || outcome.kind === 'residue';
      return outcome;
    } finally {
      if (!isUsed) await mark.withdraw();
    }
  }

  /** Plans anew as often as somebody else allocates addresses, joins or leaves in between: nothing was changed by then. */
  async #runAnew(approve: (plan: Plan) => Failure | null): Promise<ApplyOutcome> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#run(null, approve);
      } catch (thrown) {
        if (attempt === MAX_RACES || !lostRace(thrown)) throw thrown;
        this.#context.output.note('Another mkplan changed the cluster meanwhile; planning anew.\n');
      }
    }
  }

  #refusalOf(plan: Plan): Failure | null {
    return refusalOf(plan) ?? asideRefusal(plan, this.#options.strict === true);
  }

  #show(plan: Plan): void {
    this.#context.output.plan(plan, this.#request.names);
  }

  async #plan(): Promise<Plan> {
    const observed = await observeShowing(this.#context, this.#request.desired, this.#adapters);
    const plan = await this.#request.makePlan(observed, this.#adapters);
    this.#remembered ??= await recall(this.#context, this.#adapters);
    return withRemembered(plan, contextsOf(this.#request.desired.profiles), this.#remembered);
  }

  #doing(): string {
    return `${this.#request.verb} ${this.#request.desired.spec}`.trim();
  }

  async #run(fingerprint: string | null, approve: (plan: Plan) => Failure | null): Promise<ApplyOutcome> {
    const { output, signal } = this.#context;
    const { guarding, desired } = this.#request;
    const outcome = await runApply(
      this.#ports(),
      {
        fingerprint,
        approve,
        waitMs: this.#options.lockTimeout,
        doing: this.#doing(),
        signal,
        confirmation: guarding?.confirmation(this.#adapters, desired) ?? null,
      },
      (event) => output.event(event),
    );
    if (outcome.kind === 'awaiting') await guarding?.applied();
    return outcome;
  }

  #ports(): ApplyPorts {
    const { desired } = this.#request;
    return {
      ...transactionPorts(this.#adapters, desired.spec, 'persistent', () => desired),
      observe: () => this.#plan(),
    };
  }
}

/**
 * Ends what was cut off before a plan is shown: afterwards its facts would be others. An open journal may just as well
 * be that of a mkplan which is still at it, and is waited for.
 */
export async function recoverFirst(
  context: CommandContext,
  adapters: ChangeAdapters,
  doing: string,
  waitMs: number,
): Promise<void> {
  if ((await adapters.journal.open()) === null) return;
  await underLock(context, adapters, doing, waitMs, () =>
    recover(adapters, (event) => context.output.event(event)),
  );
}

/** What the user is asked before a plan is applied. */
export function question(plan: Plan, allowed: readonly ApprovalKind[]): string {
  const kinds = missingApprovals(plan, allowed);
  const approvals = kinds.length === 0 ? '' : ` This approves ${kinds.join(', ')}, as shown above.`;
  const isRemembered = plan.spec !== '' && plan.approvals.some(isOpen);
  const remembered = isRemembered ? ' mkplan remembers the approvals of this spec until they change.' : '';
  return `\nApply this plan?${approvals}${remembered}`;
}

/** Why a plan may not be applied at all; null when it may. Its conflicts and errors have been shown with it. */
export function refusalOf(plan: Plan): Failure | null {
  if (!isRefused(plan)) return null;
  return new Failure('conflict', [
    {
      code: 'plan-refused',
      severity: 'error',
      summary: 'the plan is refused, and nothing was changed',
      cause: closingLine(plan),
      fix: 'resolve what the plan marks with `!`',
    },
  ]);
}

/** Tells how an apply ended, and returns its exit code. */
export function concludeApply(
  { output, receivedSignal, names }: CommandContext,
  outcome: Applied | null,
): number {
  if (outcome === null) {
    output.note('Nothing was applied.\n');
    return EXIT.error;
  }
  for (const diagnostic of outcome.diagnostics) output.diagnostic(diagnostic, names);
  switch (outcome.kind) {
    case 'nothing':
      tellAside(output, outcome.plan);
      return asideExit(outcome.plan);
    case 'done':
    case 'awaiting':
      output.print('\n');
      output.printLine(output.colors.bold(doneLine(outcome)));
      tellAside(output, outcome.plan);
      return asideExit(outcome.plan);
    case 'rolled-back':
    case 'interrupted':
      output.note('Rolled back: routes and Services are as they were before.\n');
      return outcome.kind === 'rolled-back' ? EXIT.rolledBack : exitCodeOf('interrupted', receivedSignal());
    case 'residue':
      output.note(`Not everything could be put right; ${count(outcome.left.length, 'thing')} left:\n`);
      for (const line of outcome.left) output.note(`  ${printableLine(line)}\n`);
      output.line({ type: 'left', left: outcome.left });
      return EXIT.residue;
  }
}

function tellAside(output: CommandContext['output'], plan: Plan): void {
  const note = asideNote(plan);
  if (note !== '') output.note(`${note}\n`);
}

/** What was done, and who serves what comes later: `apply` alone does not. */
function doneLine({ plan, watchedBy }: Applied): string {
  const { routes, services } = countSteps(plan);
  if (routes.adopt > 0)
    return `Adopted: ${count(routes.adopt, 'route')}. \`mkplan destroy\` removes what was adopted.`;
  const done = `${routes.create} added, ${routes.replace} replaced, ${routes.delete} deleted`;
  if (plan.mode === 'absent') return `Done: ${done}; ${count(services.delete, 'Service')} cleared.`;
  const served = plan.services.filter((service) => service.state === 'served').length;
  const later =
    watchedBy === null
      ? 'new Services stay pending without `mkplan watch`'
      : `the session (pid ${watchedBy}) serves new Services`;
  return `Applied: ${done}. ${served} served; ${later}.`;
}
