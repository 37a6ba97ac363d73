import { expect, it } from 'vitest';
import { SessionFeed } from '../../../src/cli/session/session-feed.ts';
import { pendingNews, pendingReasons } from '../../../src/cli/session/session-view.ts';
import { SessionLines } from '../../../src/cli/views/text/session-lines.ts';
import type { WatchEvent } from '../../../src/model/event.ts';
import type { Plan } from '../../../src/model/plan.ts';
import { planOf, serviceStep } from '../../fakes/plans.ts';
import { service } from '../../planner/build.ts';
import { held, moment, pass, released, state, trigger } from './sessions.ts';

/** What people have seen before the session began, and what they have not. */
const SHOWN = planOf([serviceStep(service('web'), ['10.200.0.1'])]);
const OTHER = planOf(['web', 'late'].map((name) => serviceStep(service(name), ['10.200.0.1'])));

const planned = (plan: Plan): WatchEvent => ({ type: 'watch.planned', plan });
/** A pass that reads the spec anew, and cannot use it. */
const misread = (summary: string): WatchEvent[] => [
  trigger('spec'),
  state('reconciling'),
  {
    type: 'watch.spec-invalid',
    diagnostics: [{ code: 'x', severity: 'error', summary, cause: '', fix: '' }],
  },
  pass('success'),
  state('idle'),
];
const mended: WatchEvent[] = [trigger('spec'), state('reconciling'), pass('success'), state('idle')];

/** What is written of these events, by type and state. */
function written(...events: readonly WatchEvent[]): string[] {
  const told: string[] = [];
  const feed = new SessionFeed(() => moment());
  feed.add(
    new SessionLines((event) => {
      told.push(event.type === 'watch.state' ? event.state : event.type);
    }, SHOWN),
  );
  for (const event of events) feed.heard(event);
  return told.filter((one) => one !== 'settling' && one !== 'reconciling');
}

const looks = (rest: 'idle' | 'fighting' | 'suspended' = 'idle'): WatchEvent[] => [
  trigger('kernel'),
  state('settling'),
  state('reconciling'),
  pass('success'),
  state(rest),
];
const failed = (summary: string): WatchEvent[] => [
  state('reconciling'),
  {
    type: 'watch.failed',
    diagnostics: [{ code: 'x', severity: 'error', summary, cause: '', fix: '' }],
    retryMs: 1,
  },
  state('backingOff'),
];
const unanswered = (txid: string, code: string, profile = 'minikube'): WatchEvent => {
  const step = { ...serviceStep(service('web'), ['10.200.0.1']), profile };
  const change = { op: 'assign', step: 0 } as const;
  const diagnostic = { code, severity: 'error', summary: '', cause: '', fix: '' } as const;
  return { type: 'change.failed', txid, change, step, diagnostic };
};
const made: WatchEvent = { type: 'committed', txid: 't' };

it.each<[string, readonly WatchEvent[], readonly string[]]>([
  [
    'tells one of the changes that a cluster did not answer to, and each that was refused',
    [
      ...['cluster-unreachable', 'service-untried', 'cluster-unreachable'].map((code) =>
        unanswered('a', code),
      ),
      ...['cluster-forbidden', 'cluster-forbidden'].map((code) => unanswered('a', code)),
      unanswered('b', 'cluster-slow'),
    ],
    ['change.failed', 'change.failed', 'change.failed', 'change.failed'],
  ],
  [
    'tells one change for each of two clusters that die together',
    ['a', 'b', 'a', 'b', 'a', 'b'].map((txid) => unanswered(txid, 'cluster-unreachable', `profile-${txid}`)),
    ['change.failed', 'change.failed'],
  ],
  ['rests once, however often it looked', [...looks(), ...looks(), ...looks()], ['idle']],
  [
    'rests as before once it did something',
    [...looks(), made, ...looks(), ...looks()],
    ['idle', 'committed'],
  ],
  [
    'rests otherwise than before',
    [...looks(), ...looks('fighting'), ...looks('fighting')],
    ['idle', 'fighting'],
  ],
  ['sets something aside', [...looks(), held('profile two'), ...looks()], ['idle', 'watch.held']],
  [
    'tries again what it had set aside, in vain',
    [held('profile two'), ...looks(), released('profile two'), held('profile two'), ...looks()],
    ['watch.held', 'idle'],
  ],
  [
    'sets the same aside for another reason',
    [held('profile two'), ...looks(), released('profile two'), held('profile two', 'EIO'), ...looks()],
    ['watch.held', 'idle', 'watch.held'],
  ],
  [
    'serves again what it had set aside',
    [held('profile two'), ...looks(), released('profile two'), ...looks()],
    ['watch.held', 'idle', 'watch.released'],
  ],
  [
    'waits for a lock that it then has, and plans',
    [{ type: 'lock.acquired' }, planned(OTHER)],
    ['watch.planned'],
  ],
  [
    'fails in the same way again and again',
    [...failed('ip hangs'), ...failed('ip hangs'), ...failed('ip hangs')],
    ['watch.failed', 'backingOff', 'backingOff', 'backingOff'],
  ],
  [
    'fails in another way',
    [...failed('ip hangs'), ...failed('EIO')],
    ['watch.failed', 'backingOff', 'watch.failed', 'backingOff'],
  ],
  [
    'fails again after it had rested',
    [...failed('ip hangs'), ...looks(), ...failed('ip hangs')],
    ['watch.failed', 'backingOff', 'idle', 'watch.failed', 'backingOff'],
  ],
  ['does what it was shown to do', [...looks(), planned(SHOWN), made, ...looks()], ['idle', 'committed']],
  [
    'plans the same again before anything came of it',
    [planned(OTHER), ...failed('EIO'), planned(OTHER), made, ...looks()],
    ['watch.planned', 'watch.failed', 'backingOff', 'committed', 'idle'],
  ],
  [
    'plans the same again once it was done',
    [planned(OTHER), made, planned(OTHER), made],
    ['watch.planned', 'committed', 'watch.planned', 'committed'],
  ],
  [
    'finds the same mistake in its spec, however often that is saved',
    [...looks(), ...misread('a'), ...misread('a'), ...misread('a')],
    ['idle', 'watch.spec-invalid'],
  ],
  [
    'finds another mistake in its spec',
    [...looks(), ...misread('a'), ...misread('b')],
    ['idle', 'watch.spec-invalid', 'watch.spec-invalid'],
  ],
  [
    'finds a mistake again that was mended meanwhile',
    [...looks(), ...misread('a'), ...mended, ...misread('a')],
    ['idle', 'watch.spec-invalid', 'watch.spec-invalid'],
  ],
  ['ends', [...looks(), state('stopping'), state('stopped')], ['idle', 'stopping', 'stopped']],
])('a session that %s is told so and no more', (_, events, expected) => {
  expect(written(...events)).toEqual(expected);
});

/** Services that wait for an address. */
const waiting = (reason: string, ...names: string[]) =>
  names.map((name) => ({
    profile: 'one',
    namespace: 'default',
    name,
    state: 'pending' as const,
    addresses: [],
    reason,
  }));

it('tells once, for each reason, of the Services that become pending', () => {
  const shown = planOf([], { services: waiting('the pool is empty', 'old') });
  const told: string[] = [];
  const feed = new SessionFeed(() => moment());
  feed.add(
    new SessionLines((event) => {
      if (event.type === 'watch.warning') told.push(`${event.diagnostic.summary}: ${event.diagnostic.cause}`);
    }, shown),
  );
  const plans = [
    shown,
    planOf([], { services: waiting('the pool is empty', 'old', 'a', 'b', 'c') }),
    planOf([], { services: waiting('the pool is empty', 'old', 'a', 'b', 'c') }),
    planOf([], { services: waiting('10.0.0.1 is outside the pool', 'a') }),
    planOf([], { services: [] }),
    planOf([], { services: waiting('the pool is empty', 'a') }),
  ];
  for (const plan of plans) {
    feed.heard({ type: 'session.planned', plan, profiles: [] });
    for (const event of looks()) feed.heard(event);
  }
  expect(told).toEqual([
    'Service default/a of profile one and 2 others are pending: the pool is empty',
    'Service default/a of profile one is pending: 10.0.0.1 is outside the pool',
    'Service default/a of profile one is pending: the pool is empty',
  ]);
});

it('tells nothing anew of the Services that wait in a cluster which went and came back', () => {
  const told: string[] = [];
  const feed = new SessionFeed(() => moment());
  feed.add(new SessionLines(({ type }) => void told.push(type), planOf([])));
  const plans = [waiting('the pool is empty', 'a'), [], waiting('the pool is empty', 'a')];
  for (const [index, services] of plans.entries()) {
    feed.heard(index === 1 ? held('profile one') : released('profile one'));
    feed.heard({ type: 'session.planned', plan: planOf([], { services }), profiles: [] });
    for (const event of looks()) feed.heard(event);
  }
  expect(told.filter((type) => type === 'watch.warning')).toHaveLength(1);
});

it('says what helps a Service that is pending', () => {
  const [news] = pendingNews(new Map(), pendingReasons(waiting('the pool is empty', 'a')));
  expect(news?.diagnostic.fix).toMatch(/the pool of profile one in the spec/);
});
