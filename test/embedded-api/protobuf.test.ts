import { request } from 'node:https';
import { BinaryWriter } from '@bufbuild/protobuf/wire';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { arrayAt, type JsonObject, valueAt } from '../../src/embedded-api/objects/json.ts';
import { decodeProtobuf, PROTOBUF } from '../../src/embedded-api/protobuf/decode.ts';
import { type Access, type Reply, startApi } from './client.ts';

const text = (writer: BinaryWriter, field: number, value: string) =>
  writer.uint32(field * 8 + 2).string(value);
const number = (writer: BinaryWriter, field: number, value: number) => writer.uint32(field * 8).int64(value);
const within = (writer: BinaryWriter, field: number, inner: BinaryWriter) =>
  writer.uint32(field * 8 + 2).bytes(inner.finish());
const made = (make: (writer: BinaryWriter) => unknown): BinaryWriter => {
  const writer = new BinaryWriter();
  make(writer);
  return writer;
};

/** A body as client-go sends it: magic, runtime.Unknown, and in that the object. */
function body(apiVersion: string, kind: string, object: (writer: BinaryWriter) => unknown): Buffer {
  const type = made((writer) => text(text(writer, 1, apiVersion), 2, kind));
  const unknown = made((writer) => within(within(writer, 1, type), 2, made(object)));
  return Buffer.concat([Buffer.from('k8s\0', 'latin1'), unknown.finish()]);
}

const named = (name: string) => made((writer) => text(text(writer, 1, name), 2, ''));

/** What `kubectl create configmap c --from-literal=a=b` of v1.34.4 sent. */
const FROM_KUBECTL = 'azhzAAoPCgJ2MRIJQ29uZmlnTWFwEhsKEQoBYxIAGgAiACoAMgA4AEIAEgYKAWESAWIaACIA';

describe('an object in protobuf', () => {
  it('is read as kubectl sends it, without what Go leaves out of JSON', () => {
    expect(decodeProtobuf(Buffer.from(FROM_KUBECTL, 'base64'))).toEqual({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'c' },
      data: { a: 'b' },
    });
  });

  it('has numbers, names, maps, lists and times where JSON has them', () => {
    const port = (name: string, target: (writer: BinaryWriter) => unknown) =>
      made((writer) => within(number(text(writer, 1, name), 3, 80), 4, made(target)));
    const spec = made((writer) => {
      within(
        writer,
        1,
        port('a', (inner) => number(number(inner, 1, 0), 2, 8080)),
      );
      within(
        writer,
        1,
        port('b', (inner) => text(number(inner, 1, 1), 3, 'http')),
      );
      within(
        writer,
        2,
        made((inner) => text(text(inner, 1, 'app'), 2, 'web')),
      );
      number(text(writer, 4, 'LoadBalancer'), 20, 0);
    });
    const object = decodeProtobuf(
      body('v1', 'Service', (writer) => within(within(writer, 1, named('web')), 2, spec)),
    );
    expect(object['spec']).toEqual({
      ports: [
        { name: 'a', port: 80, targetPort: 8080 },
        { name: 'b', port: 80, targetPort: 'http' },
      ],
      selector: { app: 'web' },
      type: 'LoadBalancer',
      allocateLoadBalancerNodePorts: false,
    });
    const renewed = made((writer) =>
      within(
        writer,
        4,
        made((inner) => number(number(inner, 1, 1), 2, 5000)),
      ),
    );
    const lease = decodeProtobuf(
      body('coordination.k8s.io/v1', 'Lease', (writer) => within(writer, 2, renewed)),
    );
    expect(lease['spec']).toEqual({ renewTime: '1970-01-01T00:00:01.000005Z' });
  });

  it('tells false from nothing where the API does: a condition of an endpoint', () => {
    const conditions = made((writer) => number(writer, 1, 0));
    const endpoint = made((writer) => within(text(writer, 1, '10.244.0.7'), 2, conditions));
    const slice = decodeProtobuf(
      body('discovery.k8s.io/v1', 'EndpointSlice', (writer) => within(writer, 2, endpoint)),
    );
    expect(valueAt(arrayAt(slice, 'endpoints')[0], 'conditions')).toEqual({ ready: false });
  });

  it('may have fields that a newer client knows', () => {
    const object = decodeProtobuf(
      body('v1', 'ConfigMap', (writer) => text(within(writer, 1, named('x')), 99, 'new')),
    );
    expect(object).toEqual({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'x' } });
  });

  it.each([
    ['nothing', Buffer.alloc(0)],
    ['JSON', Buffer.from('{}')],
    ['a length past its end', Buffer.from('k8s\0\u000a\u00ff', 'latin1')],
    [
      'a name that is a number',
      body('v1', 'ConfigMap', (writer) =>
        within(
          writer,
          1,
          made((inner) => number(inner, 1, 7)),
        ),
      ),
    ],
    ['a kind that is not taken so', body('v1', 'Node', () => undefined)],
    ['a kind named as a property of every object', body('', 'constructor', () => undefined)],
  ])('is refused where it is %s', (_, bytes) => {
    expect(() => decodeProtobuf(bytes)).toThrow();
  });

  it('is read or refused, whatever the bytes, and at once', () => {
    const start = Buffer.from(FROM_KUBECTL, 'base64');
    const change = fc.record({ at: fc.nat(start.length - 1), byte: fc.nat(255) });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 4 }), fc.nat(start.length), (changes, length) => {
        const bytes = Buffer.from(start.subarray(0, length));
        for (const { at, byte } of changes) if (at < length) bytes[at] = byte;
        try {
          expect(typeof decodeProtobuf(bytes)).toBe('object');
        } catch (error) {
          expect(error).toBeInstanceOf(Error);
        }
      }),
    );
  });
});

describe('a client that sends protobuf', () => {
  let api: Awaited<ReturnType<typeof startApi>>;

  beforeAll(async () => {
    api = await startApi();
  });

  afterAll(async () => {
    api.client.close();
    await api.api.close();
  });

  const send = (
    method: string,
    path: string,
    bytes: Buffer,
    headers: Record<string, string>,
  ): Promise<Reply> => {
    const { url, ca, clientCert: cert, clientKey: key }: Access = api.api;
    return new Promise((resolve, reject) => {
      const sent = request(
        `${url}${path}`,
        { method, ca, cert, key, headers: { ...headers, 'Content-Length': bytes.length }, agent: false },
        (response) => {
          let answer = '';
          response.setEncoding('utf8').on('data', (chunk: string) => {
            answer += chunk;
          });
          response.on('end', () =>
            resolve({ code: response.statusCode ?? 0, body: JSON.parse(answer) as JsonObject }),
          );
        },
      );
      sent.on('error', reject);
      sent.end(bytes);
    });
  };
  const TYPE = { 'Content-Type': PROTOBUF };
  const MAPS = '/api/v1/namespaces/default/configmaps';

  it('makes an object, gets it as JSON, and deletes it with options', async () => {
    const accept = { Accept: `${PROTOBUF},application/json` };
    const posted = await send('POST', MAPS, Buffer.from(FROM_KUBECTL, 'base64'), { ...TYPE, ...accept });
    expect([posted.code, valueAt(posted.body, 'data')]).toEqual([201, { a: 'b' }]);
    const other = made((writer) =>
      within(
        writer,
        2,
        made((inner) => text(inner, 1, 'another')),
      ),
    );
    const options = (inner?: BinaryWriter) =>
      body('v1', 'DeleteOptions', (writer) => inner !== undefined && writer.raw(inner.finish()));
    expect((await send('DELETE', `${MAPS}/c`, options(other), TYPE)).code).toBe(409);
    expect((await send('DELETE', `${MAPS}/c`, options(), TYPE)).code).toBe(200);
  });

  it.each([
    ['400 for what is broken', 'POST', Buffer.from('k8s\0\u0001', 'latin1'), TYPE, 400],
    ['415 for a kind that is not taken so', 'POST', body('v1', 'Node', () => undefined), TYPE, 415],
    ['415 for a patch', 'PATCH', Buffer.from(FROM_KUBECTL, 'base64'), TYPE, 415],
    ['406 where it takes nothing else', 'GET', Buffer.alloc(0), { Accept: PROTOBUF }, 406],
  ])('is answered %s', async (_, method, bytes, headers, code) => {
    const path = method === 'POST' ? MAPS : `${MAPS}/c`;
    expect((await send(method, path, bytes, headers)).code).toBe(code);
  });
});
