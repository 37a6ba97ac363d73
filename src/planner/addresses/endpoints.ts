import type { DesiredProfile } from '../../model/desired.ts';
import type { Diagnostic } from '../../model/diagnostic.ts';
import type { ObservedCluster, ObservedService } from '../../model/observed.ts';
import { type ServiceSummary, serviceName } from '../../model/plan.ts';
import { shellWord } from '../../model/shell-word.ts';

/**
 * How many ready endpoints each Service has. Null where that cannot be told, and for a Service that has neither a selector nor an
 * EndpointSlice: its endpoints may not have been named yet.
 */
export function readyEndpoints(
  cluster: ObservedCluster | null,
): (service: Pick<ObservedService, 'namespace' | 'name'>) => number | null {
  const { endpoints = null, services = [], missingRights = [] } = cluster ?? {};
  if (endpoints === null || missingRights.includes('list endpointslices')) return () => null;
  const counts = new Map(endpoints.map((one) => [`${one.namespace}/${one.service}`, one]));
  const selecting = new Set(services.filter(({ hasSelector }) => hasSelector).map(serviceName));
  return (service) => {
    const name = serviceName(service);
    const found = counts.get(name);
    if (found === undefined || (found.slices === 0 && !selecting.has(name))) return null;
    return Object.values(found.readyByNode).reduce((sum, ready) => sum + ready, found.readyElsewhere);
  };
}

/** So many Services are named that have no ready endpoint. */
const MOST_NAMED = 10;

/** The Services that are served, and that nothing stands behind. */
export function endpointDiagnostics(
  profile: DesiredProfile,
  cluster: ObservedCluster | null,
  services: readonly ServiceSummary[],
): Diagnostic[] {
  const readyOf = readyEndpoints(cluster);
  const empty = services.filter(
    (service) => service.profile === profile.name && service.state === 'served' && readyOf(service) === 0,
  );
  const [first] = empty;
  if (first === undefined) return [];
  const names = empty.map(serviceName);
  const more = names.length - MOST_NAMED;
  const list = [...names.slice(0, MOST_NAMED), ...(more > 0 ? [`${more} more`] : [])].join(', ');
  return [
    {
      code: 'service-without-endpoints',
      severity: 'warning',
      summary: `profile ${profile.name}: no endpoint is ready behind ${list}`,
      cause: 'Connections to the address of such a Service fail, although the route and the address stand.',
      fix: 'Start its pods, or correct the selector of the Service.',
      command: `kubectl --context=${shellWord(profile.context)} -n ${shellWord(first.namespace)} get endpointslices -l ${shellWord(`kubernetes.io/service-name=${first.name}`)}`,
    },
  ];
}
