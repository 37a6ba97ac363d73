import { type AddressInfo, createServer, type Server } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { probeAll } from '../../../src/cli/wiring/probe.ts';
import { endpointKey } from '../../../src/planner/status/report.ts';

let server: Server;
let port: number;
beforeEach(async () => {
  server = createServer((socket) => socket.end());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  port = (server.address() as AddressInfo).port;
});
afterEach(async () => {
  await new Promise((resolve) => server.close(resolve));
});

describe('probeAll', () => {
  it('tells what takes a connection from what does not', async () => {
    const open = { address: '127.0.0.1', port };
    // Nothing listens there: the server is bound to one address of loopback alone.
    const closed = { address: '127.0.0.2', port };
    const answers = await probeAll([open, closed]);
    expect(answers).toEqual(
      new Map([
        [endpointKey(open), true],
        [endpointKey(closed), false],
      ]),
    );
  });

  it('asks more endpoints than it keeps open at a time', async () => {
    const endpoints = Array.from({ length: 100 }, (_, index) => ({ address: `127.0.1.${index + 1}`, port }));
    const answers = await probeAll([...endpoints, { address: '127.0.0.1', port }]);
    expect(answers.size).toBe(101);
    expect([...answers.values()].filter((answered) => answered)).toHaveLength(1);
  });

  it('has no answers where nothing is asked', async () => {
    expect(await probeAll([])).toEqual(new Map());
  });
});
