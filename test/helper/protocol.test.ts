import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  decodeRequest,
  decodeResponse,
  encodeRequest,
  encodeResponse,
  MAX_CHANGES,
  MAX_LINE_BYTES,
  ProtocolError,
  type Request,
  type Response,
} from '../../src/helper/protocol.ts';
import { encodeRoute } from '../../src/model/route.ts';
import { add, guard, ours, remove } from './routes.ts';

const change = { op: 'add', route: encodeRoute(ours()) };
const request = { type: 'change', seq: 7, changes: [change] };

describe('requests', () => {
  test.each<Request>([
    { type: 'hello', version: 1 },
    { type: 'change', seq: 0, changes: [] },
    { type: 'change', seq: 7, changes: [add(ours()), remove(guard('fd00:200::/120'))] },
    {
      type: 'change',
      seq: 8,
      changes: [add({ ...ours(), nextHops: [{ gateway: null, device: 'tun0', weight: 1 }] })],
    },
  ])('arrive as they were sent', (sent) => {
    const line = encodeRequest(sent);
    expect(line.indexOf('\n')).toBe(line.length - 1);
    expect(decodeRequest(line.trimEnd())).toEqual(sent);
  });

  test('a full request fits in a line', () => {
    const route = ours({
      destination: 'fd00:1111:2222:3333:4444:5555:6666:7777/128',
      gateway: 'fd39:1111:2222:3333:4444:5555:6666:7777',
      device: 'abcdefghijklmno',
      metric: 4_000_000_000,
    });
    const changes = new Array(MAX_CHANGES).fill(remove(route));
    expect(encodeRequest({ type: 'change', seq: 2 ** 40, changes }).length).toBeLessThan(MAX_LINE_BYTES / 2);
  });

  const bad: readonly [string, unknown][] = [
    ['no object', 5],
    ['null', null],
    ['a list', [request]],
    ['no type', { seq: 1, changes: [] }],
    ['an unknown type', { ...request, type: 'flush' }],
    ['an unknown key', { ...request, force: true }],
    ['a key of the prototype', JSON.parse('{"type":"hello","version":1,"__proto__":{}}')],
    ['a greeting without version', { type: 'hello' }],
    ['no number', { ...request, seq: undefined }],
    ['a number as text', { ...request, seq: '7' }],
    ['a negative number', { ...request, seq: -1 }],
    ['a fraction', { ...request, seq: 1.5 }],
    ['no changes', { ...request, changes: undefined }],
    ['changes that are no list', { ...request, changes: change }],
    ['too many changes', { ...request, changes: new Array(MAX_CHANGES + 1).fill(change) }],
    ['a change that is no object', { ...request, changes: [null] }],
    ['an unknown operation', { ...request, changes: [{ ...change, op: 'replace' }] }],
    ['no operation', { ...request, changes: [{ route: change.route }] }],
    ['an unknown key in a change', { ...request, changes: [{ ...change, table: 254 }] }],
    ['no route', { ...request, changes: [{ op: 'add' }] }],
    ...(
      [
        ['an unknown key', { mtu: 1400 }],
        ['no destination', { destination: undefined }],
        ['host bits', { destination: '10.96.0.1/12' }],
        ['a destination by name', { destination: 'default' }],
        ['a destination that is no text', { destination: 10 }],
        ['an unknown type', { type: 'nat' }],
        ['a metric as text', { metric: '109' }],
        ['a negative metric', { metric: -1 }],
        ['a gateway that is no text', { gateway: 10 }],
        ['a device that is no text', { device: ['eth0'] }],
        ['next hops that are no list', { nextHops: {} }],
        [
          'a next hop with an unknown key',
          { nextHops: [{ gateway: null, device: null, weight: 1, encap: 'mpls' }] },
        ],
      ] as const
    ).map(([what, with_]): [string, unknown] => [
      `a route with ${what}`,
      { ...request, changes: [{ ...change, route: { ...change.route, ...with_ } }] },
    ]),
  ];
  test.each(bad)('%s is not understood', (_, value) => {
    expect(() => decodeRequest(JSON.stringify(value))).toThrow(ProtocolError);
  });

  test('what is wrong inside a request carries its number', () => {
    const line = JSON.stringify({ ...request, changes: [{ ...change, op: 'replace' }] });
    expect(() => decodeRequest(line)).toThrow(expect.objectContaining({ seq: 7 }));
  });

  test('no text makes the reader fail otherwise than by a ProtocolError', () => {
    const nearly = fc
      .json()
      .map((json) => `{"type":"change","seq":1,"changes":[{"op":"add","route":${json}}]}`);
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json(), nearly), (line) => {
        try {
          decodeRequest(line);
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolError);
        }
      }),
    );
  });
});

describe('responses', () => {
  test.each<Response>([
    { type: 'hello', version: 1 },
    { type: 'answer', seq: 3, refused: [{ index: 4, message: 'RTNETLINK answers: File exists' }] },
    { type: 'error', seq: null, code: 'lock-held', message: 'another helper still holds the lock' },
    { type: 'error', seq: 3, code: 'not-understood', message: 'not JSON' },
  ])('arrive as they were sent', (sent) => {
    expect(decodeResponse(encodeResponse(sent).trimEnd())).toEqual(sent);
  });

  test.each(['', '{}', '{"type":"answer","seq":1}', '{"type":"answer","refused":[]}', 'Password:'])(
    '%j is none',
    (line) => {
      expect(() => decodeResponse(line)).toThrow(ProtocolError);
    },
  );
});
