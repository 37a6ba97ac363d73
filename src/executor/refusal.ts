import { type Diagnostic, Failure, messageOf } from '../model/diagnostic.ts';
import { formatRoute, type Route } from '../model/route.ts';
import type { RouteWords } from '../platform/route-table.ts';
import { type KeyedChange, type ServiceChange, stepName } from './change.ts';

/** What may have happened to a change that the system took without a word, and that is not to be seen. */
const UNSAID: Readonly<Record<KeyedChange['op'], string>> = {
  add: 'it was gone again at once: its link went down, or something removed it',
  delete: 'it is there still, or again',
};

/** Why the system would not make a change, with the step, the cause and the fix. `message` is what it said, or null. */
export function refusedChange(change: KeyedChange, message: string | null, words: RouteWords): Diagnostic {
  const said = message?.trim() ?? '';
  const found = words.explain(said, change.route);
  const cause = found?.cause ?? (said === '' ? UNSAID[change.op] : said);
  return {
    code: found?.code ?? 'route-refused',
    severity: 'error',
    summary: `${stepName(change.intended.change, change.intended.step)} failed: ${cause}`,
    cause:
      said === ''
        ? `The system was asked to ${change.op} ${formatRoute(change.route)}, and did not say that it would not.`
        : `The system would not ${change.op} ${formatRoute(change.route)}: ${said}`,
    fix: found?.fix ?? 'Look at the route and its device; `mkplan plan` shows what is there now.',
    command: words.show(change.route),
  };
}

/** A change whose precondition does not hold any more. */
export function staleChange(change: KeyedChange, what: string, words: RouteWords): Diagnostic {
  return {
    code: 'precondition',
    severity: 'error',
    summary: `${stepName(change.intended.change, change.intended.step)} cannot start: ${what}`,
    cause: 'The routing table has changed since the plan was made.',
    fix: 'Run `mkplan plan` again and apply the new plan.',
    command: words.show(change.route),
  };
}

/** A foreign route that came to the destination of one of our routes after the plan was made. */
export function foreignAppeared(change: KeyedChange, foreign: Route, words: RouteWords): Diagnostic {
  return {
    code: 'foreign-route-appeared',
    severity: 'error',
    summary: `${stepName(change.intended.change, change.intended.step)} met a foreign route that was not there before: ${formatRoute(foreign)}`,
    cause:
      'Something else added a route to the same destination while the plan was applied, so who gets it is in dispute.',
    fix: 'Find out who added it, then run `mkplan plan` again: it shows that route as a conflict.',
    command: words.show(foreign),
  };
}

/** A Service whose ingress could not be set. */
export function refusedService({ change, step }: ServiceChange, thrown: unknown): Diagnostic {
  const reported = thrown instanceof Failure ? thrown.diagnostics[0] : undefined;
  return {
    code: reported?.code ?? 'service-refused',
    severity: 'error',
    summary: `${stepName(change, step)} failed: ${reported?.summary ?? messageOf(thrown)}`,
    cause: reported?.cause ?? messageOf(thrown),
    fix: reported?.fix ?? 'Run `mkplan plan` again: it shows the Service as it is now.',
    ...(reported?.command === undefined ? {} : { command: reported.command }),
  };
}

/** A Service that nothing was asked for, since its API server did not answer for another. */
export function untriedService({ change, step }: ServiceChange): Diagnostic {
  return {
    code: 'service-untried',
    severity: 'error',
    summary: `${stepName(change, step)} was not tried`,
    cause: 'The API server did not answer for another Service, so nothing more was sent to it.',
    fix: 'Run the command again once the cluster answers.',
  };
}

/** What a cluster that did not answer keeps from being done: one diagnostic for each profile, however many Services it is. */
export function unansweredServices(
  unanswered: readonly { readonly given: ServiceChange; readonly thrown: unknown }[],
  untried: readonly ServiceChange[],
): Diagnostic[] {
  const first = new Map(unanswered.toReversed().map((one) => [one.given.step.profile, one]));
  const byName = [...first].sort(([a], [b]) => (a < b ? -1 : 1));
  return byName.map(([profile, { given, thrown }]) => {
    const concerned = [...unanswered.map((one) => one.given), ...untried];
    const count = concerned.filter(({ step }) => step.profile === profile).length;
    const one = refusedService(given, thrown);
    if (count === 1) return one;
    const reported = thrown instanceof Failure ? thrown.diagnostics[0]?.summary : undefined;
    const said = reported ?? messageOf(thrown);
    return { ...one, summary: `profile ${profile}: ${count} Services could not be written: ${said}` };
  });
}
