import { readdirSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { messageOf } from '../../model/diagnostic.ts';
import type { Descriptors, Processes, ProcessIdentity } from '../processes.ts';
import { procUnreadable } from './proc.ts';

/**
 * The start time in a line of /proc/PID/stat (proc_pid_stat(5), field 22, clock ticks since boot); null when the
 * process has ended (zombie or dead) or the line is none.
 */
export function parseStartTime(stat: string): string | null {
  // Field 2 is the program's name in parentheses and may itself hold spaces and parentheses: count from the last one.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state] = fields;
  const startTime = fields[22 - 3];
  if (state === 'Z' || state === 'X' || startTime === undefined || !/^\d+$/.test(startTime)) return null;
  return startTime;
}

/** When the process started; null where there is none with this pid, or it has ended. */
export async function processStartTime(pid: number): Promise<string | null> {
  const stat = await readAbout(pid, 'stat');
  return stat === null ? null : parseStartTime(stat);
}

/** What /proc says about a process; null where there is none with this pid. */
async function readAbout(pid: number, what: 'stat' | 'comm'): Promise<string | null> {
  if (!Number.isSafeInteger(pid) || pid < 1) return null;
  try {
    return await readFile(`/proc/${pid}/${what}`, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // ESRCH: it ended between open and read.
    if (code === 'ENOENT' || code === 'ESRCH') return null;
    throw error;
  }
}

/** Processes as /proc shows them. */
export class LinuxProcesses implements Processes {
  async self(): Promise<ProcessIdentity> {
    const startTime = await processStartTime(process.pid).catch((error: unknown) => {
      throw procUnreadable('/proc/self/stat', messageOf(error));
    });
    if (startTime === null) throw procUnreadable('/proc/self/stat', 'this process is not in it');
    return { pid: process.pid, startTime };
  }

  async isAlive(pid: number, startTime: string): Promise<boolean> {
    return (await processStartTime(pid)) === startTime;
  }

  async nameOf(pid: number): Promise<string | null> {
    // A zombie still has a name.
    if ((await processStartTime(pid)) === null) return null;
    const name = await readAbout(pid, 'comm');
    return name === null ? null : name.replace(/\n$/, '');
  }

  /** By proc_pid_fd(5) and proc_pid_limits(5). */
  descriptors(): Descriptors | null {
    try {
      const limits = readFileSync('/proc/self/limits', 'utf8');
      const [, most] = /^Max open files +(\d+|unlimited)/m.exec(limits) ?? [];
      if (most === undefined) return null;
      // The directory that is read is open meanwhile.
      const open = readdirSync('/proc/self/fd').length - 1;
      return { open, most: most === 'unlimited' ? Number.POSITIVE_INFINITY : Number(most) };
    } catch {
      // No such directory, or no descriptor left to read it by: what is not known is left out.
      return null;
    }
  }
}
