import { access, constants } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { timeLeft } from '../../executor/confirmation.ts';
import type { DesiredState } from '../../model/desired.ts';
import { Failure } from '../../model/diagnostic.ts';
import type { ObservedState } from '../../model/observed.ts';
import type { ApprovalKind } from '../../model/policy.ts';
import { plan as makePlan } from '../../planner/plan.ts';
import { Doubts, unanswered } from '../../planner/status/doubts.ts';
import type { StatusReport } from '../../planner/status/report.ts';
import { claimedStatus, statusOf, unclaimedRoutes } from '../../planner/status/status.ts';
import { namesFrom } from '../arguments/paths.ts';
import { EXIT, signalExitCode } from '../exit-code.ts';
import { abortOnSignal } from '../interruption.ts';
import type { CommandContext } from '../run-command.ts';
import { isLive } from '../session/session.ts';
import { approvedBy, profileWords } from '../transaction/approval.ts';
import { openTransaction } from '../transaction/open-transaction.ts';
import { composeReading, type ReadAdapters } from '../wiring/compose.ts';
import { loadDesired, nothingDesired } from '../wiring/desired.ts';
import { observeShowing } from '../wiring/observing.ts';
import { probeAll } from '../wiring/probe.ts';
import { isWorthTelling, leftBy, type SessionStatus } from './session-status.ts';

export interface StatusOptions {
  readonly allow: readonly ApprovalKind[];
  readonly detailedExitcode?: true;
  readonly profile: readonly string[];
  /** Milliseconds to wait until all is as the spec asks. */
  readonly wait?: number;
}

/** One look at everything that is shown. */
interface Seen {
  readonly observed: ObservedState;
  /** By the absolute path of the spec. */
  readonly reports: ReadonlyMap<string, StatusReport>;
  readonly sessions: readonly SessionStatus[];
}

/** `mkplan status [SPEC]`: each link of the path. Without a spec, what is recorded on this host is shown. */
export async function status(context: CommandContext, options: StatusOptions): Promise<number> {
  const isAsked = options.detailedExitcode === true || options.wait !== undefined;
  const isNeeded = isAsked || options.profile.length > 0;
  const desired = await loadIfThere(context, options.profile, isNeeded);
  const adapters = composeReading(
    context.terminal,
    approvedBy(
      ['status', context.names.spec, ...profileWords(options.profile)],
      options.allow,
      desired?.spec ?? null,
    ),
  );
  try {
    if (desired !== null && options.wait !== undefined) {
      return await waitFor(context, desired, adapters, options.wait);
    }
    const seen = await look(context, desired, adapters, context.signal);
    await showAll(context, desired, adapters, seen);
    return isAsked ? verdictOf(seen) : EXIT.ok;
  } finally {
    await adapters.close();
  }
}

/** What `--detailed-exitcode` exits with. */
function verdictOf({ reports }: Seen): number {
  const [report] = reports.values();
  if (report === undefined || report.fulfilled === null) return EXIT.error;
  return report.fulfilled ? EXIT.ok : EXIT.changes;
}

/** Milliseconds between two looks. Each asks every cluster, so they are no closer. */
const LOOK_EVERY_MS = 1000;

/** Looks again and again until all is as the spec asks, or the time is over; then shows what was seen last. */
async function waitFor(
  context: CommandContext,
  desired: DesiredState,
  adapters: ReadAdapters,
  waitMs: number,
): Promise<number> {
  const signals = abortOnSignal(context.terminal.signals);
  const deadline = performance.now() + waitMs;
  try {
    // Every question of the first look has a time limit of its own, so there is something to show.
    let seen = await look(context, desired, adapters, signals.signal);
    const left = () => deadline - performance.now();
    if (verdictOf(seen) !== EXIT.ok && left() > 0) {
      context.output.note('Waiting until all is as the spec asks.\n');
    }
    while (verdictOf(seen) !== EXIT.ok && left() > 0) {
      await pause(Math.min(LOOK_EVERY_MS, left()), undefined, { signal: signals.signal });
      // A VM that starts meanwhile may have another address.
      adapters.doubtClusters();
      const ended = AbortSignal.timeout(Math.max(1, Math.ceil(left())));
      const next = look(context, desired, adapters, AbortSignal.any([signals.signal, ended]));
      seen = await next.catch((thrown: unknown) => {
        // The time is over in the middle of a look: what was seen before it is shown.
        if (ended.aborted && !signals.signal.aborted) return seen;
        throw thrown;
      });
    }
    await showAll(context, desired, adapters, seen);
    return verdictOf(seen);
  } catch (thrown) {
    const signal = signals.received();
    if (signal !== null) return signalExitCode(signal);
    throw thrown;
  } finally {
    signals.release();
  }
}

async function look(
  { names, output }: CommandContext,
  desired: DesiredState | null,
  adapters: ReadAdapters,
  signal: AbortSignal,
): Promise<Seen> {
  const asked = desired ?? nothingDesired(names.absolute);
  const observed = await observeShowing({ output, signal }, asked, adapters);
  let told: Parameters<typeof leftBy>[3] = null;
  if (desired !== null) {
    const doubts = new Doubts(desired, observed);
    told = { desired, doubts, report: statusOf(desired, makePlan(desired, observed), observed, doubts) };
  }
  const reports = told === null ? claimedStatus(observed) : new Map([[told.desired.spec, told.report]]);
  const sessions: SessionStatus[] = [];
  for (const record of await adapters.sessions.list()) {
    if (desired !== null && record.spec !== desired.spec) continue;
    const live = await isLive(record, adapters);
    const elsewhere =
      record.bootId === observed.host.bootId && record.networkNamespace !== observed.host.networkNamespace;
    const left = live ? null : leftBy(record, observed, await isThere(record.spec), told);
    const session = { record, live, elsewhere, left };
    if (isWorthTelling(session)) sessions.push(session);
  }
  return { observed, reports, sessions };
}

/** Whether a file is there and may be read. */
async function isThere(file: string): Promise<boolean> {
  try {
    await access(file, constants.R_OK);
    return true;
  } catch {
    // Whatever keeps it from being read keeps `mkplan destroy` from it as well.
    return false;
  }
}

async function showAll(
  context: CommandContext,
  desired: DesiredState | null,
  adapters: ReadAdapters,
  { observed, reports, sessions }: Seen,
): Promise<void> {
  const { output, names, terminal } = context;
  await showConfirmation(context, adapters);
  for (const session of sessions) {
    const spec = desired === null ? namesFrom(session.record.spec, terminal.cwd).spec : names.spec;
    output.tell({ type: 'session.status', session, spec, isOneOfMany: desired === null });
  }
  for (const [spec, report] of reports) {
    const session = sessions.find(({ record }) => record.spec === spec) ?? null;
    const about =
      desired === null
        ? { tunnel: null, spec, hasSpec: await isThere(spec) }
        : { tunnel: desired.name, spec: names.spec, hasSpec: true };
    output.tell({ type: 'status', ...about, session, ...(await withAnswers(report)) });
  }
  if (desired === null) {
    if (reports.size === 0) output.tell({ type: 'nothing', spec: names.spec });
    output.tell({ type: 'unclaimed', unclaimed: unclaimedRoutes(observed) });
  }
  const { open } = observed.registry;
  if (open?.awaiting === false) output.diagnostic(openTransaction(open), names);
}

/** What waits to be confirmed, and for how long; or that the last apply was not confirmed. */
async function showConfirmation(
  { output }: CommandContext,
  { journal, routeTable, uptimeMs }: ReadAdapters,
): Promise<void> {
  const open = await journal.open();
  if (open?.awaiting === true) {
    const { txid, spec } = open;
    const msLeft = Math.max(0, timeLeft(open, await routeTable.identity(), uptimeMs()));
    const secondsLeft = Math.ceil(msLeft / 1000);
    output.tell({ type: 'awaiting', txid, spec, secondsLeft });
    return;
  }
  const end = await journal.last();
  if (end?.outcome === 'undone') output.tell({ type: 'unconfirmed', end });
}

/** The spec; null where there is none and none is needed, since what was applied is recorded without it. */
async function loadIfThere(
  context: CommandContext,
  only: readonly string[],
  isNeeded: boolean,
): Promise<DesiredState | null> {
  try {
    return await loadDesired(context, 'present', { only });
  } catch (thrown) {
    const isMissing =
      thrown instanceof Failure && thrown.diagnostics.every(({ code }) => code === 'spec-missing');
    if (isMissing && !isNeeded) return null;
    throw thrown;
  }
}

/** Which Services answer, and the report with those that do not. */
async function withAnswers(report: StatusReport) {
  const { services, problems } = report;
  const routed = services.filter((service) => service.routed === true);
  const endpoints = routed.flatMap(({ addresses, ports }) =>
    addresses.flatMap((address) => ports.map((port) => ({ address, port }))),
  );
  const answers = await probeAll(endpoints);
  return { report: { ...report, problems: [...problems, ...unanswered(services, answers)] }, answers };
}
