import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Failure } from '../../src/model/diagnostic.ts';
import type { ObservedState } from '../../src/model/observed.ts';
import { NO_POLICY } from '../../src/model/policy.ts';
import { parsePrefix } from '../../src/model/prefix.ts';
import { encodeRoute, type Route } from '../../src/model/route.ts';
import { ALL_CAPABILITIES } from '../../src/model/system.ts';
import { decodeObserved, encodeObserved, printObserved } from '../../src/observe/document.ts';
import { observedState } from './arbitrary.ts';

const print = (state: ObservedState) => printObserved(encodeObserved(state));

function prefix(text: string) {
  const parsed = parsePrefix(text);
  if (parsed === null) throw new Error(`not a prefix: ${text}`);
  return parsed;
}

const route = (destination: string, changes: Partial<Route> = {}): Route => ({
  type: 'unicast',
  destination: prefix(destination),
  tos: 0,
  table: 254,
  metric: 0,
  gateway: null,
  device: null,
  protocol: 0,
  nextHops: [],
  ...changes,
});

const empty: ObservedState = {
  host: {
    platform: 'linux',
    capabilities: ALL_CAPABILITIES,
    bootId: '',
    networkNamespace: '',
    rules: [],
    routes: [],
    links: [],
    addresses: [],
    answers: [],
    critical: [],
    minikubeTunnels: [],
    problems: [],
    policy: NO_POLICY,
  },
  registry: { claims: [], open: null },
  profiles: [],
};

const header = 'apiVersion: mkplan/v1alpha1\nkind: Observation\n';

function diagnosticOf(text: string) {
  try {
    decodeObserved(text, 'observed.yaml');
  } catch (error) {
    if (error instanceof Failure) return error.diagnostics[0];
    throw error;
  }
  throw new Error('it was accepted');
}

describe('printObserved and decodeObserved', () => {
  // Wide texts are slow to write as YAML: a loaded machine takes its time.
  it('give back every state', { timeout: 60_000 }, () => {
    fc.assert(
      fc.property(observedState, (state) => {
        expect(decodeObserved(print(state), 'observed.yaml')).toEqual(state);
      }),
      { numRuns: 150 },
    );
  });

  it('give the same text for what was read', () => {
    fc.assert(
      fc.property(observedState, (state) => {
        const text = print(state);
        expect(print(decodeObserved(text, 'observed.yaml'))).toBe(text);
      }),
      { numRuns: 50 },
    );
  });

  it('read the JSON form as well', () => {
    fc.assert(
      fc.property(observedState, (state) => {
        expect(decodeObserved(JSON.stringify(encodeObserved(state)), 'observed.json')).toEqual(state);
      }),
      { numRuns: 50 },
    );
  });
});

describe('printObserved', () => {
  it('leaves out what is empty or usual', () => {
    expect(print(empty)).toBe(`${header}host:\n  platform: linux\n`);
  });

  it('writes a route a line, however long, as encodeRoute has it', () => {
    const long = route('10.0.0.0/8', {
      gateway: '192.168.39.2',
      device: 'a-device-with-a-rather-long-name-indeed',
      metric: 4_294_967_295,
      protocol: 109,
      nextHops: [{ gateway: '192.168.39.3', device: 'another-device', weight: 1 }],
    });
    const state = { ...empty, host: { ...empty.host, routes: [route('0.0.0.0/0'), long] } };
    expect(encodeObserved(state)['host']).toMatchObject({
      routes: [encodeRoute(route('0.0.0.0/0')), encodeRoute(long)],
    });
    const lines = print(state).split('\n');
    expect(lines.filter((line) => line.includes('destination:'))).toHaveLength(2);
    expect(lines).toContain('    - { destination: 0.0.0.0/0 }');
  });

  it('writes addresses with the length of their network, and the network where they are not in it', () => {
    const addresses = [
      { address: '192.168.39.1', network: prefix('192.168.39.0/24'), device: 'virbr0' },
      { address: '10.8.0.6', network: prefix('10.8.0.5/32'), device: 'tun0' },
    ];
    const text = print({ ...empty, host: { ...empty.host, addresses } });
    expect(text).toContain('- { address: 192.168.39.1/24, device: virbr0 }');
    expect(text).toContain('- { address: 10.8.0.6, device: tun0, network: 10.8.0.5/32 }');
  });
});

describe('decodeObserved', () => {
  it.each([
    ['nothing', '', 1, 1],
    ['a list', '- a\n', 1, 1],
    ['no YAML', `${header}host: [\n`, 4, 1],
    ['two documents', `${header}host: { platform: linux }\n---\nkind: Observation\n`, 4, 1],
    ['another kind', 'apiVersion: mkplan/v1alpha1\nkind: Tunnel\n', 2, 7],
    ['no kind', 'apiVersion: mkplan/v1alpha1\n', 1, 1],
    ['no host', header, 1, 1],
    ['an unknown key', `${header}host:\n  platform: linux\n  colour: red\n`, 5, 11],
    ['a duplicate key', `${header}host:\n  platform: linux\n  platform: linux\n`, 5, 3],
    ['an unknown platform', `${header}host: { platform: plan9 }\n`, 3, 19],
    ['an empty value', `${header}host:\n  platform:\n`, 4, 12],
    ['host bits', `${header}host: { platform: linux, routes: [{ destination: 10.97.0.0/12 }] }\n`, 3, 50],
    ['a gateway that is none', `${header}host: { platform: linux, answers: [{ address: nobody }] }\n`, 3, 47],
    [
      'a negative metric',
      `${header}host: { platform: linux, rules: [{ family: 4, priority: -1 }] }\n`,
      3,
      57,
    ],
    [
      'an address with no length',
      `${header}host: { platform: linux, addresses: [{ address: 10.0.0.1, device: a }] }\n`,
      3,
      38,
    ],
    [
      'an address with too long a length',
      `${header}host: { platform: linux, addresses: [{ address: 10.0.0.1/33, device: a }] }\n`,
      3,
      38,
    ],
    ['an alias', `${header}host: &h { platform: linux }\nprofiles: *h\n`, 4, 11],
    ['a key that is no text', `${header}host: { 1: a }\n`, 3, 9],
  ])('refuses %s, and says where', (_, text, line, column) => {
    expect(diagnosticOf(text)).toMatchObject({
      code: 'observation-malformed',
      at: { file: 'observed.yaml', line, column },
    });
  });

  it.each([['mkplan/v2'], ['1'], ['null']])('refuses version %s as another version', (version) => {
    expect(diagnosticOf(`kind: Observation\napiVersion: ${version}\n`)).toMatchObject({
      code: 'observation-version',
      at: { line: 2, column: 13 },
    });
  });

  it('refuses what is nested without end', () => {
    expect(diagnosticOf(`${header}host: ${'['.repeat(200_000)}`)?.code).toBe('observation-malformed');
  });

  it('makes addresses canonical', () => {
    const text = `${header}host: { platform: linux, answers: [{ address: "FD00:0::1" }] }\n`;
    expect(decodeObserved(text, 'observed.yaml').host.answers[0]?.address).toBe('fd00::1');
  });
});
