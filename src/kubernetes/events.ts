import { randomBytes } from 'node:crypto';
import type { CoreV1Event } from '@kubernetes/client-node';
import type { ServiceEvent } from '../model/condition.ts';
import type { ApiCall } from './client/calls.ts';
import { requireObject } from './client/expected.ts';
import type { ApiClient } from './client/http.ts';
import { type Wire, wireTime } from './client/wire.ts';
import type { ServiceTarget } from './cluster.ts';

/** Who an Event is from, as `kubectl describe` shows it. */
const COMPONENT = 'mkplan';

/** Writes an Event about a Service. Throws a Failure when it is refused. */
export async function createEvent(
  api: ApiClient,
  target: ServiceTarget,
  event: ServiceEvent,
  now: Date,
): Promise<void> {
  const { namespace, name, uid, resourceVersion } = target;
  const time = wireTime(now);
  // Two of one moment are two.
  const called = `${name}.${randomBytes(8).toString('hex')}`;
  const body: Wire<CoreV1Event> = {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { namespace, name: called },
    involvedObject: { apiVersion: 'v1', kind: 'Service', namespace, name, uid, resourceVersion },
    ...event,
    source: { component: COMPONENT },
    reportingComponent: COMPONENT,
    firstTimestamp: time,
    lastTimestamp: time,
    count: 1,
  };
  const call: ApiCall = {
    verb: 'create',
    resource: `events ${namespace}`,
    path: `/api/v1/namespaces/${encodeURIComponent(namespace)}/events`,
    body: { type: 'application/json', text: JSON.stringify(body) },
  };
  const type = { apiVersion: 'v1', kind: 'Event', namespace, name: called };
  api.shown(call, await api.send(call), (answer) => requireObject(answer, type));
}
