import { expect, it } from 'vitest';
import { SessionFeed } from '../../../src/cli/session/session-feed.ts';
import { SessionLines } from '../../../src/cli/session/session-lines.ts';
import type { WatchEvent } from '../../../src/model/event.ts';
import { planOf } from '../../fakes/plans.ts';
import { held, moment, pass, released, state, trigger } from './sessions.ts';

/** What is written of these events, by type and state. */
function written(...events: readonly WatchEvent[]): string[] {
  const told: string[] = [];
  const feed = new SessionFeed(() => moment());
  feed.add(
    new SessionLines((event) => {
      told.push(event.type === 'watch.state' ? event.state : event.type);
    }),
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
const made: WatchEvent = { type: 'committed', txid: 't' };

it.each<[string, readonly WatchEvent[], readonly string[]]>([
  ['rests once, however often it looked', [...looks(), ...looks(), ...looks()], ['idle']],
  [
    'rests again once it did something',
    [...looks(), made, ...looks(), ...looks()],
    ['idle', 'committed', 'idle'],
  ],
  [
    'rests otherwise than before',
    [...looks(), ...looks('fighting'), ...looks('fighting')],
    ['idle', 'fighting'],
  ],
  ['sets something aside', [...looks(), held('profile two'), ...looks()], ['idle', 'watch.held', 'idle']],
  [
    'tries again what it had set aside, in vain',
    [held('profile two'), ...looks(), released('profile two'), held('profile two'), ...looks()],
    ['watch.held', 'idle'],
  ],
  [
    'sets the same aside for another reason',
    [held('profile two'), ...looks(), released('profile two'), held('profile two', 'EIO'), ...looks()],
    ['watch.held', 'idle', 'watch.held', 'idle'],
  ],
  [
    'serves again what it had set aside',
    [held('profile two'), ...looks(), released('profile two'), ...looks()],
    ['watch.held', 'idle', 'watch.released', 'idle'],
  ],
  [
    'waits for a lock that it then has, and plans',
    [{ type: 'lock.acquired' }, { type: 'watch.planned', plan: planOf([]) }],
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
  ['ends', [...looks(), state('stopping'), state('stopped')], ['idle', 'stopping', 'stopped']],
])('a session that %s is told so and no more', (_, events, expected) => {
  expect(written(...events)).toEqual(expected);
});
