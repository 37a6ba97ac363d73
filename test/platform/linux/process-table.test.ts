import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import {
  LinuxProcesses,
  parseStartTime,
  processStartTime,
} from '../../../src/platform/linux/process-table.ts';

const stat = (name: string, state = 'S') =>
  `42 (${name}) ${state} 1 42 42 0 -1 4194560 100 0 0 0 1 2 0 0 20 0 1 0 987654 1000 10 18446744073709551615`;

test.each(['node', 'tmux: server', 'a) b', ') S 1 2 (', '((x))'])(
  'the name %j does not shift the fields',
  (name) => {
    expect(parseStartTime(stat(name))).toBe('987654');
  },
);

test('a zombie has ended, and rubbish has no start', () => {
  expect(parseStartTime(stat('node', 'Z'))).toBeNull();
  expect(parseStartTime('')).toBeNull();
  expect(parseStartTime('42 (node)')).toBeNull();
});

test.skipIf(process.platform !== 'linux')('a process is alive under its own start time alone', async () => {
  const processes = new LinuxProcesses();
  const self = await processes.self();
  expect(self.pid).toBe(process.pid);
  expect(await processes.isAlive(self.pid, self.startTime)).toBe(true);
  expect(await processes.isAlive(self.pid, `${self.startTime}0`)).toBe(false);
});

test.skipIf(process.platform !== 'linux')('a process that has ended has no start time', async () => {
  const child = spawn('true');
  await once(child, 'exit');
  expect(await processStartTime(child.pid ?? 0)).toBeNull();
  expect(await processStartTime(0)).toBeNull();
  expect(await processStartTime(-1)).toBeNull();
});
