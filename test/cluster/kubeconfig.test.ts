import { execFile } from 'node:child_process';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectCluster } from '../../src/kubernetes/connect.ts';
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
} from '../kubernetes/api-server.ts';
import { startHttpProxy, startSocksProxy, type TestProxy } from '../kubernetes/proxies.ts';
import { clusterRefused, requirePrograms } from './programs.ts';

const TIMEOUT_MS = 60_000;
/** A name that only a proxy reaches. */
const NAME = 'api.example.invalid';
/** This machine, and to programs of Go no loopback address, so that a proxy counts for it. */
const UNSPECIFIED = '0.0.0.0';

interface Fields {
  /** Of the cluster, beside server and certificate authority. */
  readonly cluster?: string;
  /** Of the user, in place of a token. */
  readonly user?: string;
  readonly host?: string;
}

/** A kubeconfig in which each entry is a line; its server is named with a port. */
function configOf(
  port: number,
  { cluster = '', user = 'token: inline', host = '127.0.0.1' }: Fields,
): string {
  const name = host === '127.0.0.1' ? '' : ', tls-server-name: localhost';
  return `apiVersion: v1
kind: Config
clusters: [{ name: a, cluster: { server: "https://${host}:${port}", certificate-authority: ca.crt${name}${cluster} } }]
users: [{ name: a, user: { ${user} } }]
contexts: [{ name: a, context: { cluster: a, user: a } }]
current-context: a
`;
}

const utf16 = (text: string) => Buffer.from(`\uFEFF${text}`, 'utf16le');
const other = 'users: [{ name: a, user: { token: other } }]\n';

/** What a file may be, and whether kubectl reads it. */
const FILES: readonly (readonly [
  name: string,
  content: (text: string) => string | Buffer,
  reads: boolean,
])[] = [
  ['as it is', (text) => text, true],
  ['a final ---', (text) => `${text}---\n`, true],
  ['a second document', (text) => `${text}---\n${other}`, true],
  ['a second document that is no YAML', (text) => `${text}---\na: [\n`, true],
  ['something after its end', (text) => `${text}...\na: [\n`, true],
  ['a section given twice', (text) => text + other, true],
  ['a key given twice', (text) => text.replace('token: inline', 'token: inline, token: again'), true],
  ['UTF-8 with a mark', (text) => `\uFEFF${text}`, true],
  ['UTF-16, little endian', utf16, true],
  ['UTF-16, big endian', (text) => utf16(text).swap16(), true],
  ['UTF-16 without a mark', (text) => Buffer.from(text, 'utf16le'), false],
  ['Latin-1', (text) => Buffer.from(`# café\n${text}`, 'latin1'), false],
  ['line ends of Windows', (text) => text.replaceAll('\n', '\r\n'), true],
  ['a tab before a value', (text) => text.replace('current-context: ', 'current-context:\t'), true],
  ['a tab as indentation', (text) => `${text}preferences:\n\tcolors: true\n`, false],
  ['an anchor', (text) => `${text.replace('user: {', 'user: &x {')}x: *x\n`, true],
  ['a merge', (text) => text.replace('token: inline', '<<: { token: merged }'), true],
  [
    'yes for true',
    (text) => text.replace('certificate-authority: ca.crt', 'insecure-skip-tls-verify: yes'),
    true,
  ],
  [
    'a flag that is a text',
    (text) => text.replace('cluster: { ', 'cluster: { insecure-skip-tls-verify: "no", '),
    false,
  ],
  ['a token that is a number', (text) => text.replace('inline', '4711'), false],
  ['a token that is true', (text) => text.replace('inline', 'on'), false],
  ['a token that looks like a day', (text) => text.replace('inline', '2001-01-01'), true],
  ['a name that is a number', (text) => text.replace('users: [', 'users: [{ name: 1 }, '), false],
  ['an entry of nothing', (text) => text.replace('clusters: [', 'clusters: [null, '), true],
  ['an entry with no name', (text) => text.replace('clusters: [', 'clusters: [{}, '), true],
  ['an entry given twice', (text) => text.replace('users: [', 'users: [{ name: a }, '), false],
  ['nothing but a comment', () => '# nothing\n', false],
  ['a list', () => '- a\n', false],
];

/** What a user may say, and whether kubectl calls with it. */
const USERS: readonly (readonly [user: string, reads: boolean])[] = [
  ['token: inline, as: "", as-uid: "", as-groups: [], as-user-extra: {}', true],
  ['token: inline, as: ~, as-groups: ~, exec: ~, auth-provider: ~', true],
  ['token: inline, as-groups: [dev]', false],
  ['token: inline, as-uid: "7"', false],
  ['token: inline, as-user-extra: { a: [b] }', false],
  ['token: inline, as: bob', true],
  [
    'token: inline, as: bøb, as-uid: "7", as-groups: [dev, ops], as-user-extra: { "a/B c%": [d, e], f: [] }',
    true,
  ],
  ['token: inline, tokenFile: token', true],
  ['token: inline, tokenFile: gone', true],
  ['tokenFile: token', true],
  ['tokenFile: gone', false],
  ['username: ann, password: pass', true],
];

/** What a cluster may say, where it is, and whether kubectl reaches it. */
const CLUSTERS: readonly (readonly [cluster: string, reads: boolean])[] = [
  [', proxy-url: ~', true],
  [', proxy-url: ""', true],
  [', proxy-url: "ftp://127.0.0.1:21"', false],
  [', proxy-url: "socks5h://127.0.0.1:1080"', false],
  [', tls-server-name: 127.0.0.1', true],
  [', tls-server-name: 10.9.9.9', false],
  [', tls-server-name: other', false],
];

/** What the environment may say, and whether the proxy is asked to reach which host. */
const ENVIRONMENTS: readonly (readonly [env: Record<string, string>, host: string, proxied: boolean])[] = [
  [{ HTTPS_PROXY: 'http://PROXY' }, NAME, true],
  [{ https_proxy: 'PROXY' }, NAME, true],
  [{ HTTPS_PROXY: 'http://PROXY' }, UNSPECIFIED, true],
  [{ HTTPS_PROXY: 'http://PROXY' }, '127.0.0.1', false],
  [{ HTTP_PROXY: 'http://PROXY', ALL_PROXY: 'http://PROXY' }, UNSPECIFIED, false],
  [{ HTTPS_PROXY: 'http://PROXY', NO_PROXY: '*' }, UNSPECIFIED, false],
  [{ HTTPS_PROXY: 'http://PROXY', no_proxy: UNSPECIFIED }, UNSPECIFIED, false],
  [{ HTTPS_PROXY: 'http://PROXY', NO_PROXY: 'a, 0.0.0.0/8' }, UNSPECIFIED, false],
  [{ HTTPS_PROXY: 'http://PROXY', NO_PROXY: `${UNSPECIFIED}:PORT` }, UNSPECIFIED, false],
  [{ HTTPS_PROXY: 'http://PROXY', NO_PROXY: `${UNSPECIFIED}:1` }, UNSPECIFIED, true],
  [{ HTTPS_PROXY: 'http://PROXY', NO_PROXY: '10.0.0.0/8,0.0.0' }, UNSPECIFIED, true],
  [{ HTTPS_PROXY: 'http://PROXY', NO_PROXY: 'pi.example.invalid,x.invalid' }, NAME, true],
  [{ HTTPS_PROXY: 'http://PROXY', NO_PROXY: `.${NAME}` }, NAME, true],
  [{ HTTPS_PROXY: 'http://PROXY', REQUEST_METHOD: 'GET' }, NAME, true],
];

describe.skipIf(clusterRefused !== null)('a kubeconfig, to kubectl and to mkplan', () => {
  let certificates: Certificates;
  let server: ApiServer;
  let home: string;
  let remove: () => Promise<void>;

  beforeAll(async () => {
    certificates = await makeCertificates();
    server = await startApiServer(certificates);
    server.handle((_, response) => answerJson(response, 200, { gitVersion: 'v1.34.0' }));
    ({ home, remove } = await makeHome());
    await writeFile(join(home, 'ca.crt'), certificates.ca);
    await writeFile(join(home, 'token'), 'from-file\n');
  });
  afterAll(async () => {
    await server.close();
    await remove();
  });

  /** Who called the server as whom: of each call the headers that say so, sorted. */
  const callsSince = (before: number) =>
    server.seen.slice(before).map(({ rawHeaders }) =>
      rawHeaders
        .flatMap((name, at) => (at % 2 === 0 ? [`${name}: ${rawHeaders[at + 1]}`] : []))
        .filter((header) => /^(Authorization|Impersonate)/.test(header))
        .map((header) => header.toLowerCase())
        .sort(),
    );

  async function askedByKubectl(env: NodeJS.ProcessEnv, cwd = process.cwd()): Promise<string[][]> {
    const before = server.seen.length;
    const args = ['--context=a', '--request-timeout=20s', 'get', '--raw=/version'];
    const options = { env: { PATH: process.env['PATH'], HOME: home, ...env }, cwd, timeout: TIMEOUT_MS };
    const said = promisify(execFile)(requirePrograms().kubectl, args, options);
    // It would ask for a name.
    said.child.stdin?.end();
    const failed = await said.then(
      () => null,
      (error: unknown) => error,
    );
    const calls = callsSince(before);
    expect(calls.length > 0, String(failed)).toBe(failed === null);
    return calls;
  }

  async function askedByMkplan(env: NodeJS.ProcessEnv): Promise<string[][]> {
    const before = server.seen.length;
    try {
      const options = {
        context: 'a',
        profile: 'a',
        home: env['HOME'] ?? home,
        env,
        programs: NO_PROGRAMS,
        deadlineMs: 20_000,
      };
      const cluster = await connectCluster(options);
      await cluster.context();
      await cluster.close();
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
    }
    return callsSince(before);
  }

  /** The calls of both, which have to be the same. */
  async function callsOfBoth(
    content: string | Buffer,
    env: Record<string, string> = {},
  ): Promise<string[][]> {
    const KUBECONFIG = join(home, 'config');
    await writeFile(KUBECONFIG, content);
    const [theirs, ours] = [
      await askedByKubectl({ ...env, KUBECONFIG }),
      await askedByMkplan({ ...env, KUBECONFIG }),
    ];
    expect(ours).toEqual(theirs);
    return theirs;
  }

  it.each(FILES)('is the same: %s', { timeout: TIMEOUT_MS }, async (_, content, reads) => {
    expect(await callsOfBoth(content(configOf(server.port, {})))).toHaveLength(reads ? 1 : 0);
  });

  it.each(USERS)('has the same user: %s', { timeout: TIMEOUT_MS }, async (user, reads) => {
    expect(await callsOfBoth(configOf(server.port, { user }))).toHaveLength(reads ? 1 : 0);
  });

  it.each(CLUSTERS)('has the same cluster: %s', { timeout: TIMEOUT_MS }, async (cluster, reads) => {
    expect(await callsOfBoth(configOf(server.port, { cluster }))).toHaveLength(reads ? 1 : 0);
  });

  it('trusts the same system', { timeout: TIMEOUT_MS }, async () => {
    const text = configOf(server.port, {}).replace(
      'certificate-authority: ca.crt',
      'certificate-authority: ""',
    );
    const [trusted, unknown] = [join(home, 'ca.crt'), join(home, 'gone')];
    expect(await callsOfBoth(text, { SSL_CERT_FILE: trusted, SSL_CERT_DIR: unknown })).toHaveLength(1);
    expect(
      await callsOfBoth(text, { SSL_CERT_FILE: unknown, SSL_CERT_DIR: `${unknown}:${home}` }),
    ).toHaveLength(1);
    expect(await callsOfBoth(text)).toHaveLength(0);
  });

  it.each(ENVIRONMENTS)('%j, for %s', { timeout: TIMEOUT_MS }, async (env, host, proxied) => {
    const proxy = await startHttpProxy();
    const named = Object.entries(env).map(([name, value]) => [
      name,
      value.replace('PROXY', `127.0.0.1:${proxy.port}`).replace('PORT', String(server.port)),
    ]);
    try {
      const calls = await callsOfBoth(configOf(server.port, { host }), Object.fromEntries(named));
      expect(calls).toHaveLength(1);
      const target = `${host}:${server.port}`;
      expect(proxy.asked).toEqual(proxied ? [target, target] : []);
    } finally {
      await proxy.close();
    }
  });

  it.each<[string, () => Promise<TestProxy>]>([
    ['http', () => startHttpProxy()],
    ['https', () => startHttpProxy({ tls: certificates })],
    ['socks5', () => startSocksProxy()],
  ])('is reached through the same proxy: %s', { timeout: TIMEOUT_MS }, async (scheme, start) => {
    const proxy = await start();
    try {
      // The name that is the server's is the proxy's, too, to kubectl.
      const url = `${scheme}://ann:p%40ss@localhost:${proxy.port}`;
      const config = configOf(server.port, { host: NAME, cluster: `, proxy-url: "${url}"` });
      expect(await callsOfBoth(config, { NO_PROXY: '*' })).toHaveLength(1);
      expect(proxy.asked).toEqual([`${NAME}:${server.port}`, `${NAME}:${server.port}`]);
      expect(proxy.logins).toEqual(['ann:p@ss', 'ann:p@ss']);
    } finally {
      await proxy.close();
    }
  });

  it.each([
    ['empty names and missing files', ['', 'gone', 'first', ''], 'inline'],
    ['the first file that names a user', ['first', 'second'], 'inline'],
    ['the first file that names a user, the other way round', ['second', 'first'], 'other'],
    ['a directory', ['', '.'], null],
    ['a file that is no kubeconfig', ['first', 'broken'], null],
    ['nothing but empty names', ['', ''], null],
  ])(
    'passes over, takes or refuses the same of a list: %s',
    { timeout: TIMEOUT_MS },
    async (_, names, token) => {
      await writeFile(join(home, 'first'), configOf(server.port, {}));
      await writeFile(join(home, 'second'), other);
      await writeFile(join(home, 'broken'), 'a: [');
      const KUBECONFIG = names.map((name) => (name === '' ? '' : join(home, name))).join(':');
      const theirs = await askedByKubectl({ KUBECONFIG });
      expect(await askedByMkplan({ KUBECONFIG })).toEqual(theirs);
      expect(theirs).toEqual(token === null ? [] : [[`authorization: bearer ${token}`]]);
    },
  );

  describe('but on purpose', () => {
    it('mkplan reads nothing of the working directory without a home', { timeout: TIMEOUT_MS }, async () => {
      await mkdir(join(home, '.kube'), { recursive: true });
      const ca = join(home, 'ca.crt');
      await writeFile(join(home, '.kube', 'config'), configOf(server.port, {}).replace('ca.crt', ca));
      expect(await askedByKubectl({ HOME: '' }, home)).toHaveLength(1);
      const before = process.cwd();
      process.chdir(home);
      try {
        expect(await askedByMkplan({ HOME: '' })).toHaveLength(0);
      } finally {
        process.chdir(before);
        await rm(join(home, '.kube'), { recursive: true });
      }
    });

    it('mkplan reaches what minikube wrote past a proxy of the environment', {
      timeout: TIMEOUT_MS,
    }, async () => {
      const proxy = await startHttpProxy();
      const written = minikubeKubeconfig('a', `https://${UNSPECIFIED}:${server.port}`, 'ca.crt');
      const text = JSON.stringify(written).replace('"server"', '"tls-server-name": "localhost", "server"');
      await writeFile(join(home, 'config'), text);
      const env = { KUBECONFIG: join(home, 'config'), HTTPS_PROXY: `http://127.0.0.1:${proxy.port}` };
      try {
        expect(await askedByKubectl(env)).toHaveLength(1);
        expect(proxy.asked).toHaveLength(1);
        expect(await askedByMkplan(env)).toHaveLength(1);
        expect(proxy.asked).toHaveLength(1);
      } finally {
        await proxy.close();
      }
    });

    it('mkplan knows an https proxy by what the system trusts, too', { timeout: TIMEOUT_MS }, async () => {
      const company = await makeCertificates();
      const proxy = await startHttpProxy({ tls: company });
      await writeFile(join(home, 'company.crt'), company.ca);
      const url = `https://localhost:${proxy.port}`;
      const config = configOf(server.port, { host: NAME, cluster: `, proxy-url: "${url}"` });
      await writeFile(join(home, 'config'), config);
      const env = { KUBECONFIG: join(home, 'config'), SSL_CERT_FILE: join(home, 'company.crt') };
      try {
        expect(await askedByKubectl(env)).toHaveLength(0);
        expect(await askedByMkplan(env)).toHaveLength(1);
      } finally {
        await proxy.close();
      }
    });
  });
});
