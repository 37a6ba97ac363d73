import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CALLS_AT_ONCE, type Cluster } from '../../src/kubernetes/cluster.ts';
import { Failure } from '../../src/model/diagnostic.ts';
import { temporaryDirectory } from '../fakes/temporary.ts';
import { type Fault, PASS } from './proxy.ts';
import { Stack } from './stack.ts';

/** As of the command itself. */
const DEADLINE_MS = 10_000;
const BURST = 1000;
/** At least so many failures hold the rest back. */
const TOLERATED = 4;
const TIMEOUT_MS = 60_000;

let stack: Stack;
let cluster: Cluster;

beforeEach(async () => {
  stack = await Stack.start(await temporaryDirectory(), DEADLINE_MS);
  cluster = await stack.connect();
  // The version is known, as it is after any plan.
  await cluster.observe();
});

afterEach(async () => {
  await cluster.close();
  await stack.close();
});

/** Writes to a thousand Services, as the executor does; returns how many were refused. */
async function burst(): Promise<number> {
  let refused = 0;
  const names = Array.from({ length: BURST }, (_, index) => `web-${index}`).values();
  const worker = async (): Promise<void> => {
    for (const name of names) {
      const target = { namespace: 'default', name, uid: `uid-${name}`, resourceVersion: '1' };
      const thrown = await cluster.applyStatus(target, { addresses: ['10.200.0.1'], condition: null }).then(
        () => null,
        (error: unknown) => error,
      );
      if (!(thrown instanceof Failure)) throw thrown ?? new Error(`${name} was served`);
      refused++;
    }
  };
  await Promise.all(Array.from({ length: CALLS_AT_ONCE }, worker));
  return refused;
}

/** The most requests of any one second. */
function mostInOneSecond(times: readonly number[]): number {
  return Math.max(0, ...times.map((from) => times.filter((at) => at >= from && at < from + 1000).length));
}

const SERVERS: readonly (readonly [name: string, fault: Fault])[] = [
  ['drops connections', { kind: 'drop' }],
  ['answers 500', { kind: 'status', status: 500 }],
  ['answers 503', { kind: 'status', status: 503 }],
  ['answers 429', { kind: 'status', status: 429 }],
  ['answers 429 with Retry-After: 1', { kind: 'status', status: 429, retryAfter: '1' }],
];

describe('what is sent to a server that only fails', { timeout: TIMEOUT_MS }, () => {
  it.each(SERVERS)('is a few of a thousand writes, where it %s', async (name, fault) => {
    stack.proxy.decide(() => fault);
    const before = stack.proxy.seen.length;
    expect(await burst()).toBe(BURST);
    const times = stack.proxy.seen.slice(before).map(({ at }) => at);
    process.stdout.write(
      `server ${name}: ${times.length} requests for ${BURST} writes, at most ${mostInOneSecond(times)} in a second\n`,
    );
    // As many again once a pause is over; each may be repeated thrice, where that is what the server asks for.
    const attempts = fault.kind === 'status' && fault.status === 429 ? 4 : 1;
    expect(times.length).toBeGreaterThanOrEqual(TOLERATED);
    expect(times.length).toBeLessThanOrEqual(2 * CALLS_AT_ONCE * attempts);
  });

  it('is nothing at all where it refuses connections, once that is known', async () => {
    const connections = stack.proxy.connections();
    await stack.proxy.down();
    expect(await burst()).toBe(BURST);
    await stack.proxy.up();
    expect(stack.proxy.connections()).toBe(connections);
  });

  it('is one read a pause, by whoever asks again at once', async () => {
    stack.proxy.decide(() => ({ kind: 'status', status: 500 }));
    await cluster.close();
    cluster = await stack.connect();
    const before = stack.proxy.seen.length;
    const readings = 6;
    for (let index = 0; index < readings; index++) await cluster.observe().catch(() => undefined);
    const times = stack.proxy.seen.slice(before).map(({ at }) => at);
    process.stdout.write(
      `asked again at once: ${times.length} requests, at most ${mostInOneSecond(times)} in a second\n`,
    );
    expect(times.length).toBe(readings);
    const last = times.slice(TOLERATED).map((at, index) => at - (times[TOLERATED - 1 + index] ?? 0));
    // Each pause is at least half of its length, which doubles.
    expect(last.every((gap, index) => gap >= 450 * Math.min(2 ** index, 5))).toBe(true);
  });

  it('is everything again, once it answers', async () => {
    stack.proxy.decide(() => ({ kind: 'drop' }));
    expect(await burst()).toBe(BURST);
    stack.proxy.decide(() => PASS);
    expect((await cluster.observe()).nodes).toHaveLength(1);
    const before = stack.proxy.seen.length;
    await expect(cluster.writeAllocations({ resourceVersion: null, allocations: [] }, [])).resolves.toBe(
      undefined,
    );
    expect(stack.proxy.seen.length).toBe(before + 1);
  });
});
