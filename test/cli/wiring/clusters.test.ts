import { expect, it } from 'vitest';
import { Clusters } from '../../../src/cli/wiring/clusters.ts';
import type { Cluster } from '../../../src/kubernetes/cluster.ts';
import { Failure } from '../../../src/model/diagnostic.ts';
import * as build from '../../planner/build.ts';

/** A kubeconfig whose entry a test changes, and what became of the clients made of it. */
function kubeconfig() {
  const state = { identity: 'first', missing: false as boolean, found: 0 };
  const made: string[] = [];
  const closed: string[] = [];
  const retried: string[] = [];
  const clusters = new Clusters(async () => {
    state.found++;
    const { identity } = state;
    if (state.missing) throw new Failure('error', []);
    return {
      identity,
      connect: async () => {
        made.push(identity);
        const close = async () => {
          closed.push(identity);
        };
        const retry = () => retried.push(identity);
        return { close, retry } as Partial<Cluster> as Cluster;
      },
    };
  });
  return { state, made, closed, retried, clusters, of: () => clusters.of(build.profile()) };
}

it('makes one client of a context, for all who ask at once and later', async () => {
  const { made, of, state, clusters } = kubeconfig();
  const [one, two] = await Promise.all([of(), of()]);
  expect(two).toBe(one);
  expect(await of()).toBe(one);
  expect(await clusters.of(build.profile({ context: 'other' }))).not.toBe(one);
  expect(made).toHaveLength(2);
  expect(state.found).toBe(2);
});

it('keeps its client where the kubeconfig was rewritten with the same entry, and has it ask a lost server again', async () => {
  const { clusters, of, closed, retried } = kubeconfig();
  const first = await of();
  expect(await of()).toBe(first);
  expect(retried).toEqual([]);
  clusters.doubt();
  expect(await of()).toBe(first);
  expect(closed).toEqual([]);
  expect(retried).toEqual(['first']);
});

it('makes a new client where the entry leads elsewhere, and closes the old one', async () => {
  const { clusters, of, closed, state, made } = kubeconfig();
  const first = await of();
  state.identity = 'second';
  expect(await of()).toBe(first);
  clusters.doubt();
  const [next, again] = await Promise.all([of(), of()]);
  expect(next).not.toBe(first);
  expect(again).toBe(next);
  expect(made).toEqual(['first', 'second']);
  expect(closed).toEqual(['first']);
  await clusters.close();
  expect(closed).toEqual(['first', 'second']);
});

it('makes every client anew where connections may be dead, and closes the old one', async () => {
  const { clusters, of, closed, made } = kubeconfig();
  const first = await of();
  await clusters.renew();
  expect(closed).toEqual(['first']);
  expect(await of()).not.toBe(first);
  expect(made).toEqual(['first', 'first']);
});

it('fails while the entry is missing, and recovers with it', async () => {
  const { clusters, of, state, made } = kubeconfig();
  state.missing = true;
  await expect(of()).rejects.toBeInstanceOf(Failure);
  await expect(of()).rejects.toBeInstanceOf(Failure);
  state.missing = false;
  const first = await of();
  state.missing = true;
  clusters.doubt();
  await expect(of()).rejects.toBeInstanceOf(Failure);
  state.missing = false;
  expect(await of()).toBe(first);
  expect(made).toEqual(['first']);
});

it('closes what it made, also where the last look failed', async () => {
  const { clusters, of, state, closed } = kubeconfig();
  await of();
  state.missing = true;
  clusters.doubt();
  await expect(of()).rejects.toBeInstanceOf(Failure);
  await clusters.close();
  expect(closed).toEqual(['first']);
});

it('gives up the client of one profile, and makes it anew when it is next asked for', async () => {
  const { clusters, of, made, closed } = kubeconfig();
  const first = await of();
  const other = await clusters.of(build.profile({ context: 'other' }));
  clusters.giveUp(build.profile());
  expect(closed).toEqual(['first']);
  expect(await of()).not.toBe(first);
  expect(await clusters.of(build.profile({ context: 'other' }))).toBe(other);
  expect(made).toHaveLength(3);
});
