import { writeFile } from 'node:fs/promises';
import { createServer, type Server as HttpServer } from 'node:http';
import { createServer as createTcpServer, type Server } from 'node:net';
import { Failure } from '../model/diagnostic.ts';
import type { CommandRunner } from '../platform/command.ts';
import type { Answering } from './answers.ts';

/** The longest that one `ip -batch` may take. */
const IP_TIMEOUT_MS = 60_000;

/**
 * Runs lines of ip(8) as one batch, which stops at the first that fails.
 * Throws a Failure (`sandbox-network`) that names the line.
 */
export async function runIp(runner: CommandRunner, lines: readonly string[]): Promise<void> {
  if (lines.length === 0) return;
  const result = await runner.run(['ip', '-batch', '-'], {
    input: `${lines.join('\n')}\n`,
    timeoutMs: IP_TIMEOUT_MS,
  });
  if (result.code === 0) return;
  const at = /Command failed -:(\d+)/.exec(result.stderr)?.[1];
  const line = at === undefined ? '' : ` ${lines[Number(at) - 1] ?? ''}`;
  throw new Failure('error', [
    {
      code: 'sandbox-network',
      severity: 'error',
      summary: `ip${line}: ${result.timedOut ? 'no answer' : (result.stderr.split('\n', 1)[0] ?? '')}`,
      cause: 'the network of the sandbox could not be laid',
      fix: 'check that the kernel has bridge, veth and the address family of every Node',
    },
  ]);
}

/** The line that makes this namespace answer for an address, or stop: a local route (AnyIP). */
function holdLine(op: 'add' | 'del', address: string): string {
  return `route ${op} local ${address}/${address.includes(':') ? 128 : 32} dev lo`;
}

const NONLOCAL_BIND = ['/proc/sys/net/ipv4/ip_nonlocal_bind', '/proc/sys/net/ipv6/ip_nonlocal_bind'];

/**
 * Lets this namespace listen on addresses before it has them, and on IPv6 addresses that no interface has: so the
 * first packet to an address never meets a closed port. Throws what writing a sysctl throws.
 */
export async function allowNonlocalBind(): Promise<void> {
  for (const path of NONLOCAL_BIND) {
    try {
      await writeFile(path, '1');
    } catch (error) {
      // A kernel without IPv6 has nothing to allow.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
}

function socketKey(address: string, port: number): string {
  return `${address} ${port}`;
}

/** The addresses that one node answers on: held in its namespace, and listened on where they have a port. */
export class Holdings {
  readonly #node: string;
  readonly #runner: CommandRunner;
  readonly #http: HttpServer;
  #addresses: ReadonlySet<string> = new Set();
  /** By address and port; the value knows whose it is, so that an answer is true of the present. */
  readonly #listeners = new Map<string, { server: Server; service: string }>();
  #work: Promise<void> = Promise.resolve();

  constructor(node: string, runner: CommandRunner) {
    this.#node = node;
    this.#runner = runner;
    this.#http = createServer((message, response) => {
      const { localAddress = '', localPort = 0 } = message.socket;
      const service = this.#listeners.get(socketKey(localAddress, localPort))?.service ?? null;
      const body = JSON.stringify({ service, node: this.#node, address: localAddress, port: localPort });
      // A fresh connection each time, so that an address that is gone answers nobody.
      response.writeHead(200, { 'Content-Type': 'application/json', Connection: 'close' }).end(`${body}\n`);
    });
  }

  /** Makes the node answer on exactly these. Runs one after the other; rejects with a Failure. */
  hold(answers: readonly Answering[]): Promise<void> {
    this.#work = this.#work.then(() =>
      this.#change(answers.filter(({ nodes }) => nodes.includes(this.#node))),
    );
    return this.#work;
  }

  async #change(answers: readonly Answering[]): Promise<void> {
    const addresses = new Set(answers.map(({ address }) => address));
    const wanted = new Map<string, { service: string; address: string; port: number }>();
    for (const { service, address, ports } of answers) {
      for (const port of ports) {
        const key = socketKey(address, port);
        // Two Services may share a pod: it is the first that is named.
        if (!wanted.has(key)) wanted.set(key, { service, address, port });
      }
    }
    for (const [key, { service, address, port }] of wanted) {
      const present = this.#listeners.get(key);
      const server = present?.server ?? (await this.#listen(address, port));
      this.#listeners.set(key, { server, service });
    }
    await runIp(this.#runner, [
      ...[...this.#addresses]
        .filter((address) => !addresses.has(address))
        .map((address) => holdLine('del', address)),
      ...[...addresses]
        .filter((address) => !this.#addresses.has(address))
        .map((address) => holdLine('add', address)),
    ]);
    this.#addresses = addresses;
    for (const [key, { server }] of this.#listeners) {
      if (wanted.has(key)) continue;
      this.#listeners.delete(key);
      server.close();
    }
  }

  #listen(address: string, port: number): Promise<Server> {
    const server = createTcpServer((socket) => this.#http.emit('connection', socket));
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, address, () => resolve(server));
    });
  }
}
