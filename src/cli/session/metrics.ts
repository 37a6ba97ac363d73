import packageJson from '../../../package.json' with { type: 'json' };
import { PASS_RESULTS, WATCH_STATES } from '../../model/event.ts';
import { countBy, type Labels, type Metric, type Sample } from './exposition.ts';
import type { SessionState } from './session-state.ts';
import { routeViews, serviceViews } from './session-view.ts';

function one(value: number, labels: Labels = {}): Sample[] {
  return [{ labels, value }];
}

const gauge = (name: string, help: string, samples: readonly Sample[]): Metric => ({
  name,
  help,
  type: 'gauge',
  samples,
});
const counter = (name: string, help: string, samples: readonly Sample[]): Metric => ({
  name,
  help,
  type: 'counter',
  samples,
});

/**
 * What a session is at, as numbers for a monitoring system, named as Prometheus names things. Its state is a set: one
 * sample for each state there is, 1 for the one that it is in (OpenMetrics 1.0, "StateSet").
 */
export function sessionMetrics(session: SessionState): Metric[] {
  const { passes, changes, lastSuccess, held, profiles } = session;
  const routes = routeViews(session);
  return [
    gauge('mkplan_build_info', 'The version that runs.', one(1, { version: packageJson.version })),
    counter(
      'mkplan_reconciles_total',
      'Passes that ended; suspended is one in which no profile could be served.',
      PASS_RESULTS.map((result) => ({ labels: { result }, value: passes[result] })),
    ),
    counter('mkplan_changes_total', 'Changes of routes and Services.', [
      ...one(changes.done, { result: 'success' }),
      ...one(changes.failed, { result: 'failure' }),
    ]),
    gauge(
      'mkplan_last_reconcile_timestamp_seconds',
      'When the last pass succeeded, in seconds since the epoch; 0 before the first.',
      one((lastSuccess?.epochMs ?? 0) / 1000),
    ),
    gauge(
      'mkplan_session_state',
      'The state that the session is in.',
      WATCH_STATES.map((state) => ({ labels: { state }, value: state === session.state ? 1 : 0 })),
    ),
    gauge('mkplan_held_units', 'Profiles, Services and routes that are set aside for now.', one(held.size)),
    gauge(
      'mkplan_cluster_up',
      "Whether the profile's cluster answered when it was asked last.",
      profiles.flatMap(({ name, answers }) =>
        answers === null ? [] : one(answers ? 1 : 0, { profile: name }),
      ),
    ),
    gauge(
      'mkplan_routes',
      'Routes that the spec asks for, by how they stand.',
      countBy(routes, ({ profile, standing }) => ({ profile, state: standing })),
    ),
    gauge(
      'mkplan_services',
      'LoadBalancer Services, by how they stand.',
      countBy(serviceViews(session, routes), ({ profile, standing }) => ({ profile, state: standing })),
    ),
  ];
}
