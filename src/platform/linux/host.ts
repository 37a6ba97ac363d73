import { readFile } from 'node:fs/promises';
import { endianness } from 'node:os';
import { Failure, messageOf } from '../../model/diagnostic.ts';
import type { CriticalAddress } from '../../model/observed.ts';
import type { HostSources } from '../host-sources.ts';
import { readIdFile } from '../id-file.ts';
import { dnsServers, isResolvedStub } from './parse/nameservers.ts';
import { livePeers } from './parse/peers.ts';

/** Empty in an image before its first boot (machine-id(5)). */
const MACHINE_ID = '/etc/machine-id';
const RESOLV_CONF = '/etc/resolv.conf';
const RESOLVED_CONF = '/run/systemd/resolve/resolv.conf';
const CONNECTIONS = ['/proc/net/tcp', '/proc/net/tcp6'];

/** Reads the host's own files; what a system does not have is left out. */
export class LinuxHost implements HostSources {
  readonly #root: string;

  /** `root` goes before every path that is read; empty for the host's own files. */
  constructor(root = '') {
    this.#root = root;
  }

  machineId(): Promise<string | null> {
    return readIdFile(`${this.#root}${MACHINE_ID}`);
  }

  async critical(): Promise<readonly CriticalAddress[]> {
    const [dns, ...peers] = await Promise.all([
      this.#dnsServers(),
      ...CONNECTIONS.map(async (file) => livePeers((await this.#text(file)) ?? '', file, endianness())),
    ]);
    return [...dns, ...peers.flat()];
  }

  async #dnsServers(): Promise<CriticalAddress[]> {
    const listed = (await this.#text(RESOLV_CONF)) ?? '';
    if (!isResolvedStub(listed)) return dnsServers(listed, RESOLV_CONF);
    return dnsServers((await this.#text(RESOLVED_CONF)) ?? '', RESOLVED_CONF);
  }

  /** The text of a file; null where the system has none of that name. */
  async #text(file: string): Promise<string | null> {
    try {
      return await readFile(`${this.#root}${file}`, 'utf8');
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
