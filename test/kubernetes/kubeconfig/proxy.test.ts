import { describe, expect, it } from 'vitest';
import { readProgram } from '../../../src/kubernetes/kubeconfig/credential-program.ts';
import { findProxy } from '../../../src/kubernetes/kubeconfig/proxy.ts';

const PROXY = 'http://proxy.example:3128';

/** The proxy, and what named it; null for none. */
async function proxyFor(server: string, env: NodeJS.ProcessEnv, cluster = {}, isOwn = false) {
  const context = {
    name: 'c',
    server: new URL(server),
    cluster,
    user: {},
    program: readProgram('c', null),
    writtenByMinikube: false,
  };
  const found = await findProxy(context, env, async () => isOwn);
  return found === null ? null : { url: found.url.href, variable: found.variable };
}

describe('findProxy', () => {
  it.each([
    [{ HTTPS_PROXY: PROXY }, { url: `${PROXY}/`, variable: 'HTTPS_PROXY' }],
    [{ https_proxy: PROXY }, { url: `${PROXY}/`, variable: 'https_proxy' }],
    [
      { HTTPS_PROXY: PROXY, https_proxy: 'http://other' },
      { url: `${PROXY}/`, variable: 'HTTPS_PROXY' },
    ],
    [
      { HTTPS_PROXY: '', https_proxy: PROXY },
      { url: `${PROXY}/`, variable: 'https_proxy' },
    ],
    [{ HTTPS_PROXY: 'proxy.example:3128' }, { url: `${PROXY}/`, variable: 'HTTPS_PROXY' }],
    [{ HTTPS_PROXY: 'proxy' }, { url: 'http://proxy/', variable: 'HTTPS_PROXY' }],
    [{ HTTPS_PROXY: '[::1]:3128' }, { url: 'http://[::1]:3128/', variable: 'HTTPS_PROXY' }],
    [{ HTTPS_PROXY: 'socks5h://proxy' }, { url: 'socks5://proxy', variable: 'HTTPS_PROXY' }],
    [
      { HTTPS_PROXY: PROXY, REQUEST_METHOD: 'GET' },
      { url: `${PROXY}/`, variable: 'HTTPS_PROXY' },
    ],
    [{ HTTP_PROXY: PROXY, http_proxy: PROXY }, null],
    [{ ALL_PROXY: PROXY, all_proxy: PROXY }, null],
    [{ HTTPS_PROXY: PROXY, NO_PROXY: '*' }, null],
    [{}, null],
  ])('reads %j as Go’s programs do', async (env, expected) => {
    expect(await proxyFor('https://api.example:6443', env)).toEqual(expected);
  });

  it.each([
    ['https://localhost:6443', ''],
    ['https://127.0.0.1:6443', ''],
    ['https://127.8.9.10:6443', ''],
    ['https://[::1]:6443', ''],
    ['https://10.1.2.3:6443', '10.1.2.3'],
    ['https://10.1.2.3:6443', '10.1.2.3:6443'],
    ['https://10.1.2.3', '10.1.2.3:443'],
    ['https://10.1.2.3:6443', 'a, 10.0.0.0/8 ,b'],
    ['https://10.1.2.3:6443', '0.0.0.0/0'],
    ['https://[fd00::3]:6443', 'fd00::/8'],
    ['https://[fd00::3]:6443', 'fd00:0::3'],
    ['https://[fd00::3]:6443', '[fd00::3]:6443'],
    ['https://[fd00::3]:6443', '[fd00::3]'],
    ['https://api.example:6443', 'example'],
    ['https://api.example:6443', 'EXAMPLE'],
    ['https://api.example:6443', '.example'],
    ['https://api.example:6443', '*.example'],
    ['https://api.example:6443', 'api.example:6443'],
    ['https://api.example:6443', 'other,*'],
    ['https://bücher.example', 'bücher.example'],
  ])('reaches %s directly where NO_PROXY is "%s"', async (server, noProxy) => {
    expect(await proxyFor(server, { HTTPS_PROXY: PROXY, NO_PROXY: noProxy })).toBeNull();
    expect(await proxyFor(server, { HTTPS_PROXY: PROXY, no_proxy: noProxy })).toBeNull();
  });

  it.each([
    ['https://10.1.2.3:6443', '10.1.2.4'],
    ['https://10.1.2.3:6443', '10.1.2.3:443'],
    ['https://10.1.2.3:6443', '10.1.2.0/33'],
    ['https://10.1.2.3:6443', '10.1.2'],
    ['https://10.1.2.3:6443', '2.3'],
    ['https://[fd00::3]:6443', '10.0.0.0/8'],
    ['https://api.example:6443', 'pi.example'],
    ['https://api.example:6443', 'api.example:443'],
    ['https://example:6443', '.example'],
    ['https://example:6443', '*.example'],
    ['https://api.example:6443', 'api.*'],
    ['https://api.example:6443', 'api.example b'],
    ['https://api.example:6443', ':6443'],
    ['https://api.example:6443', ' , '],
  ])('reaches %s through the proxy where NO_PROXY is "%s"', async (server, noProxy) => {
    expect(await proxyFor(server, { HTTPS_PROXY: PROXY, NO_PROXY: noProxy })).not.toBeNull();
  });

  it('reaches a profile’s own node directly, unless the kubeconfig itself says otherwise', async () => {
    const env = { HTTPS_PROXY: PROXY };
    expect(await proxyFor('https://192.168.49.2:8443', env, {}, true)).toBeNull();
    const own = { 'proxy-url': 'socks5://127.0.0.1:1080' };
    expect(await proxyFor('https://192.168.49.2:8443', env, own, true)).toEqual({
      url: 'socks5://127.0.0.1:1080',
      variable: null,
    });
  });

  it.each(['ftp://u:secret@proxy', 'http://u:50%@proxy'])('refuses %s', async (value) => {
    const failed = await proxyFor('https://api.example', { HTTPS_PROXY: value }).catch(
      (error: unknown) => error,
    );
    expect(failed).toMatchObject({
      diagnostics: [{ code: 'kubeconfig-proxy', summary: expect.stringContaining('HTTPS_PROXY') }],
    });
    expect(JSON.stringify(failed)).not.toContain('secret');
  });
});
