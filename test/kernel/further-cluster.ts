import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { dirname, join } from 'node:path';
import { parse, stringify } from 'yaml';
import { createEmbeddedApi, type EmbeddedApi } from '../../src/embedded-api/server.ts';
import { pathsOf } from '../../src/sandbox/files.ts';
import { post } from '../cluster/bed.ts';
import { type Daemon, RELAY } from '../cluster/daemon.ts';
import { nodeObject } from '../cluster/objects.ts';
import { TestClient } from '../embedded-api/client.ts';
import type { SandboxWorld } from './sandbox-world.ts';

/** A cluster beside the one of a world: an API of its own behind a door in the same machine, and a context for it. */
export class FurtherCluster {
  readonly client: TestClient;
  readonly #api: EmbeddedApi;
  readonly #entrance: Server;
  readonly #door: Daemon;

  private constructor(api: EmbeddedApi, entrance: Server, door: Daemon) {
    this.client = new TestClient(api);
    this.#api = api;
    this.#entrance = entrance;
    this.#door = door;
  }

  /** Adds its context, by its name, to the kubeconfig of the world. */
  static async create(
    world: SandboxWorld,
    name: string,
    port: number,
    relay = RELAY,
  ): Promise<FurtherCluster> {
    const directory = dirname(world.spec);
    const { address } = world.node(0);
    const options = { address: '127.0.0.1', port: 0, serviceCidrs: ['10.96.0.0/12'], subjects: [address] };
    const api = await createEmbeddedApi(options);
    const entrance = createServer((inside) => {
      const outside = connect(Number(new URL(api.url).port), '127.0.0.1');
      inside.on('error', () => outside.destroy()).on('close', () => outside.destroy());
      outside.on('error', () => inside.destroy()).on('close', () => inside.destroy());
      inside.pipe(outside).pipe(inside);
    });
    const socket = join(directory, `${name}.sock`);
    await once(entrance.listen(socket), 'listening');
    const door = world.startOn(0, [process.execPath, relay, `${address}:${port}`, socket]);
    await door.until('is open', () => door.said.includes('ready'));
    const cluster = new FurtherCluster(api, entrance, door);
    await post(
      cluster.client,
      '/api/v1/nodes',
      nodeObject({ name, address, podCidr: '10.250.0.0/24' }, true),
    );
    await addContext(pathsOf(directory).kubeconfig, name, `https://${address}:${port}`, api);
    return cluster;
  }

  /** Has it take connections and requests, and answer none; or go on. */
  suspend(how: 'SIGSTOP' | 'SIGCONT'): void {
    this.#door.signal(how);
  }

  async close(): Promise<void> {
    this.client.close();
    await this.#door.kill();
    await this.#api.close();
    this.#entrance.close();
  }
}

/** Adds a context of this name to a kubeconfig; `api` says who vouches for the server, and who asks it. */
export async function addContext(
  file: string,
  name: string,
  server: string,
  api: Pick<EmbeddedApi, 'ca' | 'clientCert' | 'clientKey'>,
): Promise<void> {
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  const config = parse(await readFile(file, 'utf8')) as Record<'clusters' | 'contexts' | 'users', object[]>;
  config.clusters.push({ name, cluster: { 'certificate-authority-data': base64(api.ca), server } });
  config.contexts.push({ name, context: { cluster: name, user: name } });
  const user = {
    'client-certificate-data': base64(api.clientCert),
    'client-key-data': base64(api.clientKey),
  };
  config.users.push({ name, user });
  await writeFile(file, stringify(config), { mode: 0o600 });
}
