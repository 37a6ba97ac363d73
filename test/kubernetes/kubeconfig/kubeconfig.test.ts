import { mkdir, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readKubeContext } from '../../../src/kubernetes/kubeconfig/kubeconfig.ts';
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

  it.each([
    ['a context that is not there', {}, 'context-unknown'],
    ['a plain http server', { server: 'http://192.168.39.2:8080' }, 'kubeconfig-server'],
    ['a server that is no URL', { server: 'minikube:8443' }, 'kubeconfig-server'],
    ['a proxy', { server: 'https://a:1', 'proxy-url': 'socks5://b:2' }, 'kubeconfig-proxy'],
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
    [{ as: 'admin', 'as-groups': ['system:masters'] }],
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
    ['an entry with no name', 'clusters: [{}]', 'kubeconfig-malformed'],
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
});
