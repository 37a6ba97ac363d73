import { expect, test } from 'vitest';
import type { ServicePort } from '../../../src/executor/services.ts';
import { EventQueue } from '../../../src/machine/watch/event-queue.ts';
import { type Diagnostic, Failure } from '../../../src/model/diagnostic.ts';

type Create = ServicePort['createEvent'];

const never = new Promise<void>(() => undefined);

function news(name: string, profile = 'minikube'): Parameters<EventQueue['add']>[0] {
  return {
    profile,
    target: { namespace: 'default', name, uid: name, resourceVersion: '1' },
    event: { type: 'Normal', reason: 'IPAllocated', message: `${name} has an address` },
  };
}

function queueOf(createEvent: Create): { queue: EventQueue; lost: Diagnostic[] } {
  const lost: Diagnostic[] = [];
  return { queue: new EventQueue({ createEvent }, (diagnostic) => lost.push(diagnostic)), lost };
}

function unreachable(): Failure {
  return new Failure('error', [
    { code: 'cluster-unreachable', severity: 'error', summary: 'no answer', cause: 'silence', fix: 'wait' },
  ]);
}

test('Events are written in the order of their happening, also those that come while others are written', async () => {
  const written: string[] = [];
  const { queue, lost } = queueOf(async (_, { name }) => {
    written.push(name);
    if (name === 'a') queue.add(news('c'));
  });
  for (const name of ['a', 'b']) queue.add(news(name));
  await queue.close(never);
  expect(written).toEqual(['a', 'b', 'c']);
  expect(lost).toEqual([]);
});

test('two Events are under way at a time, and no more', async () => {
  const waiting: (() => void)[] = [];
  let most = 0;
  const { queue } = queueOf(
    () =>
      new Promise((resolve) => {
        waiting.push(resolve);
        most = Math.max(most, waiting.length);
        if (waiting.length === 2) for (const done of waiting.splice(0)) done();
      }),
  );
  for (const name of ['a', 'b', 'c', 'd']) queue.add(news(name));
  await queue.close(never);
  expect(most).toBe(2);
});

test('a cluster that does not answer is asked no more, which is told once, and others are told all the same', async () => {
  const asked: string[] = [];
  const { queue, lost } = queueOf(async (profile, { name }) => {
    asked.push(name);
    if (profile === 'gone') throw unreachable();
  });
  for (let index = 0; index < 20; index++) queue.add(news(`g${index}`, 'gone'));
  queue.add(news('here'));
  await queue.close(never);
  expect(asked.filter((name) => name.startsWith('g')).length).toBeLessThanOrEqual(2);
  expect(asked).toContain('here');
  expect(lost.map(({ code, summary }) => `${code}: ${summary}`)).toEqual([
    'events-unwritten: 20 Events about Services could not be written',
  ]);
});

test('what is past the bound is counted and told', async () => {
  let written = 0;
  const { queue, lost } = queueOf(async () => {
    written++;
  });
  for (let index = 0; index < 5010; index++) queue.add(news(`s${index}`));
  await queue.close(never);
  expect(written).toBe(5000);
  const dropped = lost.map(({ summary }) => Number.parseInt(summary, 10));
  expect(written + dropped.reduce((sum, count) => sum + count, 0)).toBe(5010);
});

test('a server that hangs holds the end of a session up no longer than it is told to', async () => {
  const { queue } = queueOf(() => never);
  queue.add(news('a'));
  await queue.close(Promise.resolve());
});
