import { timeLeft } from '../../executor/confirmation.ts';
import type { DesiredState } from '../../model/desired.ts';
import { Failure } from '../../model/diagnostic.ts';
import type { Unproven } from '../../model/plan.ts';
import type { ApprovalKind } from '../../model/policy.ts';
import { encodeRoute } from '../../model/route.ts';
import { observe } from '../../observe/observe.ts';
import { plan as makePlan } from '../../planner/plan.ts';
import { EXIT } from '../exit-code.ts';
import type { CommandContext } from '../run-command.ts';
import { isLive } from '../session/session.ts';
import { approvedBy } from '../transaction/approval.ts';
import { openTransaction } from '../transaction/open-transaction.ts';
import { renderUnproven } from '../views/render-plan.ts';
import { renderSession, sessionLine } from '../views/render-session.ts';
import { renderStatus, statusLines } from '../views/render-status.ts';
import { printableLine } from '../views/text.ts';
import { composeReading, type ReadAdapters } from '../wiring/compose.ts';
import { loadDesired, nothingDesired } from '../wiring/desired.ts';
import { probeAll } from '../wiring/probe.ts';
import { claimedStatus, type StatusReport, statusOf, unclaimedRoutes } from './path-status.ts';

export interface StatusOptions {
  readonly allow: readonly ApprovalKind[];
}

/** `mkplan status [SPEC]`: each link of the path. Without a spec, what is claimed on this host is shown. */
export async function status(context: CommandContext, { allow }: StatusOptions): Promise<number> {
  const { terminal, names, signal, output } = context;
  const desired = await loadIfThere(context);
  const adapters = composeReading(terminal, approvedBy('status', names.spec, allow));
  try {
    const observed = await observe(desired ?? nothingDesired(names.absolute), adapters, signal);
    await showConfirmation(context, adapters);
    const recorded = await adapters.sessions.list();
    for (const record of recorded.filter(({ spec }) => desired === null || spec === desired.spec)) {
      const live = await isLive(record, adapters);
      if (desired === null) output.print(`${printableLine(record.spec)}:\n`);
      output.print(renderSession(record, live, output.colors));
      output.line(sessionLine(record, live));
    }
    if (desired === null) {
      const reports = claimedStatus(observed);
      for (const [spec, report] of reports) {
        await show(context, report, `Routes for ${printableLine(spec)}`, spec);
      }
      showUnclaimed(context, unclaimedRoutes(observed), reports.size === 0);
    } else {
      const report = statusOf(desired, makePlan(desired, observed), observed);
      await show(context, report, `Tunnel ${desired.name} (${names.spec})`, names.spec);
    }
    const { open } = observed.registry;
    if (open?.awaiting === false) output.diagnostic(openTransaction(open), names);
    return EXIT.ok;
  } finally {
    await adapters.close();
  }
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
    output.print(
      output.colors.change(
        `Not final yet: what was applied for ${printableLine(spec)} is undone in ${secondsLeft} s, unless it is confirmed: mkplan confirm\n`,
      ),
    );
    return;
  }
  const end = await journal.last();
  if (end?.outcome !== 'undone') return;
  output.line({ type: 'confirmation', ...end });
  output.print('The last apply was not confirmed, and so undone.\n');
  for (const line of end.left) output.print(`  left: ${printableLine(line)}\n`);
}

/** The spec; null where there is none, since what was applied is recorded without it. */
async function loadIfThere(context: CommandContext): Promise<DesiredState | null> {
  try {
    return await loadDesired(context, 'present');
  } catch (thrown) {
    const isMissing =
      thrown instanceof Failure && thrown.diagnostics.every(({ code }) => code === 'spec-missing');
    if (isMissing) return null;
    throw thrown;
  }
}

/** What no spec has recorded: where that is all, that there is nothing else. */
function showUnclaimed(
  { output, names }: CommandContext,
  unclaimed: readonly Unproven[],
  isAll: boolean,
): void {
  if (isAll) {
    output.print(`Nothing is applied, and there is no ${names.spec}.\n`);
    output.line({ type: 'status', spec: names.spec, gone: 0, problems: [] });
  }
  output.print(renderUnproven(unclaimed, output.colors));
  for (const item of unclaimed) {
    output.line({ type: 'unproven', ...item, route: encodeRoute(item.route) });
  }
}

async function show(
  { output }: CommandContext,
  report: StatusReport,
  title: string,
  spec: string,
): Promise<void> {
  const routed = report.services.filter((service) => service.routed === true);
  const endpoints = routed.flatMap(({ addresses, ports }) =>
    addresses.flatMap((address) => ports.map((port) => ({ address, port }))),
  );
  const answers = await probeAll(endpoints);
  output.print(renderStatus(report, { colors: output.colors, title, answers }));
  for (const line of statusLines(report, spec, answers)) output.line(line);
}
