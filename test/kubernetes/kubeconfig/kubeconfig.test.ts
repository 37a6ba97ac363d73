import { mkdir, writeFile } from 'node:fs/promises';
import { delimiter, join, relative } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { kubeconfigFiles, readKubeContext } from '../../../src/kubernetes/kubeconfig/kubeconfig.ts';
import { makeHome, minikubeKubeconfig, writeKubeconfig } from '../api-server.ts';

let home: string;
let remove: () => Promise<void>;

beforeEach(async () => {
  ({ home, remove } = await makeHome());
});
afterEach(() => remove());

const find = (context: string, env: NodeJS.ProcessEnv = {}) =>
  readKubeContext({ context, profile: context, env, home });

const minikube = (server: string, name = 'minikube') => minikubeKubeconfig(name, server, 'ca.crt');

describe('readKubeContext', () => {
  it('reads ~/.kube/config when KUBECONFIG is not set, paths relative to the file', async () => {
    await mkdir(join(home, '.kube'));
    await writeKubeconfig(join(home, '.kube'), 'config', minikube('https://192.168.39.2:8443'));
    const context = await find('minikube');
    expect(context.server.origin).toBe('https://192.168.39.2:8443');
    expect(context.cluster['certificate-authority']).toBe(join(home, '.kube', 'ca.crt'));
    expect(context.user['token']).toBe('secret-token');
    expect(context.writtenByMinikube).toBe(true);
  });

  it('passes over missing files, and lets the first file that names an entry win', async () => {
    const first = await writeKubeconfig(home, 'first', minikube('https://192.168.39.2:8443'));
    const second = await writeKubeconfig(home, 'second', {
      ...minikube('https://192.168.39.99:8443'),
      contexts: [
        { name: 'minikube', context: { cluster: 'other', user: 'minikube' } },
        { name: 'only-here', context: { cluster: 'minikube', user: 'minikube' } },
      ],
    });
    const env = { KUBECONFIG: [join(home, 'missing'), '', first, second, first].join(delimiter) };
    expect((await find('minikube', env)).server.hostname).toBe('192.168.39.2');
    expect((await find('only-here', env)).server.hostname).toBe('192.168.39.2');
  });

  it('does not take a context for minikube’s unless both entries say so, for this profile', async () => {
    const config = minikube('https://192.168.39.2:8443');
    const file = await writeKubeconfig(home, 'config', {
      ...config,
      contexts: [
        ...(config['contexts'] as unknown[]),
        { name: 'by-hand', context: { cluster: 'minikube', user: 'minikube' } },
      ],
    });
    const env = { KUBECONFIG: file };
    expect((await find('by-hand', env)).writtenByMinikube).toBe(false);
    const other = await readKubeContext({ context: 'minikube', profile: 'second', env, home });
    expect(other.writtenByMinikube).toBe(false);
  });

  it('knows minikube’s context by another name', async () => {
    const config = minikube('https://192.168.39.2:8443');
    const [entry] = config['contexts'] as Record<string, unknown>[];
    const file = await writeKubeconfig(home, 'config', { ...config, contexts: [{ ...entry, name: 'dev' }] });
    const env = { KUBECONFIG: file };
    const found = await readKubeContext({ context: 'dev', profile: 'minikube', env, home });
    expect(found).toMatchObject({ name: 'dev', writtenByMinikube: true });
  });

  const CA = '/home/ann/.minikube/ca.crt';
  it.each<[string, string, string, boolean]>([
    ['all profiles’ certificate', CA, '/home/ann/.minikube/client.crt', true],
    ['the profile’s own certificate', CA, '/home/ann/.minikube/profiles/minikube/client.crt', true],
    ['another MINIKUBE_HOME', '/data/.minikube/ca.crt', '/data/.minikube/profiles/minikube/client.crt', true],
    ['Windows', 'C:\\Users\\ann\\.minikube\\ca.crt', 'C:\\Users\\ann\\.minikube\\client.crt', true],
    ['another profile’s certificate', CA, '/home/ann/.minikube/profiles/other/client.crt', false],
    ['another authority', '/home/ann/ca.crt', '/home/ann/.minikube/client.crt', false],
    ['another user', CA, '/home/ann/admin.crt', false],
  ])('knows what older minikube wrote without extensions: %s', async (_, authority, certificate, isIts) => {
    const file = await writeKubeconfig(home, 'config', {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [
        {
          name: 'minikube',
          cluster: { server: 'https://192.168.99.100:8443', 'certificate-authority': authority },
        },
      ],
      contexts: [{ name: 'minikube', context: { cluster: 'minikube', user: 'minikube' } }],
      users: [{ name: 'minikube', user: { 'client-certificate': certificate, 'client-key': '/k' } }],
    });
    expect((await find('minikube', { KUBECONFIG: file })).writtenByMinikube).toBe(isIts);
  });

  it('says which of the files that were looked in do not exist', async () => {
    const file = await writeKubeconfig(home, 'config', minikube('https://a:1'));
    const missing = join(home, 'gone');
    await expect(find('nobody', { KUBECONFIG: `${file}:${missing}` })).rejects.toMatchObject({
      diagnostics: [{ cause: expect.stringContaining(`Looked in ${file}, ${missing} (does not exist)`) }],
    });
  });

  it.each([
    ['a context that is not there', {}, 'context-unknown'],
    ['a plain http server', { server: 'http://192.168.39.2:8080' }, 'kubeconfig-server'],
    ['a server that is no URL', { server: 'minikube:8443' }, 'kubeconfig-server'],
  ])('refuses %s', async (name, cluster, code) => {
    const config = { ...minikube('https://a:1'), clusters: [{ name: 'minikube', cluster }] };
    const env = { KUBECONFIG: await writeKubeconfig(home, 'config', config) };
    const context = name === 'a context that is not there' ? 'nobody' : 'minikube';
    await expect(find(context, env)).rejects.toMatchObject({ diagnostics: [{ code }] });
  });

  it.each([
    [{ exec: { command: 'aws' } }],
    [{ exec: { apiVersion: 'client.authentication.k8s.io/v1alpha1', command: 'aws' } }],
    [{ exec: { apiVersion: 'client.authentication.k8s.io/v1', command: '' } }],
    [{ exec: { apiVersion: 'client.authentication.k8s.io/v1', command: 'aws', args: [1] } }],
    [{ exec: { apiVersion: 'client.authentication.k8s.io/v1', command: 'aws', env: [{ name: 'A' }] } }],
    [{ exec: { apiVersion: 'client.authentication.k8s.io/v1', command: 'aws', interactiveMode: 'Always' } }],
    [{ 'auth-provider': { name: 'gcp' } }],
    [{ 'as-groups': ['system:masters'] }],
    [{ 'as-uid': 'u' }],
    [{ as: '', 'as-user-extra': { scopes: ['view'] } }],
  ])('refuses a user with %j', async (user) => {
    const config = { ...minikube('https://a:1'), users: [{ name: 'minikube', user }] };
    const env = { KUBECONFIG: await writeKubeconfig(home, 'config', config) };
    await expect(find('minikube', env)).rejects.toMatchObject({
      diagnostics: [{ code: 'kubeconfig-credentials' }],
    });
  });

  it.each([
    ['not YAML', 'a: [', 'kubeconfig-malformed'],
    ['a list', '- a', 'kubeconfig-malformed'],
    ['clusters that are no list', 'clusters: 1', 'kubeconfig-malformed'],
    ['an entry whose name is no text', 'clusters: [{name: 1}]', 'kubeconfig-malformed'],
    ['an entry that is a text', 'clusters: [a]', 'kubeconfig-malformed'],
    ['an entry given twice', 'users: [{name: a}, {name: a}]', 'kubeconfig-malformed'],
    [
      'a user that is no name',
      'contexts: [{name: minikube, context: {user: {toString: 1}}}]',
      'kubeconfig-malformed',
    ],
    [
      'a cluster that is no name',
      'contexts: [{name: other, context: {cluster: [a]}}]',
      'kubeconfig-malformed',
    ],
    ['an empty file', '', 'context-unknown'],
  ])('reports %s', async (_, text, code) => {
    const file = join(home, 'config');
    await writeFile(file, text);
    await expect(find('minikube', { KUBECONFIG: file })).rejects.toMatchObject({ diagnostics: [{ code }] });
  });

  it('reports a folder where a file should be', async () => {
    await expect(find('minikube', { KUBECONFIG: home })).rejects.toMatchObject({
      diagnostics: [{ code: 'kubeconfig-unreadable' }],
    });
  });

  it('says what is wrong without a claim of another program, and never with the parser’s own advice', async () => {
    const file = join(home, 'config');
    await writeFile(file, 'a: b: c\n---\n');
    await expect(find('minikube', { KUBECONFIG: file })).rejects.toMatchObject({
      diagnostics: [
        {
          code: 'kubeconfig-malformed',
          summary: `${file} is not a kubeconfig file: Nested mappings are not allowed in compact mappings at line 1, column 4`,
          cause: 'Every file of the kubeconfig is read to find a context.',
          fix: 'Correct the file.',
        },
      ],
    });
  });

  const utf16 = (text: string) => Buffer.from(text, 'utf16le');
  const plain = JSON.stringify(minikube('https://192.168.39.2:8443'), null, 2);

  it.each([
    ['a final ---', `${plain}\n---\n`],
    ['a second document of comments', `${plain}\n---\n# nothing\n`],
    ['a second document with another server', `${plain}\n---\n${plain.replace('39.2', '39.3')}`],
    ['a second document that is no YAML', `${plain}\n---\na: [`],
    ['something after the end of the document', `${plain}\n...\na: [`],
    ['a comment and a mark of the first document', `# mine\n---\n${plain}`],
    ['a key given twice', plain.replace('"server":', '"server": "https://192.168.39.9:1", "server":')],
    ['a section given twice', `{"clusters": [], ${plain.slice(1)}`],
    ['UTF-8 with a byte order mark', Buffer.from(`\uFEFF${plain}`)],
    ['UTF-16, little endian, with a byte order mark', utf16(`\uFEFF${plain}`)],
    ['UTF-16, big endian, with a byte order mark', utf16(`\uFEFF${plain}`).swap16()],
    ['line ends of Windows', plain.replaceAll('\n', '\r\n')],
    ['a tab before a value', plain.replace('"server":', '"server":\t')],
    [
      'fields that are null',
      plain.replace('"server":', '"proxy-url": null, "tls-server-name": ~, "server":'),
    ],
    [
      'impersonation of nobody',
      plain.replace('"token":', '"as": "", "as-uid": "", "as-groups": [], "as-user-extra": {}, "token":'),
    ],
    [
      'other logins that are null',
      plain.replace('"token":', '"exec": null, "auth-provider": null, "token":'),
    ],
    ['an entry of nothing', plain.replace('"clusters": [', '"clusters": [null, ')],
    ['an entry with no name', plain.replace('"clusters": [', '"clusters": [{},')],
    ['keys that nobody knows', plain.replace('"server":', '"since": 2001-01-01, 1: 2, "server":')],
  ])('reads %s', async (_, content) => {
    const file = join(home, 'config');
    await writeFile(file, content);
    const found = await find('minikube', { KUBECONFIG: file });
    expect(found).toMatchObject({ server: { hostname: '192.168.39.2' }, writtenByMinikube: true });
    expect(found.user).toEqual({ token: 'secret-token' });
    expect(found.cluster).not.toHaveProperty('proxy-url');
  });

  it('reads YAML 1.1: anchors, merges, and yes for true, but times as texts', async () => {
    const file = join(home, 'config');
    await writeFile(
      file,
      `defaults: &defaults { insecure-skip-tls-verify: yes }
clusters: [{ name: a, cluster: { <<: *defaults, server: "https://a:1", tls-server-name: 1:30 } }]
users: [{ name: a, user: { token: 2001-01-01 } }]
contexts: [{ name: a, context: { cluster: a, user: a } }]
`,
    );
    const { cluster, user } = await find('a', { KUBECONFIG: file });
    expect(cluster).toMatchObject({ 'insecure-skip-tls-verify': true, 'tls-server-name': '1:30' });
    expect(user).toEqual({ token: '2001-01-01' });
  });

  it.each([
    ['UTF-16 without a byte order mark', utf16(plain), 'it is UTF-16 or UTF-32 without a byte order mark'],
    ['the same, big endian', utf16(plain).swap16(), 'it is UTF-16 or UTF-32 without a byte order mark'],
    ['UTF-32', Buffer.from([0xff, 0xfe, 0, 0, 0x61, 0, 0, 0]), 'it is UTF-32'],
    ['half a UTF-16', utf16(`\uFEFF${plain}`).subarray(0, -1), 'some of its bytes are not UTF-16'],
    ['Latin-1', Buffer.from(`# café\n${plain}`, 'latin1'), 'some of its bytes are not UTF-8'],
  ])('refuses %s for what it is, and says how to save it', async (_, content, why) => {
    const file = join(home, 'config');
    await writeFile(file, content);
    await expect(find('minikube', { KUBECONFIG: file })).rejects.toMatchObject({
      diagnostics: [
        {
          code: 'kubeconfig-malformed',
          summary: `${file} is not a kubeconfig file: ${why}`,
          fix: 'Save it as UTF-8.',
        },
      ],
    });
  });

  it.each([
    ['token: 4711', 'user is malformed: token is not a text'],
    ['token: on', 'user is malformed: token is not a text'],
    ['password: [hidden]', 'user is malformed: password is not a text'],
    ['as-groups: admins', 'user is malformed: as-groups is not a list of texts'],
    ['as-user-extra: { scopes: view }', 'user is malformed: as-user-extra is not a map of lists of texts'],
  ])('refuses a user with %s by the name of the field alone', async (field, why) => {
    const file = join(home, 'config');
    await writeFile(file, plain.replace('"token": "secret-token"', field));
    await expect(find('minikube', { KUBECONFIG: file })).rejects.toMatchObject({
      diagnostics: [{ code: 'kubeconfig-malformed', summary: `context "minikube": its ${why}` }],
    });
  });

  it('refuses a flag that is a text', async () => {
    const file = join(home, 'config');
    await writeFile(file, plain.replace('"server":', '"insecure-skip-tls-verify": "true", "server":'));
    await expect(find('minikube', { KUBECONFIG: file })).rejects.toMatchObject({
      diagnostics: [
        {
          summary:
            'context "minikube": its cluster is malformed: insecure-skip-tls-verify is not true or false',
        },
      ],
    });
  });
});

describe('kubeconfigFiles', () => {
  it.each(['', '.', 'home'])('names no file of the working directory where the home is %j', (unknown) => {
    expect(kubeconfigFiles({}, unknown)).toEqual([]);
  });

  it('names none where KUBECONFIG lists but empty names, and says so', async () => {
    expect(kubeconfigFiles({ KUBECONFIG: delimiter }, home)).toEqual([]);
    await expect(find('minikube', { KUBECONFIG: delimiter })).rejects.toMatchObject({
      diagnostics: [{ cause: expect.stringMatching(/^KUBECONFIG and HOME name no file/) }],
    });
  });

  it('finds what a file names by a relative path beside that file, where that is named by one, too', async () => {
    const file = relative(process.cwd(), await writeKubeconfig(home, 'config', minikube('https://a:1')));
    const { cluster } = await find('minikube', { KUBECONFIG: file });
    expect(cluster['certificate-authority']).toBe(join(home, 'ca.crt'));
  });

  it('runs no program of PATH where a file of the working directory names one beside itself', async () => {
    const exec = { apiVersion: 'client.authentication.k8s.io/v1', command: './login' };
    const config = { ...minikube('https://a:1'), users: [{ name: 'minikube', user: { exec } }] };
    await writeKubeconfig(home, 'config', config);
    const before = process.cwd();
    process.chdir(home);
    try {
      const { program } = await find('minikube', { KUBECONFIG: 'config' });
      expect(program?.argv).toEqual([join(process.cwd(), 'login')]);
    } finally {
      process.chdir(before);
    }
  });
});
