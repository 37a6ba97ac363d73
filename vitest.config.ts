import { statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { defineConfig } from 'vitest/config';

/** Bytes of memory that the files of all tests fit into. */
const SCRATCH_BYTES = 2 ** 30;

/**
 * Where tests put their files. What they test syncs to a disk all the time, which says nothing about the code and takes
 * most of the time: memory is used where there is room, as in most containers and on every Linux desktop.
 */
function scratch(): string {
  try {
    const { bavail, bsize } = statfsSync('/dev/shm');
    return bavail * bsize > SCRATCH_BYTES ? '/dev/shm' : tmpdir();
  } catch {
    // Not on Linux, or without a /dev: the ordinary place serves as well, slower.
    return tmpdir();
  }
}

const env = { TMPDIR: scratch() };

/** What takes longest of the unit and the kernel tier: it kills, waits, or runs hundreds of rounds. */
const LONG = [
  'test/crash/**/*.test.ts',
  'test/faults/{odd-answers,odd-writes,rates}.test.ts',
  'test/kernel/{aside,beside,confirm,disk-full,endings,fights,forwarding,helper,installations,leaving,moves,nodes,output,registry,side-by-side,status,sudo,suspension}.test.ts',
  'test/machine/{faults,histories}.test.ts',
];

/**
 * Tiers. `unit` needs nothing of the machine. `kernel` makes network namespaces of its own (as root or by
 * unprivileged user namespaces) and runs the built program in them; `long` does the same at more length. `npm test` runs
 * the first two, `npm run test:rest` the others: `cluster` does so with a real kube-apiserver and kube-proxy, where
 * scripts/testbed.mjs finds them; `package` packs a fresh clone and runs what it installs. One after the other: each
 * keeps the machine busy by itself.
 */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          env,
          include: ['test/**/*.test.ts'],
          exclude: ['test/kernel/**', 'test/cluster/**', 'test/package/**', ...LONG],
          // A bound for what hangs, not for what a busy machine makes slow.
          testTimeout: 60_000,
          // Loading the same modules for each of 160 files takes longer than what they test.
          isolate: false,
        },
      },
      {
        test: {
          name: 'kernel',
          env,
          include: ['test/kernel/**/*.test.ts'],
          exclude: LONG,
          testTimeout: 120_000,
          hookTimeout: 60_000,
          // Each has a host of its own, and most of them wait for what others do.
          maxWorkers: 3,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: 'long',
          env,
          include: LONG,
          testTimeout: 120_000,
          hookTimeout: 60_000,
          // Many wait for a deadline, a guard or a Lease most of the time.
          maxWorkers: 4,
          sequence: { groupOrder: 2 },
        },
      },
      {
        test: {
          name: 'cluster',
          env,
          include: ['test/cluster/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          maxWorkers: 2,
          sequence: { groupOrder: 3 },
        },
      },
      {
        test: {
          name: 'package',
          include: ['test/package/**/*.test.ts'],
          testTimeout: 60_000,
          maxWorkers: 1,
          sequence: { groupOrder: 4 },
        },
      },
    ],
  },
});
