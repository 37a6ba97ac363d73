import type { RequestOptions } from 'node:https';
import { KubeConfig } from '@kubernetes/client-node';
import type { Credentials } from '../client/link.ts';
import { readCredentialFile, withFilesRead } from './credential-files.ts';
import type { KubeContext } from './kubeconfig.ts';

type Entry = KubeContext['user'];

/** Without the program that makes credentials: the library would run it with no time-out and nobody's leave. */
function withoutProgram({ exec: _, ...user }: Entry): Entry {
  return user;
}

/** The library knows no `tokenFile`, which kubectl prefers to `token`. */
async function withToken(user: Entry): Promise<Entry> {
  const file = user['tokenFile'];
  return typeof file === 'string' && file !== ''
    ? { ...user, token: (await readCredentialFile(file)).toString('utf8').trim() }
    : user;
}

function present<K extends string, V>(key: K, value: V | undefined): Partial<Record<K, V>> {
  return value === undefined ? {} : ({ [key]: value } as Record<K, V>);
}

/**
 * Reads the credentials of a context: CA, client certificate, token or password, and whom to impersonate
 * (k8s.io/client-go, tools/clientcmd/api/v1, Cluster and AuthInfo). `readKubeContext` has refused those of other
 * kinds; a program is for `ProgramCredentials`. Throws the error of a file that cannot be read.
 */
export async function readCredentials({ name, cluster, user }: KubeContext): Promise<Credentials> {
  const config = new KubeConfig();
  config.loadFromString(
    JSON.stringify({
      clusters: [{ name, cluster: await withFilesRead(cluster) }],
      // A context without a user has its CA dropped by the library: it gets one that says nothing.
      users: [{ name, user: await withFilesRead(await withToken(withoutProgram(user))) }],
      contexts: [{ name, context: { cluster: name, user: name } }],
      'current-context': name,
    }),
  );
  const options: RequestOptions = {};
  await config.applyToHTTPSOptions(options);
  return credentialsOf(options);
}

function credentialsOf(options: RequestOptions): Credentials {
  const headers = Object.entries((options.headers ?? {}) as Record<string, unknown>);
  const basic = typeof options.auth === 'string' ? Buffer.from(options.auth).toString('base64') : undefined;
  return {
    tls: {
      ...present('ca', options.ca as string | Buffer | undefined),
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
