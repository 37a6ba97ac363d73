import { type Diagnostic, Failure, messageOf } from '../model/diagnostic.ts';
import { formatPrefix } from '../model/prefix.ts';
import { formatRoute, type Route } from '../model/route.ts';
import { type KeyedChange, type ServiceChange, stepName } from './change.ts';
import { showCommand } from './residue.ts';

interface Explanation {
  readonly code: string;
  readonly cause: string;
  readonly fix: string;
}

/**
 * What the kernel's words mean here, for people (errno names as in rtnetlink(7), texts as iproute2 and the kernel's
 * extended acknowledgements give them). Nothing steers by it: success is judged by rereading.
 */
const EXPLANATIONS: readonly { readonly words: RegExp; readonly explain: (route: Route) => Explanation }[] = [
  {
    words: /network is unreachable|invalid gateway|no route to host|gateway can not be/i,
    explain: (route) => ({
      code: 'gateway-unreachable',
      cause: `the gateway ${route.gateway ?? '(none)'} is on no network of this host`,
      fix: 'Start the VM if it is stopped, and check that spec.profiles[].gateway is an address on a network of this host.',
    }),
  },
  {
    words: /file exists/i,
    explain: (route) => ({
      code: 'route-exists',
      cause: `another route to ${formatPrefix(route.destination)} with metric ${route.metric} is there already`,
      fix: 'Run `mkplan plan`: it shows that route as a conflict, with what resolves it.',
    }),
  },
  {
    words: /operation not permitted|permission denied/i,
    explain: () => ({
      code: 'route-not-permitted',
      cause: 'the right to change routes (CAP_NET_ADMIN) is missing',
      fix: 'Allow mkplan to use sudo for its helper, or run it where CAP_NET_ADMIN is at hand.',
    }),
  },
  {
    words: /no such process/i,
    explain: () => ({
      code: 'route-gone',
      cause: 'the kernel has no such route any more',
      fix: 'Run `mkplan plan` again: it shows what is there now.',
    }),
  },
  {
    words: /cannot find device|no such device|network is down|not up|is down/i,
    explain: (route) => ({
      code: 'device-down',
      cause: `the device ${route.device ?? '(none)'} is gone or down`,
      fix: 'Start the VM or its network, so that the device is up, and run the command again.',
    }),
  },
];

/** What may have happened to a change that the system took without a word, and that is not to be seen. */
const UNSAID: Readonly<Record<KeyedChange['op'], string>> = {
  add: 'it was gone again at once: its link went down, or something removed it',
  delete: 'it is there still, or again',
};

/** Why the system would not make a change, with the step, the cause and the fix. `message` is what it said, or null. */
export function refusedChange(change: KeyedChange, message: string | null): Diagnostic {
  const said = message?.trim() ?? '';
  const found = EXPLANATIONS.find(({ words }) => words.test(said))?.explain(change.route);
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
    command: showCommand(change.route),
  };
}

/** A change whose precondition does not hold any more. */
export function staleChange(change: KeyedChange, what: string): Diagnostic {
  return {
    code: 'precondition',
    severity: 'error',
    summary: `${stepName(change.intended.change, change.intended.step)} cannot start: ${what}`,
    cause: 'The routing table has changed since the plan was made.',
    fix: 'Run `mkplan plan` again and apply the new plan.',
    command: showCommand(change.route),
  };
}

/** A foreign route that came to the destination of one of our routes after the plan was made. */
export function foreignAppeared(change: KeyedChange, foreign: Route): Diagnostic {
  return {
    code: 'foreign-route-appeared',
    severity: 'error',
    summary: `${stepName(change.intended.change, change.intended.step)} met a foreign route that was not there before: ${formatRoute(foreign)}`,
    cause:
      'Something else added a route to the same destination while the plan was applied, so who gets it is in dispute.',
    fix: 'Find out who added it, then run `mkplan plan` again: it shows that route as a conflict.',
    command: showCommand(foreign),
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
