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
import { compareAllocations } from '../../src/model/allocation.ts';
import { addressOf, formatAddress } from '../../src/model/prefix.ts';

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
