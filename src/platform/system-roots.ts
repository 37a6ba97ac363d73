import { readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import * as tls from 'node:tls';
import { readBounded } from './bounded-file.ts';

const MAX_BYTES = 8 * 1024 * 1024;

/** Where distributions keep all in one file; the first that is there counts (Go, crypto/x509, root_linux.go). */
const FILES = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/pki/tls/cacert.pem',
  '/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem',
  '/etc/ssl/cert.pem',
];
/** Where they keep one file for each; all of them count. */
const DIRECTORIES = ['/etc/ssl/certs', '/etc/pki/tls/certs'];

const PEM = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** The certificates of a file; null where it cannot be read. Another file may hold what is needed: as Go does it. */
async function certificatesOf(file: string): Promise<readonly string[] | null> {
  try {
    const text = (await readBounded(file, { maxBytes: MAX_BYTES })).toString('latin1');
    return text.match(PEM) ?? [];
  } catch {
    return null;
  }
}

/** A hash that leads to a file of the same directory, which is read under its own name. */
async function isAlias(path: string): Promise<boolean> {
  return !(await readlink(path)).includes('/');
}

/** The files of a directory; none where it cannot be read. */
async function filesOf(directory: string): Promise<readonly string[]> {
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => []);
  const paths = await Promise.all(
    entries.map(async (entry) => {
      const path = join(directory, entry.name);
      return entry.isSymbolicLink() && (await isAlias(path)) ? [] : [path];
    }),
  );
  return paths.flat();
}

async function fromFiles(env: NodeJS.ProcessEnv): Promise<readonly string[]> {
  const { SSL_CERT_FILE: file = '', SSL_CERT_DIR: directories = '' } = env;
  const found: string[] = [];
  for (const candidate of file === '' ? FILES : [file]) {
    const certificates = await certificatesOf(candidate);
    if (certificates === null) continue;
    found.push(...certificates);
    break;
  }
  for (const directory of directories === '' ? DIRECTORIES : directories.split(':')) {
    for (const path of await filesOf(directory)) found.push(...((await certificatesOf(path)) ?? []));
  }
  return found;
}

/** What macOS and Windows trust; nothing on a Node that cannot ask them (before 22.15). */
function fromSystem(): readonly string[] {
  const { getCACertificates } = tls as { getCACertificates?: (kind: 'system') => string[] };
  return getCACertificates?.('system') ?? [];
}

/**
 * The CAs that this system trusts, each as PEM: where a kubeconfig names none, they vouch for its server, with what
 * NODE_EXTRA_CA_CERTS adds for programs of Node. On Linux they are found as Go's programs do it, by SSL_CERT_FILE and
 * SSL_CERT_DIR too. Undefined where there are none: Node's own count then.
 */
export async function systemRoots(env: NodeJS.ProcessEnv): Promise<readonly string[] | undefined> {
  const roots = process.platform === 'linux' ? await fromFiles(env) : fromSystem();
  if (roots.length === 0) return undefined;
  const extra = env['NODE_EXTRA_CA_CERTS'] ?? '';
  return [...new Set([...roots, ...(extra === '' ? [] : ((await certificatesOf(extra)) ?? []))])];
}
