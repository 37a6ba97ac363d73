import { expect, it, vi } from 'vitest';
import {
  forgetDeadSessions,
  isLive,
  refuseLiveSession,
  SessionRecorder,
} from '../../../src/cli/session/session.ts';
import { SessionFeed } from '../../../src/cli/session/session-feed.ts';
import { paletteFor } from '../../../src/cli/views/color.ts';
import { renderSession } from '../../../src/cli/views/text/render-session.ts';
import { Failure } from '../../../src/model/diagnostic.ts';
import { createSessions } from '../../../src/registry/session-files.ts';
import { planOf } from '../../fakes/plans.ts';
import { temporaryDirectory } from '../../fakes/temporary.ts';
import { held, moment, passOf, released } from './sessions.ts';

const SPEC = '/project/tunnel.yaml';
const PLAIN = paletteFor(false);

/** A host on which processes come and go as a test says. */
async function host() {
  const alive = new Set(['7 100', '8 200']);
  const state = { bootId: 'boot-1', self: { pid: 7, startTime: '100' } };
  let locked = 0;
  const ports = {
    sessions: createSessions(await temporaryDirectory()),
    processes: {
      self: async () => state.self,
      isAlive: async (pid: number, startTime: string) => alive.has(`${pid} ${startTime}`),
    },
    routeTable: {
      identity: async () => ({ platform: 'linux' as const, bootId: state.bootId, networkNamespace: '1' }),
    },
    lock: {
      acquire: async () => {
        locked++;
        return { release: async () => undefined };
      },
    },
  };
  const wait = { doing: 'watch', waitMs: 0, onWait: () => undefined };
  return { alive, state, ports, begin: () => SessionRecorder.begin(SPEC, ports, wait), locks: () => locked };
}

it('a second session of a spec is refused while one lives, under the lock, and named', async () => {
  const { begin, state, alive, locks } = await host();
  await begin();
  expect(locks()).toBe(1);
  state.self = { pid: 8, startTime: '200' };
  const thrown = await begin().catch((reason: unknown) => reason);
  expect(thrown).toBeInstanceOf(Failure);
  expect(thrown).toMatchObject({ kind: 'lock-held', message: expect.stringContaining('pid 7') });
  // The pid alone proves nothing: by now it is another process.
  alive.delete('7 100');
  alive.add('7 999');
  await begin();
});

it('is judged dead after a reboot, whoever has its pid by then', async () => {
  const { begin, ports, state } = await host();
  await begin();
  const [record] = await ports.sessions.list();
  if (record === undefined) throw new Error('nothing was recorded');
  expect(await isLive(record, ports)).toBe(true);
  await expect(refuseLiveSession(SPEC, ports, 'end it')).rejects.toBeInstanceOf(Failure);
  state.bootId = 'boot-2';
  expect(await isLive(record, ports)).toBe(false);
  await refuseLiveSession(SPEC, ports, 'end it');
  await forgetDeadSessions(ports);
  expect(await ports.sessions.list()).toEqual([]);
});

it('keeps the record of a session that lives', async () => {
  const { begin, ports } = await host();
  await begin();
  await forgetDeadSessions(ports);
  expect(await ports.sessions.list()).toHaveLength(1);
});

it('writes what it is at, what is set aside and what is pending, and removes that when it ends', async () => {
  const { begin, ports } = await host();
  const recorder = await begin();
  const pending = { profile: 'one', namespace: 'default', name: 'web', state: 'pending' as const };
  const plan = planOf([], { services: [{ ...pending, addresses: [], reason: 'the pool is empty' }] });
  let seconds = 0;
  const feed = new SessionFeed(() => moment(seconds));
  feed.add(recorder);
  const news = [held('profile two'), held('profile three'), released('profile three'), ...passOf(plan)];
  for (const event of news) feed.heard(event);
  // Told anew, it has been so since it was told first.
  seconds = 60;
  feed.heard(held('profile two'));
  const written = await vi.waitFor(
    async () => {
      const record = await ports.sessions.read(SPEC);
      expect(record?.state).toBe('idle');
      return record;
    },
    { timeout: 10_000 },
  );
  const since = new Date(moment().epochMs).toISOString();
  expect(written).toMatchObject({
    pid: 7,
    lastPass: { result: 'done' },
    held: [{ what: 'profile two', why: `refused (since ${since})` }],
    pending: [{ what: 'one default/web', why: 'the pool is empty' }],
  });
  if (written === null) throw new Error('nothing was written');
  const options = { colors: PLAIN, spec: 'tunnel.yaml' };
  const session = { record: written, live: true, elsewhere: false, left: null };
  const text = renderSession(session, options);
  for (const part of ['pid 7', 'idle', 'profile two: refused', 'one default/web: the pool is empty'])
    expect(text).toContain(part);
  const left = { routes: 2, services: 1, lasting: false, hasSpec: true };
  expect(renderSession({ ...session, live: false, left }, options)).toContain('`mkplan destroy`');
  feed.heard({ type: 'watch.state', state: 'stopping' });
  await recorder.end();
  expect(await ports.sessions.list()).toEqual([]);
});
