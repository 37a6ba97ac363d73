import { defineConfig } from 'vitest/config';

/**
 * Tiers. `unit` needs nothing of the machine. `kernel` makes network namespaces of its own (as root or by
 * unprivileged user namespaces) and runs the built program in them; `crash` kills it there. `cluster` does so with a
 * real kube-apiserver and kube-proxy, where scripts/testbed.mjs finds them. One after the
 * other: each keeps the machine busy by itself.
 */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/kernel/**', 'test/crash/**', 'test/cluster/**'],
          // A bound for what hangs, not for what a busy machine makes slow.
          testTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'kernel',
          include: ['test/kernel/**/*.test.ts', 'test/crash/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 60_000,
          // Each has a host of its own, and most of them wait for what others do.
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: 'cluster',
          include: ['test/cluster/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          maxWorkers: 1,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
