import { isIP } from 'node:net';
import type { CriticalAddress } from '../model/observed.ts';
import type { HostPolicy } from '../model/policy.ts';
import type { HostSources } from '../platform/host-sources.ts';
import { proxyAddresses, proxyHosts, sshClient } from './critical.ts';
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
  readonly sources: HostSources;
}

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
    const { sources, env } = this.#options;
    const [found, proxies] = await Promise.all([sources.critical(), this.#proxies()]);
    return [...found, ...sshClient(env['SSH_CONNECTION']), ...proxies];
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
}

/** The facts of a host, from its system, its environment and its policy. */
export function createHostFacts(options: HostFactsOptions): HostFacts {
  return new SystemHostFacts(options);
}
