import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sessionMetrics } from '../../../src/cli/session/metrics.ts';
import { recordOf } from '../../../src/cli/session/session.ts';
import { doubtOf, type SessionEvent, type SessionState } from '../../../src/cli/session/session-state.ts';
import { routeViews, serviceViews } from '../../../src/cli/session/session-view.ts';
import { PLAIN } from '../../../src/cli/views/color.ts';
import { watchLine } from '../../../src/cli/views/json/json-lines.ts';
import { renderFrame } from '../../../src/cli/views/live/live-frame.ts';
import type { Plan, ServiceSummary } from '../../../src/model/plan.ts';
import { planOf, route, step } from '../../fakes/plans.ts';
import { held, moment, pass, passOf, released, sessionAfter, state, trigger } from './sessions.ts';

const service = (name: string, rest: Partial<ServiceSummary> = {}): ServiceSummary => ({
  profile: 'minikube',
  namespace: 'default',
  name,
  state: 'served',
  addresses: ['10.200.0.1'],
  reason: '',
  ...rest,
});
const web = route('10.96.0.0/12');
const lb = {
  ...step('none', route('10.200.0.1/32'), route('10.200.0.1/32')),
  purpose: 'load-balancer' as const,
};
const DONE = planOf([step('none', web, web), lb], { services: [service('web')] });
const MISSING = planOf([step('create', null, web), { ...lb, action: 'create' as const, before: null }], {
  services: [service('web')],
});

const routes = (session: SessionState) => routeViews(session).map(({ standing }) => standing);
const services = (session: SessionState) => serviceViews(session).map(({ standing }) => standing);

describe('what a session has read', () => {
  it('is there once a pass has read it', () => {
    const session = sessionAfter(...passOf(DONE));
    expect([routes(session), services(session)]).toEqual([['present', 'present'], ['served']]);
  });

  it.each<[string, readonly SessionEvent[], string, string]>([
    ['the kernel hints at a change', [trigger('kernel')], 'unknown', 'unknown'],
    ['a cluster hints at a change', [trigger('cluster')], 'present', 'unknown'],
    ['everything is to be looked at', [trigger('timer')], 'unknown', 'unknown'],
    [
      'a pass looks again',
      [trigger('kernel'), state('settling'), state('reconciling')],
      'unknown',
      'unknown',
    ],
    [
      'a pass found it as it was',
      [trigger('kernel'), state('reconciling'), pass('success')],
      'present',
      'served',
    ],
    ['a hint came while it was read', [...passOf(DONE).slice(0, 2), trigger('kernel')], 'unknown', 'unknown'],
    [
      'a hint came in a pass, which ended',
      [state('reconciling'), trigger('kernel'), pass('success')],
      'unknown',
      'unknown',
    ],
    ['a pass failed', [state('reconciling'), pass('failure', 'ip hangs')], 'unknown', 'unknown'],
    [
      'a pass failed, and the next reads it',
      [state('reconciling'), pass('failure', 'ip hangs'), state('reconciling'), pass('success')],
      'present',
      'served',
    ],
    ['its route is to be made again', passOf(MISSING), 'adding', 'adding'],
    ['its profile is set aside', [held('profile minikube')], 'held', 'held'],
    ['its destination is set aside', [held('route 10.96.0.0/12')], 'held', 'served'],
    ['the route to its address is set aside', [held('route 10.200.0.1/32')], 'present', 'held'],
    ['it is set aside itself', [held('Service minikube default/web')], 'present', 'held'],
    [
      'it is no longer set aside',
      [held('profile minikube'), released('profile minikube')],
      'present',
      'served',
    ],
    ['its cluster does not answer', passOf(DONE, { minikube: false }), 'present', 'unknown'],
  ])('counts as read no longer than it is: %s', (_, events, expectedRoute, expectedService) => {
    const session = sessionAfter(...passOf(DONE), ...events);
    expect([routes(session)[0], services(session)[0]]).toEqual([expectedRoute, expectedService]);
  });

  it('is nothing before the first pass', () => {
    expect(doubtOf(sessionAfter())).toEqual({ routes: true, services: true });
    expect(routes(sessionAfter())).toEqual([]);
  });
});

describe('a pass', () => {
  it.each([
    [
      'succeeds',
      [state('reconciling'), pass('success'), state('idle')],
      { success: 1, suspended: 0, failure: 0 },
    ],
    [
      'that found itself overtaken is one all the same',
      [state('reconciling'), pass('success'), state('settling')],
      { success: 1, suspended: 0, failure: 0 },
    ],
    [
      'in which no profile could be served is no success',
      [state('reconciling'), pass('suspended'), state('suspended')],
      { success: 0, suspended: 1, failure: 0 },
    ],
    [
      'that failed and is followed at once, without any back-off, is no success',
      [state('reconciling'), pass('failure', 'ip hangs'), state('settling')],
      { success: 0, suspended: 0, failure: 1 },
    ],
    [
      'that the end of the session broke off is none',
      [state('reconciling'), state('stopping')],
      { success: 0, suspended: 0, failure: 0 },
    ],
  ] as const)('%s', (_, events, passes) => {
    const session = sessionAfter(...events);
    expect(session.passes).toEqual(passes);
    expect(session.lastSuccess === null).toBe(passes.success === 0);
  });

  it('forgets why the one before failed once it succeeds', () => {
    const failed = sessionAfter(state('reconciling'), pass('failure', 'ip hangs'));
    expect(failed.failure.map(({ summary }) => summary)).toEqual(['ip hangs']);
    expect(
      sessionAfter(state('reconciling'), pass('failure', 'ip hangs'), state('reconciling'), pass('success'))
        .failure,
    ).toEqual([]);
  });

  const invalid = {
    type: 'watch.spec-invalid',
    diagnostics: [{ code: 'x', severity: 'error', summary: 'no such key', cause: '', fix: '' }],
  } as const;

  it.each([
    ['stays while nobody edits it', [trigger('timer'), state('reconciling'), pass('success')], 1],
    ['is over once an edited one was read', [trigger('spec'), state('reconciling'), pass('success')], 0],
    ['stays until the pass that reads it', [trigger('spec')], 1],
    [
      'stays where the edited one is no better',
      [trigger('spec'), state('reconciling'), invalid, pass('success')],
      1,
    ],
  ] as const)('a spec that cannot be used %s', (_, events, problems) => {
    const session = sessionAfter(trigger('spec'), state('reconciling'), invalid, pass('success'), ...events);
    expect(session.specProblem).toHaveLength(problems);
  });
});

it('what is held twice, for another reason, is one thing, and released by its own name alone', () => {
  const session = sessionAfter(
    held('Service one default/web', 'HTTP status 500'),
    held('Service one default/web', 'HTTP status 503'),
    held('profile two'),
    released('one default/web'),
  );
  expect([...session.held]).toEqual([
    ['Service one default/web', 'HTTP status 503'],
    ['profile two', 'refused'],
  ]);
});

describe('news', () => {
  const failed = (summary: string): SessionEvent => ({
    type: 'watch.failed',
    diagnostics: [{ code: 'x', severity: 'error', summary, cause: '', fix: '' }],
    retryMs: 1,
  });
  const invalid = (summary: string): SessionEvent => ({
    type: 'watch.spec-invalid',
    diagnostics: [{ code: 'x', severity: 'error', summary, cause: '', fix: '' }],
  });
  const edited = [trigger('spec'), state('reconciling')];

  it.each<[string, readonly SessionEvent[], readonly string[]]>([
    ['anything that happens', [trigger('kernel')], ['watch.trigger']],
    ['no plan before something comes of it', passOf(DONE).slice(0, 2), []],
    ['what is set aside, no sooner than its pass ended', [held('profile two')], []],
    ['what is set aside, once its pass ended', [held('profile two'), pass('success')], ['watch.held']],
    ['nothing set aside twice', [held('profile two'), pass('success'), pass('success')], []],
    [
      'nothing that was tried again in vain',
      [held('profile two'), pass('success'), released('profile two'), held('profile two'), pass('success')],
      [],
    ],
    [
      'what is set aside for another reason',
      [held('profile two'), pass('success'), held('profile two', 'EIO'), pass('success')],
      ['watch.held'],
    ],
    [
      'what is set aside no longer',
      [held('profile two'), pass('success'), released('profile two'), pass('success')],
      ['watch.released'],
    ],
    ['a failure', [failed('EIO')], ['watch.failed']],
    ['no failure twice', [failed('EIO'), state('backingOff'), failed('EIO')], []],
    ['another failure', [failed('EIO'), failed('ip hangs')], ['watch.failed']],
    ['a failure after a rest', [failed('EIO'), state('suspended'), failed('EIO')], ['watch.failed']],
    ['no mistake in the spec twice', [invalid('a'), pass('success'), invalid('a')], []],
    ['another mistake in the spec', [invalid('a'), invalid('b')], ['watch.spec-invalid']],
    [
      'a mistake again that was mended meanwhile',
      [invalid('a'), ...edited, pass('success'), invalid('a')],
      ['watch.spec-invalid'],
    ],
  ])('are %s', (_, events, expected) => {
    expect(sessionAfter(...events).news.map(({ type }) => type)).toEqual(expected);
  });
});

const NAMES = ['web', 'db', 'api'];
const plans: readonly Plan[] = [
  DONE,
  MISSING,
  planOf([], {
    services: [
      service('web'),
      service('db', { state: 'pending', addresses: [], reason: 'the pool is full' }),
    ],
  }),
  planOf([], {
    services: NAMES.map((name) => service(name, { state: 'pending', addresses: [], reason: name })),
  }),
];

const anyEvent = fc.oneof(
  fc
    .constantFrom('settling', 'reconciling', 'idle', 'fighting', 'suspended', 'backingOff')
    .map((one) => state(one)),
  fc.constantFrom('kernel', 'cluster', 'timer', 'spec', 'asked').map((source) => trigger(source)),
  fc.constantFrom('success', 'suspended', 'failure').map((result) => pass(result, 'ip hangs')),
  fc
    .tuple(fc.constantFrom(...NAMES), fc.constantFrom('a', 'b'))
    .map(([name, why]) => held(`Service minikube default/${name}`, why)),
  fc.constantFrom(...NAMES).map((name) => released(`Service minikube default/${name}`)),
  fc.constantFrom(...plans).map((plan): SessionEvent => ({ type: 'session.planned', plan, profiles: [] })),
);

/** What a metric counts, over all of its samples that have these labels. */
function total(session: SessionState, name: string, label: Record<string, string> = {}): number {
  const metric = sessionMetrics(session).find((one) => one.name === name);
  return (metric?.samples ?? [])
    .filter(({ labels }) => Object.entries(label).every(([key, value]) => labels[key] === value))
    .reduce((sum, { value }) => sum + value, 0);
}

const RECORD = {
  spec: '/project/tunnel.yaml',
  pid: 7,
  startTime: '1',
  bootId: 'b',
  networkNamespace: '1',
  since: '',
  state: 'settling',
  lastPass: null,
  held: [],
  pending: [],
};

it('live view, status, metrics and JSON agree, whatever has happened', () => {
  fc.assert(
    fc.property(fc.array(anyEvent, { maxLength: 30 }), (events) => {
      const session = sessionAfter(...events);
      const record = recordOf(RECORD, session);
      const line = watchLine({ type: 'watch.pass', result: 'success', diagnostics: [] }, session);
      const frame = renderFrame(
        { title: 'Tunnel dev', session, events: [] },
        { columns: 200, rows: 100, colors: PLAIN },
      );
      const shown = (pattern: RegExp) => frame.filter((text) => pattern.test(text)).length;
      const counts = {
        held: session.held.size,
        pending: serviceViews(session).filter(({ standing }) => standing === 'pending').length,
        served: serviceViews(session).filter(({ standing }) => standing === 'served').length,
      };
      expect(line).toMatchObject(counts);
      expect({ held: record.held.length, pending: record.pending.length }).toMatchObject({
        held: counts.held,
        pending: counts.pending,
      });
      expect(total(session, 'mkplan_held_units')).toBe(counts.held);
      expect(total(session, 'mkplan_services', { state: 'pending' })).toBe(counts.pending);
      expect(total(session, 'mkplan_services', { state: 'served' })).toBe(counts.served);
      expect(shown(/left as it is/)).toBe(counts.held);
      expect(shown(/default\/\w+ +pending$/)).toBe(counts.pending);
      expect(shown(/✓.* served$/)).toBe(counts.served);
      expect(total(session, 'mkplan_session_state')).toBe(1);
      expect(total(session, 'mkplan_session_state', { state: session.state })).toBe(1);
      expect(record.state).toBe(session.state);
      expect(total(session, 'mkplan_routes')).toBe(routeViews(session).length);
    }),
    { numRuns: 300 },
  );
});

it('is the same value for the same events', () => {
  const events = [...passOf(DONE), trigger('kernel'), held('profile minikube')];
  expect(sessionAfter(...events)).toEqual(sessionAfter(...events));
  expect(moment(1)).toEqual(moment(1));
});
