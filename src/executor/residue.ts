import type { Diagnostic } from '../model/diagnostic.ts';
import type { ServiceStep } from '../model/plan.ts';
import { formatRoute, type Route } from '../model/route.ts';
import type { RouteWords } from '../platform/route-table.ts';

/** A route of the transaction that could not be taken away again. */
export function routeRemains(route: Route, cause: string, words: RouteWords): Diagnostic {
  return {
    code: 'residue-route',
    severity: 'error',
    summary: `the route ${formatRoute(route)} was left behind`,
    cause,
    fix: 'Remove it by hand, once you know that it is not wanted.',
    command: words.remove(route),
  };
}

/** A route that the transaction took away and that could not be put back. */
export function routeMissing(route: Route, cause: string, words: RouteWords): Diagnostic {
  return {
    code: 'residue-missing-route',
    severity: 'error',
    summary: `the route ${formatRoute(route)} could not be put back`,
    cause,
    fix: 'Put it back by hand, or run `mkplan apply`, which makes what the spec asks for.',
    command: words.restore(route),
  };
}

/** A route that is now neither what it was before nor what the transaction made of it. */
export function routeChanged(ours: Route, found: Route, words: RouteWords): Diagnostic {
  return {
    code: 'residue-changed-route',
    severity: 'error',
    summary: `the route ${formatRoute(found)} stands where mkplan had ${formatRoute(ours)}; it was left alone`,
    cause:
      'It is neither what was there before nor what mkplan made, so another program changed it meanwhile.',
    fix: 'Find out who changed it. Should it not be wanted, remove it by hand.',
    command: words.remove(found),
  };
}

/** The ingress of a Service that could not be given its former value. */
export function ingressRemains(
  step: Pick<ServiceStep, 'profile' | 'namespace' | 'name'>,
  previous: readonly string[],
  cause: string,
): Diagnostic {
  const ingress = JSON.stringify(previous.map((ip) => ({ ip })));
  return {
    code: 'residue-ingress',
    severity: 'error',
    summary: `the ingress of Service ${step.namespace}/${step.name} (profile ${step.profile}) was left as it is`,
    cause,
    fix: 'Run `mkplan apply` again once the cluster answers, or give it its former ingress by hand.',
    command: `kubectl --context '${step.profile}' -n '${step.namespace}' patch service '${step.name}' --subresource=status --type=merge -p '{"status":{"loadBalancer":{"ingress":${ingress}}}}'`,
  };
}

/** One line for each thing that was left, with the command that puts it right. */
export function leftLines(left: readonly Diagnostic[]): string[] {
  return left.map(({ summary, command }) => (command === undefined ? summary : `${summary}: ${command}`));
}
