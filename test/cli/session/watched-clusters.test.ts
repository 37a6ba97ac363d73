import { expect, it, vi } from 'vitest';
import { WatchedClusters } from '../../../src/cli/session/watched-clusters.ts';
import type { Cluster } from '../../../src/kubernetes/cluster.ts';

const profile = (name: string) => ({ name, context: name });

/** A cluster that tells news when it is asked to. */
function clusterOf() {
  let onChange: () => void = () => undefined;
  const watch = vi.fn((hear: () => void) => {
    onChange = hear;
    return { isLive: true, stop: () => undefined };
  });
  return { cluster: { watch } as Partial<Cluster> as Cluster, watch, tell: () => onChange() };
}

it('watches a cluster once, however often it is asked for', async () => {
  const { cluster, watch } = clusterOf();
  const clusters = new WatchedClusters(async () => cluster);
  expect(await clusters.cluster(profile('dev'))).toBe(cluster);
  expect(await clusters.cluster(profile('dev'))).toBe(cluster);
  expect(watch).toHaveBeenCalledTimes(1);
});

it('watches the client that took the place of another', async () => {
  const [before, after] = [clusterOf(), clusterOf()];
  let current = before;
  const clusters = new WatchedClusters(async () => current.cluster);
  await clusters.cluster(profile('dev'));
  current = after;
  await clusters.cluster(profile('dev'));
  expect(after.watch).toHaveBeenCalledTimes(1);
});

it('tells the news of each cluster to the listener of that moment', async () => {
  const { cluster, tell } = clusterOf();
  const clusters = new WatchedClusters(async () => cluster);
  await clusters.cluster(profile('dev'));
  tell();
  const heard: string[] = [];
  clusters.listen((name) => heard.push(name));
  tell();
  expect(heard).toEqual(['dev']);
});

it('watches nothing where there is no client', async () => {
  const clusters = new WatchedClusters(async () => {
    throw new Error('no such context');
  });
  await expect(clusters.cluster(profile('dev'))).rejects.toThrow('no such context');
});
