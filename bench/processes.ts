import { readFile } from 'node:fs/promises';

/** What /proc says of programs that live on, and of what they started. */

/** Clock ticks a second, as proc(5) counts them (USER_HZ: 100 on every architecture that Node runs on). */
const TICKS = 100;

/** Resident memory of a process in MiB (proc_pid_status(5), VmRSS). */
export async function residentMib(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024;
}

/** Processor time of a process and of its children that have ended, in milliseconds (proc_pid_stat(5), fields 14 to 17). */
export async function spentMs(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  const ticks = fieldsOf(stat)
    .slice(14 - 3, 17 - 3 + 1)
    .reduce((sum, field) => sum + Number(field), 0);
  return (ticks * 1000) / TICKS;
}

/** Fields of a line of /proc/PID/stat from the third on: the second may hold spaces and parentheses itself. */
function fieldsOf(stat: string): string[] {
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}
