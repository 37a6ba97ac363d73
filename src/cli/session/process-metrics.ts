import type { Descriptors, Processes } from '../../platform/processes.ts';
import type { Metric } from './exposition.ts';

/** What is asked of the process; tests bring their own. */
export interface ProcessFacts {
  /** Bytes. */
  residentMemory(): number;
  /** Microseconds of user and system time. */
  cpu(): { readonly user: number; readonly system: number };
  /** Seconds since the epoch. */
  readonly startTime: number;
  /** Null where the system does not tell. */
  descriptors(): Descriptors | null;
}

/** The process that this runs in. */
export function thisProcess(processes: Pick<Processes, 'descriptors'>): ProcessFacts {
  return {
    residentMemory: () => process.memoryUsage.rss(),
    cpu: () => process.cpuUsage(),
    startTime: performance.timeOrigin / 1000,
    descriptors: () => processes.descriptors(),
  };
}

/** The metrics that every Prometheus client has of its process ("Writing client libraries", standard metrics). */
export function processMetrics(facts: ProcessFacts): Metric[] {
  const { user, system } = facts.cpu();
  const descriptors = facts.descriptors();
  const metric = (type: Metric['type'], name: string, help: string, value: number): Metric => ({
    name: `process_${name}`,
    help,
    type,
    samples: [{ labels: {}, value }],
  });
  return [
    metric(
      'counter',
      'cpu_seconds_total',
      'Total user and system CPU time spent in seconds.',
      (user + system) / 1e6,
    ),
    metric('gauge', 'resident_memory_bytes', 'Resident memory size in bytes.', facts.residentMemory()),
    metric(
      'gauge',
      'start_time_seconds',
      'Start time of the process since unix epoch in seconds.',
      facts.startTime,
    ),
    ...(descriptors === null
      ? []
      : [
          metric('gauge', 'open_fds', 'Number of open file descriptors.', descriptors.open),
          metric('gauge', 'max_fds', 'Maximum number of open file descriptors.', descriptors.most),
        ]),
  ];
}
