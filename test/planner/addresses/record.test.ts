import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createEmbeddedApi, type EmbeddedApi } from '../../../src/embedded-api/server.ts';
import { NO_RECORD, readAllocations, writeAllocations } from '../../../src/kubernetes/allocations.ts';
import { ApiClient } from '../../../src/kubernetes/client/http.ts';
import { MissingRights } from '../../../src/kubernetes/rights.ts';
import { type Allocation, MAX_RECORD_BYTES, MAX_REMEMBERED } from '../../../src/model/allocation.ts';
import type { ObservedService } from '../../../src/model/observed.ts';
import { allocate } from '../../../src/planner/addresses/allocate.ts';
import { lineBytes } from '../../../src/planner/addresses/record.ts';
import * as build from '../build.ts';

const POOL = ['10.200.0.0/16'];

function allocated(services: readonly ObservedService[], allocations: readonly Allocation[]) {
  const profile = build.profile({ loadBalancer: build.loadBalancer(POOL) });
  const cluster = build.cluster({ services, allocations: { resourceVersion: '1', allocations } });
  const { services: summaries, record } = allocate(profile, cluster, new Set());
  if (record === null) throw new Error('the record was not read');
  return { summaries, record };
}

const addressAt = (index: number) => `10.200.${index >> 8}.${index & 255}`;

/** Allocations to Services that are gone, the one that is gone longest first: their names sort the other way. */
function remembered(count: number, nameLength = 12): Allocation[] {
  return Array.from({ length: count }, (_, index) => ({
    address: addressAt(index + 1),
    service: `gone/${String(99_999 - index).padStart(nameLength, 'z')}`,
  }));
}

/** Services with the longest names that Kubernetes knows, of the longest namespace. */
function longNamed(count: number): ObservedService[] {
  const namespace = 'n'.repeat(63);
  return Array.from({ length: count }, (_, index) =>
    build.service(String(index).padStart(63, 's'), { namespace, uid: `uid-${index}` }),
  );
}

describe('the record at a full /16', () => {
  let api: EmbeddedApi;
  let client: ApiClient;

  beforeEach(async () => {
    api = await createEmbeddedApi({ address: '127.0.0.1', port: 0, serviceCidrs: ['10.96.0.0/12'] });
    const { ca, clientCert, clientKey, url } = api;
    const tls = { ca, cert: clientCert, key: clientKey, rejectUnauthorized: true };
    client = new ApiClient({ context: 'test', server: new URL(url), tls, headers: {}, deadlineMs: 30_000 });
  });

  afterEach(async () => {
    client.close();
    await api.close();
  });

  it('is written whatever the names: a Service that it has no room for stays pending, and is told why', async () => {
    // All that a /16 gives: neither end of the subnet is handed out.
    const services = longNamed(65_534);
    const { summaries, record } = allocated(services, []);
    const served = summaries.filter(({ state }) => state === 'served');
    const pending = summaries.filter(({ state }) => state === 'pending');
    expect(served.length).toBeGreaterThan(6000);
    expect(served.length + pending.length).toBe(services.length);
    expect(new Set(pending.map(({ reason }) => reason))).toEqual(
      new Set([`the cluster's record of allocations is full: it holds at most ${MAX_RECORD_BYTES} bytes`]),
    );
    expect(record).toHaveLength(served.length);
    await writeAllocations(client, 'test', NO_RECORD, record);
    const again = await readAllocations(client, new MissingRights());
    expect(again?.allocations).toEqual(record);
    // Planned anew, nobody gets or loses an address.
    expect(allocated(services, record).record).toEqual(record);
  });

  it('forgets the oldest of what is remembered before a Service goes without', async () => {
    const services = longNamed(6000);
    const gone = remembered(4000, 60);
    const { summaries, record } = allocated(services, gone);
    expect(summaries.filter(({ state }) => state !== 'served')).toEqual([]);
    expect(lineBytes(record)).toBeLessThanOrEqual(MAX_RECORD_BYTES);
    const kept = record.filter(({ service }) => service.startsWith('gone/'));
    expect(kept.length).toBeGreaterThan(0);
    expect(kept).toEqual(gone.slice(-kept.length));
    await writeAllocations(client, 'test', NO_RECORD, record);
  });
});

describe('what is remembered for Services that are gone', () => {
  it('is bounded, the oldest going first', () => {
    const gone = remembered(MAX_REMEMBERED + 100);
    const { record } = allocated([], gone);
    expect(record).toEqual(gone.slice(100));
  });

  it('stands in the order in which it was found to be gone, before what is held', () => {
    const web = build.service('web', { ingress: ['10.200.9.9'], ingressManager: 'mkplan' });
    const held = { address: '10.200.9.9', service: 'default/web' };
    const later = { address: '10.200.9.8', service: 'default/a-later' };
    const gone = remembered(2);
    expect(allocated([web], [...gone, later, held]).record).toEqual([...gone, later, held]);
    expect(allocated([], [...gone, later, held]).record).toEqual([...gone, later, held]);
  });

  it('is given back, and is then no longer the oldest', () => {
    const [first, second] = remembered(2);
    if (first === undefined || second === undefined) throw new RangeError('two were asked for');
    const [namespace = '', name = ''] = first.service.split('/');
    const back = build.service(name, { namespace });
    expect(allocated([back], [first, second])).toMatchObject({
      summaries: [{ state: 'served', addresses: [first.address] }],
      record: [second, first],
    });
  });
});
