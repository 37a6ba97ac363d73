import type { RequestOptions } from 'node:https';
import { KubeConfig } from '@kubernetes/client-node';
import { systemRoots } from '../../platform/system-roots.ts';
import type { Credentials } from '../client/link.ts';
import { readCredentialFile, withFilesRead } from './credential-files.ts';
import { impersonationHeaders } from './impersonation.ts';
import type { KubeContext } from './kubeconfig.ts';

type Entry = KubeContext['user'];

/** What the library would do in another way than we: run a program with no time-out, and name but the user. */
const OURS = ['exec', 'as', 'as-uid', 'as-groups', 'as-user-extra'];

function without(entry: Entry, keys: readonly string[]): Entry {
  return Object.fromEntries(Object.entries(entry).filter(([key]) => !keys.includes(key)));
}

/** The library knows no `tokenFile`, which kubectl prefers to `token` wherever there is something in it. */
async function withToken(user: Entry): Promise<Entry> {
  const { tokenFile: file, token } = user;
  if (typeof file !== 'string') return user;
  try {
    const read = (await readCredentialFile(file)).toString('utf8').trim();
    if (read !== '') return { ...user, token: read };
    if (token === undefined) throw new Error(`${file} is empty`);
  } catch (error) {
    // The other token will do, as with kubectl: the file may be one of a program that did not run yet.
    if (token === undefined) throw error;
  }
  return user;
}

function present<K extends string, V>(key: K, value: V | undefined): Partial<Record<K, V>> {
  return value === undefined ? {} : ({ [key]: value } as Record<K, V>);
}

/**
 * Reads the credentials of a context: CA, client certificate, token or password, and whom to impersonate
 * (k8s.io/client-go, tools/clientcmd/api/v1, Cluster and AuthInfo). `readKubeContext` has refused those of other
 * kinds; a program is for `ProgramCredentials`. Throws the error of a file that cannot be read.
 */
export async function readCredentials(
  { name, cluster, user }: KubeContext,
  env: NodeJS.ProcessEnv,
): Promise<Credentials> {
  const config = new KubeConfig();
  config.loadFromString(
    JSON.stringify({
      clusters: [{ name, cluster: without(await withFilesRead(cluster), ['proxy-url']) }],
      // A context without a user has its CA dropped by the library: it gets one that says nothing.
      users: [{ name, user: without(await withFilesRead(await withToken(user)), OURS) }],
      contexts: [{ name, context: { cluster: name, user: name } }],
      'current-context': name,
    }),
  );
  const options: RequestOptions = {};
  await config.applyToHTTPSOptions(options);
  const { tls, headers } = credentialsOf(options);
  const isTrusting = tls.ca !== undefined || !tls.rejectUnauthorized;
  return {
    tls: isTrusting ? tls : { ...tls, ...present('ca', await systemRoots(env)) },
    headers: { ...headers, ...impersonationHeaders(user) },
  };
}

function credentialsOf(options: RequestOptions): Credentials {
  const headers = Object.entries((options.headers ?? {}) as Record<string, unknown>);
  const basic = typeof options.auth === 'string' ? Buffer.from(options.auth).toString('base64') : undefined;
  return {
    tls: {
      ...present('ca', options.ca?.toString()),
      ...present('cert', options.cert as string | Buffer | undefined),
      ...present('key', options.key as string | Buffer | undefined),
      ...present('servername', options.servername),
      // Said outright, since Node would otherwise follow NODE_TLS_REJECT_UNAUTHORIZED.
      rejectUnauthorized: options.rejectUnauthorized !== false,
    },
    headers: {
      ...present('Authorization', basic === undefined ? undefined : `Basic ${basic}`),
      ...Object.fromEntries(headers.map(([key, value]) => [key, String(value)])),
    },
  };
}
