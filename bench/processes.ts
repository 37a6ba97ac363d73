import { readdir, readFile } from 'node:fs/promises';

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

/** How many descriptors a process has open. */
export async function openDescriptors(pid: number): Promise<number> {
  return (await readdir(`/proc/${pid}/fd`)).length;
}

/** How many children of a process live (proc_pid_stat(5), field 4, of each process). */
export async function livingChildren(pid: number): Promise<number> {
  const listed = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  // One that has ended meanwhile is nobody's child.
  const stats = await Promise.all(
    listed.map((name) => readFile(`/proc/${name}/stat`, 'utf8').catch(() => '')),
  );
  return stats.filter((stat) => Number(fieldsOf(stat)[4 - 3]) === pid).length;
}

/** Fields of a line of /proc/PID/stat from the third on: the second may hold spaces and parentheses itself. */
function fieldsOf(stat: string): string[] {
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}
