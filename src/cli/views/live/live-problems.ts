import type { Diagnostic } from '../../../model/diagnostic.ts';
import type { Plan } from '../../../model/plan.ts';
import type { SessionState } from '../../session/session-state.ts';
import { pendingServices, type ServiceView } from '../../session/session-view.ts';
import { count, printableDeep } from '../text.ts';

/** Something that is not as the spec asks, or that a person has to know, as one text. */
export interface Problem {
  readonly text: string;
  /** Whether it keeps something from being served, or only warns. */
  readonly severity: Diagnostic['severity'];
}

/** What is wrong with a session, the worst first; each cause once. */
export function problemsOf(raw: SessionState): Problem[] {
  const session = { ...raw, plan: printableDeep(raw.plan) };
  const { failure, specProblem, plan } = session;
  const found: Problem[] = [
    ...failure.map((one) => error(`the last pass failed: ${described(one)}`)),
    ...specProblem.map((one) => error(`the spec is used as it was before: ${described(one)}`)),
    ...heldProblems(session),
    ...pendingProblems(pendingServices(session)),
  ];
  if (plan !== null) {
    const news = [...conflictsOf(plan), ...diagnosticsOf(plan)].filter(
      ({ summary }) => !found.some(({ text }) => text.includes(summary)),
    );
    found.push(...news.map(({ severity, text }) => ({ severity, text })));
  }
  return found.map((problem) => printableDeep(problem));
}

function error(text: string): Problem {
  return { text, severity: 'error' };
}

function described({ summary, cause, at }: Diagnostic): string {
  const where = at === undefined ? '' : ` (line ${at.line})`;
  return `${summary}${where}${cause === '' || cause === summary ? '' : `: ${cause}`}`;
}

function heldProblems({ held, plan }: SessionState): Problem[] {
  return [...held].map(([what, why]) => {
    // The summary of what refused a profile is the reason that it is held for.
    const behind = plan?.diagnostics.find(({ summary }) => summary === why || summary === `${what}: ${why}`);
    const cause = behind === undefined || behind.cause === '' ? '' : `: ${behind.cause}`;
    return error(`left as it is: ${what}: ${why}${cause}`);
  });
}

/** As many Services as are named of those that wait for the same. */
const MOST_NAMES = 8;

/** A full pool makes many Services wait for one reason. */
function pendingProblems(pending: readonly ServiceView[]): Problem[] {
  const byReason = new Map<string, string[]>();
  for (const { reason, name } of pending) byReason.set(reason, [...(byReason.get(reason) ?? []), name]);
  return [...byReason].map(([reason, names]) => {
    const named = names.slice(0, MOST_NAMES).join(', ');
    const more = names.length > MOST_NAMES ? `, and ${names.length - MOST_NAMES} more` : '';
    const many = names.length === 1 ? '' : `${count(names.length, 'Service')} `;
    return error(`${many}pending: ${named}${more}: ${reason}`);
  });
}

function conflictsOf({ conflicts }: Plan): (Problem & { readonly summary: string })[] {
  return conflicts.map(({ outcome, summary, resolution }) => ({
    severity: outcome === 'warned' ? 'warning' : 'error',
    text: outcome === 'warned' ? summary : `${summary}: ${resolution}`,
    summary,
  }));
}

function diagnosticsOf({ diagnostics }: Plan): (Problem & { readonly summary: string })[] {
  return (
    diagnostics
      // Told with the Services that wait.
      .filter(({ code }) => code !== 'service-pending')
      .map((one) => ({ severity: one.severity, text: described(one), summary: one.summary }))
  );
}
