import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createEmbeddedApi, type EmbeddedApi } from '../../src/embedded-api/server.ts';
import {
  formatAllocations,
  parseAllocations,
  readAllocations,
  writeAllocations,
} from '../../src/kubernetes/allocations.ts';
import { ApiClient } from '../../src/kubernetes/client/http.ts';
import { MissingRights } from '../../src/kubernetes/rights.ts';
import { type AllocationRecord, compareAllocations } from '../../src/model/allocation.ts';
import { addressOf, formatAddress } from '../../src/model/prefix.ts';

const RECORD = '/api/v1/namespaces/kube-system/configmaps/mkplan-allocations';

const allocation = fc.record({
  address: fc
    .tuple(fc.constantFrom(4 as const, 6 as const), fc.bigInt({ min: 1n, max: 0xffff_fffen }))
    .map(([family, value]) => {
      const address = addressOf(family, value);
      if (address === null) throw new Error('no address');
      return formatAddress(address);
    }),
  service: fc
    .tuple(fc.stringMatching(/^[a-z][a-z0-9-]{0,8}$/), fc.stringMatching(/^[a-z][a-z0-9-]{0,8}$/))
    .map((words) => words.join('/')),
});

describe('the record of allocations as text', () => {
  it('comes back as it was written', () => {
    fc.assert(
      fc.property(fc.uniqueArray(allocation, { selector: (one) => one.address }), (allocations) => {
        const sorted = [...allocations].sort(compareAllocations);
        expect(parseAllocations(formatAllocations(sorted))).toEqual(sorted);
      }),
    );
  });

  it('leaves out what is no allocation, and an address that stands there twice', () => {
    const text =
      '10.200.0.1 default/a\nnonsense\n10.200.0.999 default/b\n10.200.0.1 default/c\n10.200.0.2 d\n\n';
    expect(parseAllocations(text)).toEqual([{ address: '10.200.0.1', service: 'default/a' }]);
  });

  it('survives any text', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(Array.isArray(parseAllocations(text))).toBe(true);
      }),
    );
  });
});

function clientAt(url: string, { ca, clientCert, clientKey }: EmbeddedApi): ApiClient {
  return new ApiClient({
    context: 'test',
    server: new URL(url),
    tls: { ca, cert: clientCert, key: clientKey, rejectUnauthorized: true },
    headers: {},
    deadlineMs: 10_000,
  });
}

describe('the record of allocations in a cluster', () => {
  let api: EmbeddedApi;
  let client: ApiClient;

  beforeEach(async () => {
    api = await createEmbeddedApi({ address: '127.0.0.1', port: 0, serviceCidrs: ['10.96.0.0/12'] });
    client = clientAt(api.url, api);
  });

  afterEach(async () => {
    client.close();
    await api.close();
  });

  const A = { address: '10.200.0.1', service: 'default/a' };
  const B = { address: '10.200.0.2', service: 'default/b' };

  it('is empty at first, and then what was written', async () => {
    const empty = await readAllocations(client, new MissingRights());
    expect(empty).toEqual({ resourceVersion: null, allocations: [] });
    if (empty === null) return;
    await writeAllocations(client, 'test', empty, [A]);
    const first = await readAllocations(client, new MissingRights());
    expect(first?.allocations).toEqual([A]);
    if (first === null) return;
    await writeAllocations(client, 'test', first, [A, B]);
    expect((await readAllocations(client, new MissingRights()))?.allocations).toEqual([A, B]);
  });

  /** Makes the record as somebody else left it, and returns what is read of it. */
  async function foundRecord(metadata: object, data: Record<string, string>) {
    const map = { metadata: { name: 'mkplan-allocations', ...metadata }, data };
    const { status } = await client.send({
      verb: 'create',
      resource: 'configmaps',
      path: '/api/v1/namespaces/kube-system/configmaps',
      body: { type: 'application/json', text: JSON.stringify(map) },
    });
    expect(status).toBe(201);
    const record = await readAllocations(client, new MissingRights());
    if (record === null) throw new Error('unreadable');
    return record;
  }

  const storedRecord = async () =>
    (await client.send({ verb: 'get', resource: 'configmaps', path: RECORD })).body;

  const LATER = '# sorted by age\n10.200.0.9 default/z since=2031\n';

  it.each<[string, (record: AllocationRecord) => AllocationRecord]>([
    ['as it was read', (record) => record],
    ['as an observation hands it on', (record) => structuredClone(record)],
  ])('keeps what it does not know when it is written, %s', async (_how, handOn) => {
    const record = await foundRecord(
      { annotations: { 'who/else': 'a' }, labels: { kept: 'yes' } },
      { allocations: `10.200.0.1 default/a\n${LATER}`, ages: '10.200.0.1 7' },
    );
    expect(record.allocations).toEqual([A]);
    await writeAllocations(client, 'test', handOn(record), [A, B]);
    expect(await storedRecord()).toMatchObject({
      metadata: { annotations: { 'who/else': 'a', 'mkplan/format': '1' }, labels: { kept: 'yes' } },
      data: { allocations: `10.200.0.1 default/a\n10.200.0.2 default/b\n${LATER}`, ages: '10.200.0.1 7' },
    });
    const again = await readAllocations(client, new MissingRights());
    expect(again?.allocations).toEqual([A, B]);
  });

  it.each(['2', '1.5', 'later'])('of format %s is read, and never written', async (format) => {
    const record = await foundRecord(
      { annotations: { 'mkplan/format': format } },
      { allocations: '10.200.0.1 default/a\n' },
    );
    expect(record.allocations).toEqual([A]);
    const before = await storedRecord();
    await expect(writeAllocations(client, 'test', record, [A, B])).rejects.toMatchObject({
      diagnostics: [{ code: 'allocations-newer', summary: expect.stringContaining(`format ${format};`) }],
    });
    expect(await storedRecord()).toEqual(before);
  });

  it('is of a known format again after an older mkplan wrote it, which drops what it does not know', async () => {
    const record = await foundRecord({}, { allocations: '10.200.0.1 default/a\n' });
    await writeAllocations(client, 'test', record, [A, B]);
    expect(await storedRecord()).toMatchObject({ metadata: { annotations: { 'mkplan/format': '1' } } });
  });

  it('that changed since an observation of it was made is refused', async () => {
    const record = await foundRecord({}, { allocations: '10.200.0.1 default/a\n' });
    await writeAllocations(client, 'test', record, [A, B]);
    await expect(writeAllocations(client, 'test', structuredClone(record), [A])).rejects.toMatchObject({
      diagnostics: [{ code: 'allocations-changed' }],
    });
  });

  it('is refused to the second of two who saw the same, also when there was none yet', async () => {
    const empty = await readAllocations(client, new MissingRights());
    if (empty === null) throw new Error('unreadable');
    await writeAllocations(client, 'test', empty, [A]);
    await expect(writeAllocations(client, 'test', empty, [B])).rejects.toMatchObject({
      kind: 'stale',
      diagnostics: [{ code: 'allocations-changed' }],
    });
    const seen = await readAllocations(client, new MissingRights());
    if (seen === null) throw new Error('unreadable');
    await writeAllocations(client, 'test', seen, [A, B]);
    await expect(writeAllocations(client, 'test', seen, [B])).rejects.toMatchObject({ kind: 'stale' });
    expect((await readAllocations(client, new MissingRights()))?.allocations).toEqual([A, B]);
  });
});

it('a server at an IPv6 address is believed and asked', async () => {
  const six = await createEmbeddedApi({ address: '::1', port: 0, serviceCidrs: ['10.96.0.0/12'] });
  const client = clientAt(six.url, six);
  try {
    expect(await readAllocations(client, new MissingRights())).not.toBeNull();
    expect(client.answeredAt).toBe('::1');
  } finally {
    client.close();
    await six.close();
  }
});

it('a server whose certificate is for another address is not believed at an IPv6 address', async () => {
  const four = await createEmbeddedApi({ address: '127.0.0.1', port: 0, serviceCidrs: ['10.96.0.0/12'] });
  const relay = createServer((socket) => {
    const onward = connect(Number(new URL(four.url).port), '127.0.0.1');
    // Either side may be cut off, which is how it ends here.
    for (const end of [socket, onward]) end.on('error', () => undefined);
    socket.pipe(onward).pipe(socket);
  });
  await once(relay.listen(0, '::1'), 'listening');
  const client = clientAt(`https://[::1]:${(relay.address() as AddressInfo).port}`, four);
  try {
    await expect(readAllocations(client, new MissingRights())).rejects.toThrow('does not match certificate');
    expect(client.answeredAt).toBeNull();
  } finally {
    client.close();
    relay.close();
    await four.close();
  }
});
