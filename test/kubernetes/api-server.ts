import { randomUUID, webcrypto } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import { type AddressInfo, isIP } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as x509 from '@peculiar/x509';
import type { ProgramPolicy } from '../../src/kubernetes/connect.ts';

/** For contexts whose credentials are in the kubeconfig. */
export const NO_PROGRAMS: ProgramPolicy = {
  runner: { run: async () => Promise.reject(new Error('a program was run')) },
  mayRun: async () => false,
  approval: 'mkplan plan --allow credentials',
};

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const DAY_MS = 86_400_000;

export interface Certificates {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

async function pemOfKey(key: webcrypto.CryptoKey): Promise<string> {
  const der = await webcrypto.subtle.exportKey('pkcs8', key);
  return x509.PemConverter.encode(der, 'PRIVATE KEY');
}

/** A CA and a certificate that it issues for localhost and an address; it ends in so many milliseconds. */
export async function makeCertificates(address = '127.0.0.1', endsInMs = DAY_MS): Promise<Certificates> {
  const generate = () => webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const [caKeys, keys] = await Promise.all([generate(), generate()]);
  const validity = { notBefore: new Date(Date.now() - DAY_MS), notAfter: new Date(Date.now() + DAY_MS) };
  const ca = await x509.X509CertificateGenerator.createSelfSigned({
    // Of two CAs of one name, OpenSSL asks only one.
    name: `CN=test CA ${randomUUID()}`,
    ...validity,
    signingAlgorithm: ALGORITHM,
    keys: caKeys,
    extensions: [new x509.BasicConstraintsExtension(true, undefined, true)],
  });
  const cert = await x509.X509CertificateGenerator.create({
    subject: 'CN=apiserver',
    issuer: ca.subject,
    notBefore: validity.notBefore,
    notAfter: new Date(Date.now() + endsInMs),
    signingAlgorithm: ALGORITHM,
    publicKey: keys.publicKey,
    signingKey: caKeys.privateKey,
    extensions: [
      new x509.SubjectAlternativeNameExtension([
        { type: 'ip', value: address },
        { type: 'dns', value: 'localhost' },
      ]),
    ],
  });
  return { ca: ca.toString('pem'), cert: cert.toString('pem'), key: await pemOfKey(keys.privateKey) };
}

/** A request as the server saw it, with its body. */
interface Seen {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
  /** Name and value of each in turn, as they came. */
  readonly rawHeaders: readonly string[];
  readonly body: string;
}

export type Handler = (seen: Seen, response: ServerResponse) => void;

export interface ApiServer {
  readonly port: number;
  readonly certificates: Certificates;
  readonly seen: readonly Seen[];
  /** How many connections were made. */
  connections(): number;
  /** What answers from now on. */
  handle(handler: Handler): void;
  close(): Promise<void>;
}

/** An error is a Status, as kube-apiserver's are. */
export function answerJson(response: ServerResponse, status: number, body: unknown): void {
  const told = status < 400 ? body : { ...statusOf(status), ...(body as object) };
  response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(told));
}

/** The Status of a failure (Kubernetes API conventions, "Response Status Kind"). */
function statusOf(code: number, message = `HTTP status ${code}`): object {
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, code };
}

/** One page of a list, or all of it. */
export function listOf(
  apiVersion: string,
  kind: string,
  items: readonly object[] | null,
  metadata: object = {},
): object {
  return { apiVersion, kind: `${kind}List`, metadata: { resourceVersion: '10', ...metadata }, items };
}

async function bodyOf(incoming: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of incoming.setEncoding('utf8')) text += chunk;
  return text;
}

/** A small HTTPS server on loopback that plays a Kubernetes API. */
export async function startApiServer(certificates: Certificates): Promise<ApiServer> {
  const seen: Seen[] = [];
  let connections = 0;
  let handler: Handler = (_, response) => answerJson(response, 404, { message: 'no handler' });
  const server: Server = createServer(
    { cert: certificates.cert, key: certificates.key },
    (incoming, response) => {
      const url = new URL(incoming.url ?? '/', 'https://server');
      bodyOf(incoming).then((body) => {
        const { method = '', headers, rawHeaders } = incoming;
        const request: Seen = {
          method,
          path: url.pathname,
          query: url.searchParams,
          headers,
          rawHeaders,
          body,
        };
        seen.push(request);
        handler(request, response);
      }, response.destroy.bind(response));
    },
  );
  server.on('secureConnection', () => {
    connections++;
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    certificates,
    seen,
    connections: () => connections,
    handle(next) {
      handler = next;
    },
    close() {
      server.closeAllConnections();
      return new Promise((resolve, reject) => server.close((error) => (error ? reject(error) : resolve())));
    },
  };
}

/** A home directory of its own, removed when the test is over. */
export async function makeHome(): Promise<{ home: string; remove(): Promise<void> }> {
  const home = await mkdtemp(join(tmpdir(), 'mkplan-kubernetes-'));
  return { home, remove: () => rm(home, { recursive: true, force: true }) };
}

/** Entries of a kubeconfig as minikube writes them. */
export function minikubeKubeconfig(name: string, server: string, caFile: string): Record<string, unknown> {
  const extension = (extensionName: string) => [
    { name: extensionName, extension: { provider: 'minikube.sigs.k8s.io', version: 'v1.36.0' } },
  ];
  return {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': name,
    clusters: [
      {
        name,
        cluster: { server, 'certificate-authority': caFile, extensions: extension('cluster_info') },
      },
    ],
    contexts: [{ name, context: { cluster: name, user: name, extensions: extension('context_info') } }],
    users: [{ name, user: { token: 'secret-token' } }],
  };
}

/** Writes a kubeconfig (JSON is YAML) and returns its path. */
export async function writeKubeconfig(folder: string, file: string, config: unknown): Promise<string> {
  const path = join(folder, file);
  await writeFile(path, JSON.stringify(config));
  return path;
}

/** The URL of a server on loopback. */
export function urlOf(server: ApiServer, host = '127.0.0.1'): string {
  return `https://${isIP(host) === 6 ? `[${host}]` : host}:${server.port}`;
}
