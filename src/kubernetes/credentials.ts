import { readFile } from 'node:fs/promises';
import type { ApiOptions } from './http.ts';
import type { KubeContext } from './kubeconfig.ts';

/** What proves the server to us, and us to the server. */
export type Credentials = Pick<ApiOptions, 'tls' | 'headers'>;

type Entry = KubeContext['user'];

/** A text of a kubeconfig entry; what is empty or no text counts as absent, as with kubectl. */
function textOf(entry: Entry, key: string): string | undefined {
  const value = entry[key];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** A certificate or key in PEM, given as a file or in base64; both given, the base64 counts, as with kubectl. */
async function pemOf(entry: Entry, key: string): Promise<Buffer | undefined> {
  const data = textOf(entry, `${key}-data`);
  if (data !== undefined) return Buffer.from(data, 'base64');
  const file = textOf(entry, key);
  return file === undefined ? undefined : await readFile(file);
}

async function authorizationOf(user: Entry): Promise<string | undefined> {
  const tokenFile = textOf(user, 'tokenFile');
  const token = tokenFile === undefined ? textOf(user, 'token') : (await readFile(tokenFile, 'utf8')).trim();
  if (token !== undefined) return `Bearer ${token}`;
  const name = textOf(user, 'username');
  if (name === undefined) return undefined;
  return `Basic ${Buffer.from(`${name}:${textOf(user, 'password') ?? ''}`).toString('base64')}`;
}

function present<K extends string, V>(key: K, value: V | undefined): Partial<Record<K, V>> {
  return value === undefined ? {} : ({ [key]: value } as Record<K, V>);
}

/**
 * Reads the credentials of a context: CA, client certificate, token or password, and whom to impersonate
 * (k8s.io/client-go, tools/clientcmd/api/v1, Cluster and AuthInfo). `readKubeContext` has refused those of other
 * kinds. Throws the error of a file that cannot be read.
 */
export async function readCredentials({ cluster, user }: KubeContext): Promise<Credentials> {
  const [ca, cert, key, authorization] = await Promise.all([
    pemOf(cluster, 'certificate-authority'),
    pemOf(user, 'client-certificate'),
    pemOf(user, 'client-key'),
    authorizationOf(user),
  ]);
  return {
    tls: {
      ...present('ca', ca),
      ...present('cert', cert),
      ...present('key', key),
      ...present('servername', textOf(cluster, 'tls-server-name')),
      // Said outright, since Node would otherwise follow NODE_TLS_REJECT_UNAUTHORIZED.
      rejectUnauthorized: cluster['insecure-skip-tls-verify'] !== true,
    },
    headers: {
      ...present('Authorization', authorization),
      ...present('Impersonate-User', textOf(user, 'as')),
    },
  };
}
