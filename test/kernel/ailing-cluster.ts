import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { createEmbeddedApi, type EmbeddedApi } from '../../src/embedded-api/server.ts';
import type { Argv } from '../../src/platform/command.ts';
import { post } from '../cluster/bed.ts';
import { type Daemon, RELAY } from '../cluster/daemon.ts';
import { nodeObject } from '../cluster/objects.ts';
import { TestClient } from '../embedded-api/client.ts';
import { type Fault, type FaultProxy, PASS, type Passing, startFaultProxy } from '../faults/proxy.ts';
import { addContext } from './further-cluster.ts';

/** What can be wrong with a cluster that nobody can talk to, or not for long. */
export const AILMENTS = {
  off: 'nobody has its address',
  paused: 'takes connections, and never says a word',
  slow: 'answers a byte a second',
  flapping: 'dies and comes back, again and again',
  endless: 'its lists never end',
  flooding: 'its watches never stop sending',
} as const;

export type Ailment = keyof typeof AILMENTS;

/** How long a flapping one is there, and is not. Milliseconds. */
const FLAP_MS = 1_000;
const DRIP_MS = 1_000;
/** Objects of one page of an endless list. */
const PAGE = 500;
const POD_CIDR = '10.250.0.0/24';
const SERVICE_CIDR = '10.96.0.0/12';

/** Where an ailing cluster seems to be. */
export interface Place {
  readonly address: string;
  readonly port: number;
  /** Starts a program on the machine that has the address. */
  readonly start: (argv: Argv) => Daemon;
  /** Where a socket may be made. */
  readonly directory: string;
}

const KINDS: Readonly<Record<string, readonly [string, string]>> = {
  services: ['v1', 'Service'],
  nodes: ['v1', 'Node'],
  endpointslices: ['discovery.k8s.io/v1', 'EndpointSlice'],
};

/** One more page of a list that has no end, of objects that are all right. */
function endlessly(): (passing: Passing) => Fault {
  let page = 0;
  return ({ method, path, isWatch }) => {
    const listed = KINDS[path.split('/').at(-1) ?? ''];
    if (method !== 'GET' || isWatch || listed === undefined) return PASS;
    const [apiVersion, kind] = listed;
    page++;
    const items = Array.from({ length: PAGE }, (_, index) => ({
      metadata: {
        name: `x-${page}-${index}`,
        namespace: 'default',
        uid: `${page}-${index}`,
        resourceVersion: '1',
      },
    }));
    const metadata = { resourceVersion: '1', continue: `after ${page}` };
    return { kind: 'answer', status: 200, body: { apiVersion, kind: `${kind}List`, metadata, items } };
  };
}

/** Events of one object each, a hundred at a time, as fast as they are read. */
async function* floodOf(apiVersion: string, kind: string): AsyncGenerator<Buffer> {
  for (let version = 1000; ; ) {
    const lines = Array.from({ length: 100 }, () => {
      const metadata = { name: 'x', namespace: 'default', uid: 'x', resourceVersion: String(++version) };
      const spec = { type: 'LoadBalancer', loadBalancerClass: 'of/another', externalIPs: [`${version}`] };
      return `${JSON.stringify({ type: 'MODIFIED', object: { apiVersion, kind, metadata, spec } })}\n`;
    });
    yield Buffer.from(lines.join(''));
    await setImmediate();
  }
}

function flooding({ path, isWatch }: Passing): Fault {
  const kind = KINDS[path.split('/').at(-1) ?? ''];
  return isWatch && kind !== undefined
    ? { kind: 'invent', invent: () => ({ body: floodOf(...kind) }) }
    : PASS;
}

const FAULTS: Partial<Record<Ailment, (passing: Passing) => Fault>> = {
  slow: () => ({ kind: 'drip', everyMs: DRIP_MS }),
  endless: endlessly(),
  flooding,
};

/** A cluster that ails, behind a door at an address of its own. */
export class AilingCluster {
  readonly #api: EmbeddedApi;
  readonly #proxy: FaultProxy;
  readonly #entrance: Server;
  readonly #client: TestClient;
  readonly #inside = new Set<Socket>();
  #door: Daemon | null = null;
  #turns = 0;
  #flapping: NodeJS.Timeout | null = null;

  private constructor(api: EmbeddedApi, proxy: FaultProxy, ailment: Ailment) {
    this.#api = api;
    this.#proxy = proxy;
    this.#client = new TestClient(api);
    this.#entrance = createServer((inside) => {
      this.#inside.add(inside);
      inside.on('error', () => undefined).on('close', () => this.#inside.delete(inside));
      if (ailment !== 'paused') this.#pass(inside);
    });
  }

  /** Makes it, and adds a context of this name to the kubeconfig. */
  static async create(
    ailment: Ailment,
    name: string,
    kubeconfig: string,
    place: Place,
  ): Promise<AilingCluster> {
    const { address, port } = place;
    const api = await createEmbeddedApi({ address: '127.0.0.1', port: 0, serviceCidrs: [SERVICE_CIDR] });
    const proxy = await startFaultProxy(api, address);
    const cluster = new AilingCluster(api, proxy, ailment);
    proxy.decide(FAULTS[ailment] ?? (() => PASS));
    await post(cluster.client, '/api/v1/nodes', nodeObject({ name, address, podCidr: POD_CIDR }, true));
    const { clientCert, clientKey } = api;
    await addContext(kubeconfig, name, `https://${address}:${port}`, { ca: proxy.ca, clientCert, clientKey });
    if (ailment !== 'off') await cluster.#open(name, place);
    if (ailment === 'flapping') cluster.#flap();
    return cluster;
  }

  #pass(inside: Socket): void {
    const outside = connect(this.#proxy.port, '127.0.0.1');
    inside.on('error', () => outside.destroy()).on('close', () => outside.destroy());
    outside.on('error', () => inside.destroy()).on('close', () => inside.destroy());
    inside.pipe(outside).pipe(inside);
  }

  async #open(name: string, { address, port, start, directory }: Place): Promise<void> {
    const socket = join(directory, `${name}.sock`);
    await once(this.#entrance.listen(socket), 'listening');
    const door = start([process.execPath, RELAY, `${address}:${port}`, socket]);
    this.#door = door;
    await door.until('is open', () => door.said.includes('ready'));
  }

  /** What fails while it goes down or up is a test's failure. */
  #flap(): void {
    const turn = async () => {
      await (this.#turns++ % 2 === 0 ? this.#proxy.down() : this.#proxy.up());
      this.#flapping = setTimeout(turn, FLAP_MS);
    };
    this.#flapping = setTimeout(turn, FLAP_MS);
  }

  /** Its administrator, for whom nothing ails. */
  get client(): TestClient {
    return this.#client;
  }

  /** How often a flapping one went down or up. */
  get turns(): number {
    return this.#turns;
  }

  async close(): Promise<void> {
    this.#client.close();
    if (this.#flapping !== null) clearTimeout(this.#flapping);
    await this.#door?.kill();
    for (const socket of this.#inside) socket.destroy();
    if (this.#entrance.listening) this.#entrance.close();
    await this.#proxy.close();
    await this.#api.close();
  }
}
