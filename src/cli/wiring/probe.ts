import { connect } from 'node:net';
import { type Endpoint, endpointKey } from '../../planner/status/report.ts';

/** Milliseconds that a TCP connect may take: a node on this host answers in one or two. */
const DEADLINE_MS = 1000;

/** Connects under way at a time. */
const IN_FLIGHT = 32;

/** Whether each endpoint takes a TCP connection. It is closed again at once; nothing is sent. */
export async function probeAll(
  endpoints: readonly Endpoint[],
  deadlineMs = DEADLINE_MS,
): Promise<ReadonlyMap<string, boolean>> {
  const answers = new Map<string, boolean>();
  const queue = endpoints.values();
  const worker = async () => {
    for (const endpoint of queue) answers.set(endpointKey(endpoint), await probe(endpoint, deadlineMs));
  };
  await Promise.all(Array.from({ length: Math.min(IN_FLIGHT, endpoints.length) }, worker));
  return answers;
}

function probe({ address, port }: Endpoint, deadlineMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: address, port });
    const settle = (answered: boolean) => {
      socket.destroy();
      resolve(answered);
    };
    socket.setTimeout(deadlineMs, () => settle(false));
    socket.once('connect', () => settle(true));
    socket.once('error', () => settle(false));
  });
}
