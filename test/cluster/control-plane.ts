import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { type IncomingMessage, request } from 'node:http';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { ADMIN, type Authority, createAuthority } from '../../src/embedded-api/certificates.ts';
import { type JsonObject, textAt } from '../../src/embedded-api/objects/json.ts';
import { type Access, TestClient } from '../embedded-api/client.ts';
import type { Namespace } from '../kernel/netns.ts';
import { Daemon, RELAY } from './daemon.ts';
import { requirePrograms } from './programs.ts';

/** minikube's. */
export const API_PORT = 8443;
const ETCD_PORT = 2379;
const ETCD = `http://127.0.0.1:${ETCD_PORT}`;
const ETCD_PEER = 'http://127.0.0.1:2380';

export interface ControlPlaneOptions {
  readonly namespace: Namespace;
  /** Where it is reached, an address of the namespace other than loopback. */
  readonly address: string;
  /** Where else it may be reached one day: its certificate is for these, too. */
  readonly otherAddresses?: readonly string[];
  /** Its files; the caller removes them. */
  readonly directory: string;
  readonly serviceCidrs: readonly string[];
}

interface Door {
  readonly port: number;
  close(): void;
}

/** Listens on loopback outside and passes connections on to a namespace's own loopback. */
async function openDoor(namespace: Namespace, socket: string, port: number): Promise<Door> {
  const relay = new Daemon('relay', namespace, [process.execPath, RELAY, socket, `127.0.0.1:${port}`]);
  await relay.until('listens', () => relay.said.includes('ready'));
  const door: Server = createServer((outside) => {
    const inside = connect(socket);
    outside.on('error', () => inside.destroy());
    inside.on('error', () => outside.destroy());
    outside.on('close', () => inside.destroy());
    inside.on('close', () => outside.destroy());
    outside.pipe(inside).pipe(outside);
  });
  door.listen(0, '127.0.0.1');
  await once(door, 'listening');
  return { port: (door.address() as AddressInfo).port, close: () => door.close() };
}

/** A real etcd and kube-apiserver in one namespace. They end with it. */
export class ControlPlane {
  readonly authority: Authority;
  /** From within the namespaces. */
  readonly url: string;
  /** From outside, through loopback, as a member of system:masters. */
  readonly access: Access;
  readonly client: TestClient;
  readonly #options: ControlPlaneOptions;
  readonly #store: Door;
  readonly #api: Door;
  #etcd: Daemon;
  #apiServer: Daemon;

  private constructor(
    options: ControlPlaneOptions,
    authority: Authority,
    access: Access,
    doors: { readonly api: Door; readonly store: Door },
    daemons: { readonly etcd: Daemon; readonly apiServer: Daemon },
  ) {
    this.#options = options;
    this.authority = authority;
    this.url = `https://${options.address}:${API_PORT}`;
    this.access = access;
    this.client = new TestClient(access);
    this.#api = doors.api;
    this.#store = doors.store;
    this.#etcd = daemons.etcd;
    this.#apiServer = daemons.apiServer;
  }

  /** Starts it, and waits until it is ready. */
  static async start(options: ControlPlaneOptions): Promise<ControlPlane> {
    const { namespace, address, otherAddresses = [], directory } = options;
    const authority = await createAuthority(new Date());
    await writeFiles(authority, [address, ...otherAddresses], directory);
    const etcd = startEtcd(namespace, directory);
    const [api, store, admin] = await Promise.all([
      openDoor(namespace, join(directory, 'api.sock'), API_PORT),
      openDoor(namespace, join(directory, 'etcd.sock'), ETCD_PORT),
      authority.issueClient(ADMIN),
    ]);
    await etcdAnswers(etcd, store.port);
    const apiServer = startApiServer(options);
    const access = {
      url: `https://127.0.0.1:${api.port}`,
      ca: authority.ca,
      clientCert: admin.cert,
      clientKey: admin.key,
    };
    const controlPlane = new ControlPlane(options, authority, access, { api, store }, { etcd, apiServer });
    await controlPlane.#ready();
    return controlPlane;
  }

  async #ready(): Promise<void> {
    const ready = (): Promise<boolean> =>
      this.client.get('/readyz').then(
        ({ code }) => code === 200,
        () => false,
      );
    await this.#apiServer.until('is ready', ready);
    // A controller makes these, which readiness does not wait for.
    await this.#apiServer.until('has its namespaces', async () => {
      const names = ['default', 'kube-system', 'kube-public', 'kube-node-lease'];
      const found = await Promise.all(names.map((name) => this.client.get(`/api/v1/namespaces/${name}`)));
      return found.every(({ code }) => code === 200);
    });
  }

  /** What a client with another certificate reaches it with. */
  async accessOf(subject: string): Promise<Access> {
    const { cert, key } = await this.authority.issueClient(subject);
    return { ...this.access, clientCert: cert, clientKey: key };
  }

  /** Forgets all history: etcd compacts it, and a fresh kube-apiserver has none in its watch cache. */
  async forgetHistory(): Promise<void> {
    const { body } = await this.client.get('/api/v1/services?limit=1');
    const revision = textAt(body, 'metadata', 'resourceVersion') ?? '';
    if (!(await askEtcd(this.#store.port, '/v3/kv/compaction', { revision, physical: true }))) {
      throw new Error(`etcd did not compact up to ${revision}`);
    }
    await this.#apiServer.stop();
    this.#apiServer = startApiServer(this.#options);
    await this.#ready();
  }

  /** SIGKILL, as when its machine loses power. */
  async kill(): Promise<void> {
    await Promise.all([this.#apiServer.kill(), this.#etcd.kill()]);
  }

  /** Starts it again, with all that it had stored, and waits until it is ready. */
  async restart(): Promise<void> {
    const { namespace, directory } = this.#options;
    this.#etcd = startEtcd(namespace, directory);
    await etcdAnswers(this.#etcd, this.#store.port);
    this.#apiServer = startApiServer(this.#options);
    await this.#ready();
  }

  /** Closes what is open outside the namespace. */
  close(): void {
    this.client.close();
    this.#api.close();
    this.#store.close();
  }
}

async function writeFiles(
  authority: Authority,
  addresses: readonly string[],
  directory: string,
): Promise<void> {
  const serving = await authority.issueServer([...addresses, '127.0.0.1', 'localhost', 'kubernetes']);
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const files = {
    'ca.crt': authority.ca,
    'apiserver.crt': serving.cert,
    'apiserver.key': serving.key,
    'sa.key': privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    'sa.pub': publicKey.export({ type: 'spki', format: 'pem' }).toString(),
  };
  for (const [name, text] of Object.entries(files)) {
    await writeFile(join(directory, name), text, { mode: 0o600 });
  }
}

function startEtcd(namespace: Namespace, directory: string): Daemon {
  return new Daemon('etcd', namespace, [
    requirePrograms().etcd,
    `--data-dir=${join(directory, 'etcd')}`,
    `--listen-client-urls=${ETCD}`,
    `--advertise-client-urls=${ETCD}`,
    `--listen-peer-urls=${ETCD_PEER}`,
    `--initial-advertise-peer-urls=${ETCD_PEER}`,
    `--initial-cluster=default=${ETCD_PEER}`,
    // Nothing of it outlives the test.
    '--unsafe-no-fsync',
    '--log-level=error',
  ]);
}

/** kube-apiserver waits seconds between its attempts to reach it. */
async function etcdAnswers(etcd: Daemon, port: number): Promise<void> {
  await etcd.until('answers', () => askEtcd(port, '/v3/kv/range', { key: 'AA==' }).catch(() => false));
}

function startApiServer(options: ControlPlaneOptions): Daemon {
  const { namespace, address, directory, serviceCidrs } = options;
  const file = (name: string): string => join(directory, name);
  return new Daemon('kube-apiserver', namespace, [
    requirePrograms()['kube-apiserver'],
    `--etcd-servers=${ETCD}`,
    '--bind-address=0.0.0.0',
    `--advertise-address=${address}`,
    `--secure-port=${API_PORT}`,
    `--cert-dir=${directory}`,
    `--tls-cert-file=${file('apiserver.crt')}`,
    `--tls-private-key-file=${file('apiserver.key')}`,
    `--client-ca-file=${file('ca.crt')}`,
    `--service-account-issuer=https://kubernetes.default.svc.cluster.local`,
    `--service-account-key-file=${file('sa.pub')}`,
    `--service-account-signing-key-file=${file('sa.key')}`,
    `--service-cluster-ip-range=${serviceCidrs.join(',')}`,
    '--authorization-mode=Node,RBAC',
    // Nobody makes the service accounts that this would ask of pods.
    '--disable-admission-plugins=ServiceAccount',
    // The namespace is another one after each test; nothing has to be drained.
    '--shutdown-delay-duration=0s',
  ]);
}

/** One call of etcd's JSON gateway (etcd, api/etcdserverpb); whether it succeeded. */
async function askEtcd(port: number, path: string, body: JsonObject): Promise<boolean> {
  const sent = request({ host: '127.0.0.1', port, path, method: 'POST' });
  sent.end(JSON.stringify(body));
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  response.resume();
  await once(response, 'end');
  return response.statusCode === 200;
}
