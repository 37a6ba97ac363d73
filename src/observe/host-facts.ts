import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { endianness } from 'node:os';
import { Failure, messageOf } from '../model/diagnostic.ts';
import type { CriticalAddress } from '../model/observed.ts';
import type { HostPolicy } from '../model/policy.ts';
import { dnsServers, isResolvedStub, livePeers, proxyAddresses, proxyHosts, sshClient } from './critical.ts';
import { type ParticipantIdentity, readParticipantIdentity } from './host-identity.ts';

/** Addresses that this host's own life hangs on, other than those that its routes and clusters tell. */
export interface HostFacts {
  /** DNS servers, the ssh client, the proxies of the environment, and the other ends of open connections. Throws a Failure when they cannot be read. */
  critical(): Promise<readonly CriticalAddress[]>;
  /** Throws a Failure for a policy that is not to be believed. */
  policy(): HostPolicy;
  /** Which host and whose registry this is. Throws a Failure when that cannot be read. */
  identity(): Promise<ParticipantIdentity>;
}

export interface HostFactsOptions {
  /** SSH_CONNECTION and the variables that name proxies are read from it. */
  readonly env: NodeJS.ProcessEnv;
  /** The addresses of a name, none where it has none or nobody answers in time; by DNS, unless given. */
  readonly resolve?: (name: string) => Promise<readonly string[]>;
  readonly policy: () => HostPolicy;
  /** Where this user's claims are. */
  readonly stateDirectory: string;
  /** Goes before every path that is read; empty for the host's own files. */
  readonly root?: string;
}

const RESOLV_CONF = '/etc/resolv.conf';
const RESOLVED_CONF = '/run/systemd/resolve/resolv.conf';
const CONNECTIONS = ['/proc/net/tcp', '/proc/net/tcp6'];

/** How long DNS is waited for: milliseconds. */
const RESOLVE_MS = 1000;

/** Asks the DNS servers themselves: the system's resolver takes a thread that keeps the process from ending. */
async function resolveName(name: string): Promise<readonly string[]> {
  const { Resolver } = await import('node:dns/promises');
  const resolver = new Resolver({ timeout: RESOLVE_MS, tries: 1 });
  // A name without an address leads nowhere, so there is no way to it that could change.
  const asked = [resolver.resolve4(name), resolver.resolve6(name)].map((answer) => answer.catch(() => []));
  return (await Promise.all(asked)).flat();
}

class SystemHostFacts implements HostFacts {
  readonly #options: HostFactsOptions;
  readonly #resolved = new Map<string, readonly string[]>();
  #identity: Promise<ParticipantIdentity> | null = null;

  constructor(options: HostFactsOptions) {
    this.#options = options;
  }

  async critical(): Promise<readonly CriticalAddress[]> {
    const [dns, proxies, ...peers] = await Promise.all([
      this.#dnsServers(),
      this.#proxies(),
      ...CONNECTIONS.map(async (file) => livePeers((await this.#text(file)) ?? '', file, endianness())),
    ]);
    return [...dns, ...sshClient(this.#options.env['SSH_CONNECTION']), ...proxies, ...peers.flat()];
  }

  policy(): HostPolicy {
    return this.#options.policy();
  }

  /** Asked once: all that one command does is done as one. */
  identity(): Promise<ParticipantIdentity> {
    this.#identity ??= readParticipantIdentity(this.#options);
    return this.#identity;
  }

  async #proxies(): Promise<CriticalAddress[]> {
    const hosts = [...proxyHosts(this.#options.env)];
    const found = await Promise.all(
      hosts.map(async ([host, variable]) => proxyAddresses(await this.#addressesOf(host), variable)),
    );
    return found.flat();
  }

  /** Asked once where an answer came: a session asks for its facts again and again. */
  async #addressesOf(host: string): Promise<readonly string[]> {
    if (isIP(host) !== 0) return [host];
    const known = this.#resolved.get(host);
    if (known !== undefined) return known;
    const addresses = await (this.#options.resolve ?? resolveName)(host);
    if (addresses.length > 0) this.#resolved.set(host, addresses);
    return addresses;
  }

  async #dnsServers(): Promise<CriticalAddress[]> {
    const listed = (await this.#text(RESOLV_CONF)) ?? '';
    if (!isResolvedStub(listed)) return dnsServers(listed, RESOLV_CONF);
    return dnsServers((await this.#text(RESOLVED_CONF)) ?? '', RESOLVED_CONF);
  }

  /** The text of a file; null where the system has none of that name. */
  async #text(file: string): Promise<string | null> {
    try {
      return await readFile(`${this.#options.root ?? ''}${file}`, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw new Failure(
        'error',
        [
          {
            code: 'host-unreadable',
            severity: 'error',
            summary: `cannot read ${file}: ${messageOf(error)}`,
            cause: 'It tells which addresses must keep their way: DNS servers and open connections.',
            fix: `Make ${file} readable.`,
          },
        ],
        { cause: error },
      );
    }
  }
}

/** Reads the host's own files; what a system does not have is left out. */
export function createHostFacts(options: HostFactsOptions): HostFacts {
  return new SystemHostFacts(options);
}
