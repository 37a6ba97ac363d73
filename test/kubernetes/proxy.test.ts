import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { Transport } from '../../src/kubernetes/client/transport.ts';
import type { Cluster } from '../../src/kubernetes/cluster.ts';
import { type ConnectOptions, connectCluster, findCluster } from '../../src/kubernetes/connect.ts';
import { Failure } from '../../src/model/diagnostic.ts';
import {
  type ApiServer,
  answerJson,
  type Certificates,
  makeCertificates,
  makeHome,
  minikubeKubeconfig,
  NO_PROGRAMS,
  startApiServer,
  writeKubeconfig,
} from './api-server.ts';
import { startGarbage, startHttpProxy, startSilence, startSocksProxy, type TestProxy } from './proxies.ts';

/** A name that only the proxy reaches: nothing but loopback is ever asked. */
const NAME = 'api.example.invalid';

let certificates: Certificates;
let server: ApiServer;
let home: string;
let remove: () => Promise<void>;
const clusters: Cluster[] = [];
const proxies: TestProxy[] = [];

beforeAll(async () => {
  certificates = await makeCertificates();
});
beforeEach(async () => {
  ({ home, remove } = await makeHome());
  server = await startApiServer(certificates);
  server.handle((_, response) => answerJson(response, 200, { gitVersion: 'v1.34.0' }));
  await writeFile(join(home, 'ca.crt'), certificates.ca);
});
afterEach(async () => {
  for (const cluster of clusters.splice(0)) await cluster.close();
  for (const proxy of proxies.splice(0)) await proxy.close();
  await server.close();
  await remove();
});

async function started(proxy: Promise<TestProxy>): Promise<TestProxy> {
  proxies.push(await proxy);
  return await proxy;
}

interface Reached {
  readonly cluster?: object;
  readonly env?: NodeJS.ProcessEnv;
  readonly options?: Partial<ConnectOptions>;
  readonly host?: string;
}

async function connect({ cluster = {}, env = {}, options = {}, host = NAME }: Reached): Promise<Cluster> {
  const config = {
    ...minikubeKubeconfig('minikube', '', ''),
    clusters: [
      {
        name: 'minikube',
        cluster: {
          server: `https://${host}:${server.port}`,
          'certificate-authority': 'ca.crt',
          'tls-server-name': 'localhost',
          ...cluster,
        },
      },
    ],
  };
  const KUBECONFIG = await writeKubeconfig(home, 'config', config);
  const connected = await connectCluster({
    context: 'minikube',
    profile: 'minikube',
    env: { ...env, KUBECONFIG },
    home,
    programs: NO_PROGRAMS,
    ...options,
  });
  clusters.push(connected);
  return connected;
}

/** What observing says, where it fails. */
async function failureOf(reached: Reached): Promise<Failure> {
  const cluster = await connect(reached);
  const failed: unknown = await cluster.observe().catch((error: unknown) => error);
  if (!(failed instanceof Failure)) throw new Error(`it did not fail: ${JSON.stringify(failed)}`);
  return failed;
}

describe('proxy-url', () => {
  it.each([
    ['http', () => startHttpProxy()],
    ['https', () => startHttpProxy({ tls: certificates })],
    ['socks5', () => startSocksProxy()],
  ])('reaches the server through a proxy of scheme %s, which looks its name up', async (scheme, start) => {
    const proxy = await started(start());
    const cluster = await connect({ cluster: { 'proxy-url': `${scheme}://127.0.0.1:${proxy.port}` } });
    // The address that is seen is the proxy’s.
    expect((await cluster.context()).answeredAt).toBeNull();
    expect(server.seen).toHaveLength(1);
    expect(proxy.asked).toEqual([`${NAME}:${server.port}`]);
    expect(proxy.logins).toEqual([]);
    // Kept for the next call, though asked anew after a failure only.
    await cluster.observe().catch(() => undefined);
    await vi.waitFor(() => expect(server.connections()).toBe(proxy.asked.length), { timeout: 10_000 });
  });

  it.each([
    ['http', () => startHttpProxy()],
    ['https', () => startHttpProxy({ tls: certificates })],
    ['socks5', () => startSocksProxy()],
  ])(
    'streams through a proxy of scheme %s, over a connection of its own, until it is cut',
    async (scheme, start) => {
      const proxy = await started(start());
      const transport = new Transport({
        server: new URL(`https://${NAME}:${server.port}`),
        tls: { ca: certificates.ca, servername: 'localhost', rejectUnauthorized: true },
        headers: {},
        proxy: {
          url: new URL(`${scheme}://127.0.0.1:${proxy.port}`),
          variable: null,
          tls: { ca: certificates.ca },
          timeoutMs: 10_000,
          context: 'minikube',
          server: new URL(`https://${NAME}:${server.port}`),
        },
      });
      server.handle((_, response) => void response.write('one\n'));
      const response = await transport.stream({ method: 'GET', path: '/' }, new AbortController().signal);
      const [first] = (await once(response, 'data')) as [Buffer];
      expect(first.toString()).toBe('one\n');
      const cut = once(response, 'error');
      await proxy.close();
      await cut;
      transport.close();
      expect(proxy.asked).toHaveLength(1);
    },
  );

  it.each([
    ['http', () => startHttpProxy()],
    ['socks5', () => startSocksProxy()],
  ])('tells a proxy of scheme %s the name and password, unescaped', async (scheme, start) => {
    const proxy = await started(start());
    const url = `${scheme}://ann:p%40ss%3A%25@127.0.0.1:${proxy.port}`;
    await (await connect({ cluster: { 'proxy-url': url } })).context();
    expect(proxy.logins).toEqual(['ann:p@ss:%']);
    expect(server.seen).toHaveLength(1);
  });

  it('reaches an address, too, and goes before the environment and NO_PROXY', async () => {
    const [own, other] = [await started(startHttpProxy()), await started(startHttpProxy())];
    const env = { HTTPS_PROXY: `http://127.0.0.1:${other.port}`, NO_PROXY: '*' };
    const url = `http://127.0.0.1:${own.port}`;
    await (await connect({ cluster: { 'proxy-url': url }, env, host: '127.0.0.1' })).context();
    const target = `127.0.0.1:${server.port}`;
    expect(own.asked).toEqual([target]);
    expect(own.headers).toEqual([{ host: target, 'user-agent': 'mkplan' }]);
    expect(other.asked).toEqual([]);
  });

  it.each([
    'proxy:3128',
    'ftp://secret:word@proxy',
    'socks5h://proxy',
    'http://',
    'socks5://',
    'http://a:50%@b',
  ])('refuses %s, and shows nothing of it', async (url) => {
    const failed = await connect({ cluster: { 'proxy-url': url } }).catch((error: unknown) => error);
    expect(failed).toMatchObject({ diagnostics: [{ code: 'kubeconfig-proxy' }] });
    expect(JSON.stringify(failed)).not.toContain('secret');
  });
});

describe('HTTPS_PROXY', () => {
  it('is used for a server that is no node of the profile’s, and by a name alone', async () => {
    const proxy = await started(startHttpProxy());
    await (await connect({ env: { https_proxy: `127.0.0.1:${proxy.port}` } })).context();
    expect(proxy.asked).toEqual([`${NAME}:${server.port}`]);
  });

  it.each([
    ['a context that minikube wrote', true, {}],
    ['a server that is the profile’s own node', false, { isOwnNode: async () => true }],
  ])('is not used for %s', async (_, byMinikube, options) => {
    const written = minikubeKubeconfig('minikube', 'https://192.168.49.2:8443', 'ca.crt');
    const contexts = [{ name: 'minikube', context: { cluster: 'minikube', user: 'minikube' } }];
    const config = byMinikube ? written : { ...written, contexts };
    const KUBECONFIG = await writeKubeconfig(home, 'config', config);
    const identity = async (env: NodeJS.ProcessEnv, more: Partial<ConnectOptions>) => {
      const base = { context: 'minikube', profile: 'minikube', home, programs: NO_PROGRAMS };
      return (await findCluster({ ...base, env: { ...env, KUBECONFIG }, ...more })).identity;
    };
    const env = { HTTPS_PROXY: 'http://127.0.0.1:3128' };
    // Nothing is sent; but another way to the server would be another client.
    expect(await identity(env, options)).toBe(await identity({}, options));
    const other = await identity(env, {});
    expect(other === (await identity({}, {}))).toBe(byMinikube);
  });

  it.each([
    [407, 'Proxy Authentication Required', 'Write the proxy’s name and password into HTTPS_PROXY'],
    [403, 'Forbidden', 'Correct HTTPS_PROXY, or add'],
    [502, 'Bad Gateway', 'Correct HTTPS_PROXY, or add'],
  ])('is named where the proxy answered %i, and its password is not', async (status, reason, fix) => {
    const answer = `HTTP/1.1 ${status} ${reason}\r\nContent-Length: 4\r\n\r\nsite`;
    const proxy = await started(startHttpProxy({ answer }));
    const env = { HTTPS_PROXY: `http://ann:secret@127.0.0.1:${proxy.port}` };
    const { diagnostics } = await failureOf({ env });
    expect(diagnostics).toMatchObject([
      {
        code: 'cluster-proxy',
        summary: `context "minikube": cannot reach https://${NAME}:${server.port} through the proxy http://127.0.0.1:${proxy.port}: it answered ${status} ${reason}`,
        cause: 'HTTPS_PROXY names this proxy.',
        fix: expect.stringContaining(fix),
      },
    ]);
    expect(JSON.stringify(diagnostics)).not.toMatch(/ann:|secret/);
    expect(server.seen).toEqual([]);
  });

  it.each([
    ['garbage', () => startGarbage('<html>hello</html>'), 'http', /does not answer as a proxy does/],
    ['nothing, and hangs up', () => startGarbage(''), 'http', /does not answer as a proxy does/],
    ['nothing at all', () => startSilence(), 'http', /it took longer than 400 ms/],
    ['nothing at all to SOCKS', () => startSilence(), 'socks5', /it took longer than 400 ms|timed out/],
    ['garbage to SOCKS', () => startGarbage('<html>hello</html>'), 'socks5', /: ./],
    ['that it is not allowed', () => startSocksProxy(2), 'socks5', /NotAllowed/],
    ['without TLS', () => startHttpProxy(), 'https', /: ./],
    [
      'that it reached the server, and is none',
      () => startHttpProxy({ answer: 'HTTP/1.1 200 OK\r\n\r\n<html>' }),
      'http',
      /: ./,
    ],
    [
      'that it reached the server, and hangs up',
      () => startHttpProxy({ answer: 'HTTP/1.1 200 OK\r\n\r\n' }),
      'http',
      /: ./,
    ],
  ])('is named where the proxy says %s', async (_, start, scheme, what) => {
    const proxy = await started(start());
    const env = { HTTPS_PROXY: `${scheme}://127.0.0.1:${proxy.port}` };
    const failed = await failureOf({ env, options: { deadlineMs: 500 } });
    expect(failed.diagnostics).toMatchObject([
      { code: 'cluster-proxy', cause: 'HTTPS_PROXY names this proxy.', summary: expect.stringMatching(what) },
    ]);
  });

  it('is named where nobody listens, and where another server was reached', async () => {
    const proxy = await started(startHttpProxy());
    const env = { HTTPS_PROXY: `http://127.0.0.1:${proxy.port}` };
    const inspected = await failureOf({ env, cluster: { 'tls-server-name': 'other' } });
    expect(inspected.diagnostics).toMatchObject([
      { code: 'cluster-proxy', summary: expect.stringContaining('does not match') },
    ]);
    expect(server.seen).toEqual([]);
    await proxy.close();
    const { diagnostics } = await failureOf({ env });
    expect(diagnostics).toMatchObject([
      { code: 'cluster-proxy', summary: expect.stringContaining('ECONNREFUSED') },
    ]);
  });

  it('is known by what the system trusts, where it speaks TLS', async () => {
    const company = await makeCertificates();
    const proxy = await started(startHttpProxy({ tls: company }));
    await writeFile(join(home, 'company.crt'), company.ca);
    const env = { HTTPS_PROXY: `https://127.0.0.1:${proxy.port}`, SSL_CERT_DIR: join(home, 'none') };
    await (await connect({ env: { ...env, SSL_CERT_FILE: join(home, 'none') } })).context();
    expect(proxy.asked).toEqual([]);
    await (await connect({ env: { ...env, SSL_CERT_FILE: join(home, 'company.crt') } })).context();
    expect(proxy.asked).toHaveLength(1);
    expect(server.seen).toHaveLength(1);
  });

  it('gives up what is under way when the cluster is closed', async () => {
    const proxy = await started(startSilence());
    const cluster = await connect({ env: { HTTPS_PROXY: `http://127.0.0.1:${proxy.port}` } });
    const observed = cluster.observe();
    await cluster.close();
    await expect(observed).rejects.toBeInstanceOf(Failure);
  });
});
