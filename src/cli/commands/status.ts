import { access, constants } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { timeLeft } from '../../executor/confirmation.ts';
import type { DesiredState } from '../../model/desired.ts';
import { Failure } from '../../model/diagnostic.ts';
import type { ObservedState } from '../../model/observed.ts';
import type { ApprovalKind } from '../../model/policy.ts';
import { encodeRoute } from '../../model/route.ts';
import { plan as makePlan } from '../../planner/plan.ts';
import { namesFrom } from '../arguments/paths.ts';
import { EXIT, signalExitCode } from '../exit-code.ts';
import { abortOnSignal } from '../interruption.ts';
import type { CommandContext } from '../run-command.ts';
import { isLive } from '../session/session.ts';
import { approvedBy, profileWords } from '../transaction/approval.ts';
import { openTransaction } from '../transaction/open-transaction.ts';
import type { StatusReport } from '../views/status-report.ts';
import { renderUnproven } from '../views/text/render-plan.ts';
import { renderSession, sessionLine } from '../views/text/render-session.ts';
import { renderStatus, statusLines } from '../views/text/render-status.ts';
import { printableLine } from '../views/text.ts';
import { composeReading, type ReadAdapters } from '../wiring/compose.ts';
import { loadDesired, nothingDesired } from '../wiring/desired.ts';
import { observeShowing } from '../wiring/observing.ts';
import { probeAll } from '../wiring/probe.ts';
import { Doubts, unanswered } from './status/doubts.ts';
import { claimedStatus, statusOf, unclaimedRoutes } from './status/path-status.ts';
import { isWorthTelling, leftBy, type SessionStatus } from './status/session-status.ts';

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
    const text = renderSession(session, { colors: output.colors, ...output.room, spec });
    if (desired === null) output.printLine(`${printableLine(session.record.spec)}:`);
    output.print(text);
    output.line(sessionLine(session));
  }
  for (const [spec, report] of reports) {
    const session = sessions.find(({ record }) => record.spec === spec) ?? null;
    const title =
      desired === null
        ? `Routes for ${printableLine(spec)}`
        : `Tunnel ${desired.name} (${printableLine(names.spec)})`;
    const shown =
      desired === null ? { spec, hasSpec: await isThere(spec) } : { spec: names.spec, hasSpec: true };
    await show(context, report, { title, session, ...shown });
  }
  if (desired === null) showUnclaimed(context, observed, reports.size === 0);
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
    output.line({ type: 'awaiting', txid, spec, secondsLeft });
    const text = `Not final yet: what was applied for ${printableLine(spec)} will be undone in ${secondsLeft} s unless it is confirmed: mkplan confirm`;
    output.printLine(output.colors.change(text));
    return;
  }
  const end = await journal.last();
  if (end?.outcome !== 'undone') return;
  output.line({ type: 'confirmation', ...end });
  output.printLine('The last apply was not confirmed, so it was undone.');
  for (const line of end.left) output.printLine(`  left: ${printableLine(line)}`, 4);
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

/** What no spec has recorded: where that is all, that there is nothing else. */
function showUnclaimed({ output, names }: CommandContext, observed: ObservedState, isAll: boolean): void {
  if (isAll) {
    output.printLine(`Nothing is applied, and there is no ${printableLine(names.spec)}.`);
    output.line({
      type: 'status',
      spec: names.spec,
      fulfilled: null,
      applied: false,
      gone: 0,
      problems: [],
    });
  }
  const unclaimed = unclaimedRoutes(observed);
  output.print(renderUnproven(unclaimed, { colors: output.colors, ...output.room }));
  for (const item of unclaimed) {
    output.line({ type: 'unproven', ...item, route: encodeRoute(item.route) });
  }
}

async function show(
  { output }: CommandContext,
  seen: StatusReport,
  about: {
    readonly title: string;
    readonly session: SessionStatus | null;
    readonly spec: string;
    readonly hasSpec: boolean;
  },
): Promise<void> {
  const routed = seen.services.filter((service) => service.routed === true);
  const endpoints = routed.flatMap(({ addresses, ports }) =>
    addresses.flatMap((address) => ports.map((port) => ({ address, port }))),
  );
  const answers = await probeAll(endpoints);
  const report = { ...seen, problems: [...seen.problems, ...unanswered(seen.services, answers)] };
  output.print(renderStatus(report, { colors: output.colors, ...output.room, ...about, answers }));
  for (const line of statusLines(report, about.spec, answers)) output.line(line);
}
