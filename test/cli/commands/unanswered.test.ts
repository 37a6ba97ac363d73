import { describe, expect, it } from 'vitest';
import { unanswered } from '../../../src/cli/commands/status/doubts.ts';
import type { ServiceStatus } from '../../../src/cli/views/status-report.ts';
import { endpointKey } from '../../../src/cli/wiring/probe.ts';

const ADDRESS = '10.200.0.1';
const WEB: ServiceStatus = {
  profile: 'dev',
  namespace: 'default',
  name: 'web',
  state: 'served',
  addresses: [ADDRESS],
  routed: true,
  node: null,
  endpoints: 1,
  ports: [80, 443],
  reason: '',
};
const EMPTY = 'default/web has no ready endpoints, so connections to it fail';
const SILENT = `default/web does not answer at ${ADDRESS}: no TCP port of it takes a connection`;

describe('a routed Service', () => {
  it.each([
    ['answers', {}, [true, true], []],
    ['answers at one of its ports', {}, [false, true], []],
    ['has no ready endpoints', { endpoints: 0 }, [false, false], [EMPTY]],
    ['answers at no port', {}, [false, false], [SILENT]],
    ['answers at no port and its endpoints are unknown', { endpoints: null }, [false, false], [SILENT]],
    ['has UDP ports alone', { ports: [] }, [], []],
    ['has no route', { routed: false, endpoints: 0 }, [], []],
  ])('that %s is told of if it serves nobody', (_, changes, answered, told) => {
    const answers = new Map(
      answered.map((answer, index) => [
        endpointKey({ address: ADDRESS, port: [80, 443][index] ?? 0 }),
        answer,
      ]),
    );
    expect(unanswered([{ ...WEB, ...changes }], answers)).toEqual(told);
  });
});
