import { createServer } from 'node:net';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ListCall } from '../../../src/kubernetes/client/calls.ts';
import { ApiClient, type ApiOptions } from '../../../src/kubernetes/client/http.ts';
import { CALLS_AT_ONCE } from '../../../src/kubernetes/cluster.ts';
import { Failure } from '../../../src/model/diagnostic.ts';
import {
  type ApiServer,
  answerJson,
  type Certificates,
  listOf,
  makeCertificates,
  startApiServer,
  urlOf,
} from '../api-server.ts';

let certificates: Certificates;
let others: Certificates;
let server: ApiServer;
let client: ApiClient;

function clientOf(changes: Partial<ApiOptions> = {}): ApiClient {
  return new ApiClient({
    context: 'dev',
    server: new URL(urlOf(server)),
    tls: { ca: certificates.ca, rejectUnauthorized: true },
    headers: { Authorization: 'Bearer secret-token' },
    deadlineMs: 5000,
    ...changes,
  });
}

async function failureOf(promise: Promise<unknown>): Promise<Failure> {
  const error = await promise.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof Failure)) throw new Error(`expected a Failure, got ${String(error)}`);
  return error;
}

const services = {
  resource: 'services',
  path: '/api/v1/services',
  type: { apiVersion: 'v1', kind: 'Service', namespace: '*' },
};

const version = { resource: 'version', path: '/version' };

function item(id: number | string): object {
  return { metadata: { namespace: 'default', name: String(id) } };
}

/** A list of Services with these names. */
function page(ids: readonly (number | string)[], metadata: object = {}): object {
  return listOf('v1', 'Service', ids.map(item), metadata);
}

/** The names in a list; null where it is absent. */
async function list(from: ApiClient, call: ListCall = services): Promise<readonly string[] | null> {
  const take = ({ metadata }: { readonly metadata: { readonly name: string } }) => metadata.name;
  return (await from.collect(call, take))?.values ?? null;
}

beforeAll(async () => {
  [certificates, others] = await Promise.all([makeCertificates(), makeCertificates()]);
});

beforeEach(async () => {
  server = await startApiServer(certificates);
  client = clientOf();
});

afterEach(async () => {
  client.close();
  await server.close();
});

describe('ApiClient', () => {
  it('reads a list to its end, page by page, over one connection', async () => {
    server.handle(({ query }, response) => {
      const at = Number(query.get('continue') ?? '0');
      const limit = Number(query.get('limit'));
      const ids = Array.from({ length: Math.min(limit, 1200 - at) }, (_, index) => at + index);
      const next = at + ids.length < 1200 ? { continue: String(at + ids.length) } : {};
      answerJson(response, 200, page(ids, next));
    });
    expect(await list(client)).toEqual(Array.from({ length: 1200 }, (_, index) => String(index)));
    expect(server.seen).toHaveLength(3);
    expect(server.connections()).toBe(1);
  });

  it('stops a list at the most pages that it may read', async () => {
    server.handle((_, response) => {
      const count = server.seen.length;
      answerJson(response, 200, page([count], { continue: `after ${count}` }));
    });
    expect(await list(client, { ...services, maxPages: 2 })).toHaveLength(2);
    expect(server.seen).toHaveLength(2);
  });

  it('sends the credentials and keeps a path prefix of the server', async () => {
    server.handle((_, response) => answerJson(response, 200, {}));
    const prefixed = clientOf({ server: new URL(`${urlOf(server)}/k8s/clusters/one/`) });
    await prefixed.get(version, String);
    prefixed.close();
    expect(server.seen[0]?.path).toBe('/k8s/clusters/one/version');
    expect(server.seen[0]?.headers.authorization).toBe('Bearer secret-token');
  });

  it('says on which address a valid certificate was shown, whatever the status', async () => {
    server.handle((_, response) => answerJson(response, 401, { message: 'Unauthorized' }));
    expect(client.answeredAt).toBeNull();
    const failure = await failureOf(client.get(version, String));
    expect(failure.diagnostics[0]?.code).toBe('cluster-unauthorized');
    expect(client.answeredAt).toBe('127.0.0.1');
  });

  it('believes no address whose certificate another CA issued', async () => {
    const wary = clientOf({ tls: { ca: others.ca, rejectUnauthorized: true } });
    const failure = await failureOf(list(wary));
    wary.close();
    expect(failure.diagnostics[0]?.code).toBe('certificate-authority');
    expect(wary.answeredAt).toBeNull();
    expect(server.seen).toHaveLength(0);
  });

  it('proves nothing where the certificate is not checked', async () => {
    server.handle((_, response) => answerJson(response, 200, page([])));
    const careless = clientOf({ tls: { ca: others.ca, rejectUnauthorized: false } });
    expect(await list(careless)).toEqual([]);
    careless.close();
    expect(careless.answeredAt).toBeNull();
  });

  it('gives a call up at its deadline, in the headers as in the body', async () => {
    const hasty = clientOf({ deadlineMs: 150 });
    server.handle(() => undefined);
    const inHeaders = await failureOf(list(hasty));
    server.handle((_, response) => response.writeHead(200).write('{"items":['));
    const inBody = await failureOf(list(hasty));
    hasty.close();
    for (const failure of [inHeaders, inBody]) {
      expect(failure.message).toContain('context "dev": cannot list services');
      expect(failure.message).toContain('no answer within 150 ms');
    }
  });

  it('makes two calls at a time, and all of them', async () => {
    const held: (() => void)[] = [];
    server.handle((_, response) => {
      held.push(() => answerJson(response, 200, page([1])));
    });
    const lists = Promise.all(Array.from({ length: 5 }, () => list(client)));
    for (const answered of [0, 1, 2, 3, 4]) {
      await expect.poll(() => held.length).toBe(Math.min(answered + 2, 5));
      held[answered]?.();
    }
    expect(await lists).toEqual(Array.from({ length: 5 }, () => ['1']));
    expect(server.connections()).toBe(2);
  });

  it('makes no call after it was closed, those that wait included', async () => {
    server.handle(() => undefined);
    const closing = clientOf({});
    const failures = Promise.all([1, 2, 3].map(() => failureOf(list(closing))));
    await expect.poll(() => server.seen.length).toBe(2);
    closing.close();
    expect((await failures).map(({ diagnostics }) => diagnostics[0]?.code)).toEqual([
      'cluster-unreachable',
      'cluster-unreachable',
      'cluster-unreachable',
    ]);
    expect(server.seen).toHaveLength(2);
  });

  it('reads once more when a body is cut, and says where the second one ended', async () => {
    let cut = 1;
    server.handle((_, response) => {
      if (cut-- <= 0) answerJson(response, 200, page([3]));
      else {
        response.writeHead(200, { 'Content-Length': '100' });
        response.write('{"items":[', () => response.destroy());
      }
    });
    expect(await list(client)).toEqual(['3']);
    cut = Number.POSITIVE_INFINITY;
    const failure = await failureOf(list(client));
    expect(failure.message).toContain('cannot list services');
    expect(failure.message).toContain('the answer was cut after 10 bytes');
    expect(server.seen).toHaveLength(4);
  });

  it('starts a list anew, in one piece, when what it continues from is gone', async () => {
    server.handle(({ query }, response) => {
      if (query.has('continue')) answerJson(response, 410, { reason: 'Expired', message: 'too old' });
      else if (query.has('limit')) {
        answerJson(response, 200, page(['old'], { continue: 'next' }));
      } else answerJson(response, 200, page([1, 2]));
    });
    expect(await list(client)).toEqual(['1', '2']);
    expect(server.seen).toHaveLength(3);
  });

  it('makes connections anew after one that was left without an answer', async () => {
    const hasty = clientOf({ deadlineMs: 300 });
    const held: (() => void)[] = [];
    server.handle((_, response) => {
      held.push(() => answerJson(response, 200, page([])));
    });
    const both = Promise.all([list(hasty), list(hasty)]);
    await expect.poll(() => held.length).toBe(2);
    for (const answer of held) answer();
    await both;
    server.handle(() => undefined);
    await failureOf(list(hasty));
    server.handle((_, response) => answerJson(response, 200, page([])));
    await list(hasty);
    hasty.close();
    expect(server.connections()).toBe(3);
  });

  it('reports a body that is not JSON', async () => {
    server.handle((_, response) => response.writeHead(200).end('<html>'));
    expect((await failureOf(list(client))).message).toContain('cannot list services');
  });

  it('waits out a bounded number of 429 answers', async () => {
    let refusals = 2;
    server.handle((_, response) => {
      if (refusals-- > 0) response.setHeader('Retry-After', '0').writeHead(429).end('slow down');
      else answerJson(response, 200, page([1]));
    });
    expect(await list(client)).toEqual(['1']);
    refusals = Number.POSITIVE_INFINITY;
    const failure = await failureOf(list(client));
    expect(failure.diagnostics[0]?.code).toBe('cluster-busy');
    expect(failure.message).toContain('slow down');
    expect(server.seen).toHaveLength(3 + 4);
  });

  it('repeats a write that the server put off, and none that it failed', async () => {
    const write = { verb: 'patch', resource: 'services', path: '/patch' } as const;
    const body = { type: 'application/apply-patch+yaml', text: '{}' };
    let putOff = 1;
    server.handle((_, response) => {
      if (putOff-- > 0) response.setHeader('Retry-After', '0').writeHead(503).end('starting');
      else answerJson(response, 200, {});
    });
    expect((await client.send({ ...write, body })).status).toBe(200);
    expect(server.seen).toHaveLength(2);
    server.handle((_, response) => response.writeHead(503).end('a webhook is down'));
    expect((await client.send({ ...write, body })).status).toBe(503);
    expect(server.seen).toHaveLength(3);
  });

  it('writes a burst whole to a server that takes two at a time and puts off the rest', async () => {
    let [underWay, most] = [0, 0];
    const served = new Set<string>();
    server.handle(({ path }, response) => {
      most = Math.max(most, ++underWay);
      // Answered once whatever came with it has come.
      setImmediate(() => {
        const status = underWay-- > 2 ? 429 : 200;
        if (status === 200) served.add(path);
        else response.setHeader('Retry-After', '0');
        answerJson(response, status, {});
      });
    });
    const statuses = await Promise.all(
      Array.from({ length: 300 }, async (_, index) => {
        const write = { verb: 'patch', resource: 'services', path: `/patch-${index}` } as const;
        return (await client.send({ ...write, body: { type: 'application/json', text: '{}' } })).status;
      }),
    );
    expect(statuses.filter((status) => status !== 200)).toEqual([]);
    expect(served.size).toBe(300);
    expect(most).toBeLessThanOrEqual(CALLS_AT_ONCE);
  });

  it('does not wait for what the deadline will not see', async () => {
    server.handle((_, response) => response.setHeader('Retry-After', '60').writeHead(429).end('slow down'));
    expect((await failureOf(list(client))).diagnostics[0]?.code).toBe('cluster-busy');
    expect(server.seen).toHaveLength(1);
  });

  it('ends a wait for Retry-After when it is aborted', async () => {
    const controller = new AbortController();
    server.handle((_, response) => {
      response
        .setHeader('Retry-After', '3')
        .writeHead(429)
        .end(() => controller.abort(new Error('stopped')));
    });
    await expect(list(client, { ...services, signal: controller.signal })).rejects.toThrow('stopped');
  });

  it('reads again when a kept connection was closed meanwhile, but never writes again', async () => {
    server.handle((_, response) => answerJson(response, 200, page([])));
    await list(client);
    let cut = 1;
    server.handle((_, response) => {
      if (cut-- > 0) response.destroy();
      else answerJson(response, 200, page([2]));
    });
    expect(await list(client)).toEqual(['2']);
    cut = 1;
    const body = { type: 'application/apply-patch+yaml', text: '{}' };
    await failureOf(client.send({ verb: 'patch', resource: 'services', path: '/patch', body }));
    expect(server.seen.filter(({ path }) => path === '/patch')).toHaveLength(1);
  });

  it('takes the statuses that mean absence for absence, and no others', async () => {
    server.handle(({ path }, response) =>
      answerJson(response, path === '/missing' ? 404 : 403, { message: 'no' }),
    );
    const missing = { ...services, resource: 'servicecidrs', path: '/missing' };
    const onNotFound = vi.fn();
    expect(await client.get({ ...missing, onNotFound }, String)).toBeNull();
    expect(await list(client, { ...missing, onNotFound })).toBeNull();
    expect(onNotFound).toHaveBeenCalledTimes(2);
    const failure = await failureOf(list(client, { ...missing, path: '/forbidden', onNotFound }));
    expect(failure.diagnostics[0]).toMatchObject({ code: 'cluster-forbidden' });
    expect(failure.message).toContain('cannot list servicecidrs');
  });

  it('names every address that refused', async () => {
    const closed = createServer();
    await new Promise<void>((resolve) => closed.listen(0, '127.0.0.1', resolve));
    const { port } = closed.address() as { port: number };
    await new Promise((resolve) => closed.close(resolve));
    const nobody = clientOf({ server: new URL(`https://127.0.0.1:${port}`) });
    const failure = await failureOf(list(nobody));
    nobody.close();
    expect(failure.message).toContain('ECONNREFUSED');
    expect(failure.message).not.toContain('secret-token');
    expect(failure.diagnostics[0]?.command).toBe('kubectl config view --minify --context=dev');
  });

  it('quotes a context in the command that it gives to copy', async () => {
    server.handle((_, response) => answerJson(response, 403, { message: 'no' }));
    const odd = clientOf({ context: "it's; rm -rf ~" });
    const failure = await failureOf(list(odd));
    odd.close();
    expect(failure.diagnostics[0]?.command).toBe("kubectl --context='it'\\''s; rm -rf ~' auth can-i --list");
  });
});
