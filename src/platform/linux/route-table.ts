import { existsSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { Failure, messageOf } from '../../model/diagnostic.ts';
import type { Answer } from '../../model/observed.ts';
import { type Family, formatAddress, formatPrefix, type Prefix, parseAddress } from '../../model/prefix.ts';
import { MAIN_TABLE, type Route } from '../../model/route.ts';
import type { CommandResult, CommandRunner } from '../command.ts';
import type { HostIdentity, NetworkSnapshot, RouteTable } from '../route-table.ts';
import { END_OF_BATCH } from './batch-errors.ts';
import { parseAnswers } from './parse-answers.ts';
import { parseLinks } from './parse-links.ts';
import { parseRoutes } from './parse-routes.ts';
import { parseRules } from './parse-rules.ts';
import { unreadable } from './rows.ts';

const READ_TIMEOUT_MS = 30_000;

/** How often a dump is repeated that the kernel says was interrupted by a change. */
const DUMP_ATTEMPTS = 5;

export interface LinuxOptions {
  /** Whom the kernel is asked for, since rules may tell users apart; one that its user namespace does not know is refused. */
  readonly user: number;
  /** Without it (`ipv6.disable=1`) the kernel refuses to dump IPv6 rules. */
  readonly ipv6: boolean;
}

function thisHost(): LinuxOptions {
  return { user: process.getuid?.() ?? 0, ipv6: existsSync('/proc/self/net/if_inet6') };
}

/** The kernel's routing as iproute2 shows it. Processes of both families run at once. */
export class LinuxRouteTable implements RouteTable {
  readonly #runner: CommandRunner;
  readonly #user: number;
  readonly #families: readonly Family[];

  constructor(runner: CommandRunner, { user, ipv6 } = thisHost()) {
    this.#runner = runner;
    this.#user = user;
    this.#families = ipv6 ? [4, 6] : [4];
  }

  async identity(): Promise<HostIdentity> {
    try {
      const [bootId, namespace] = await Promise.all([
        readFile('/proc/sys/kernel/random/boot_id', 'utf8'),
        stat('/proc/self/ns/net'),
      ]);
      return { platform: 'linux', bootId: bootId.trim(), networkNamespace: String(namespace.ino) };
    } catch (error) {
      throw unread('the identity of this host', messageOf(error), 'mount proc(5) on /proc');
    }
  }

  async snapshot(signal?: AbortSignal): Promise<NetworkSnapshot> {
    const [links, ...families] = await Promise.all([
      this.#dump(['-details', 'addr'], signal),
      ...this.#families.map((family) => this.#routesAndRules(family, signal)),
    ]);
    return {
      ...parseLinks(links),
      routes: families.flatMap(({ routes }) => routes),
      rules: families.flatMap(({ rules }) => rules),
    };
  }

  async routesTo(destinations: readonly Prefix[], signal?: AbortSignal): Promise<readonly Route[]> {
    const routes = await Promise.all(
      this.#families.map(async (family) => {
        const asked = destinations.filter((destination) => destination.family === family);
        if (asked.length === 0) return [];
        const lines = asked.map((destination) => `route show table all exact ${formatPrefix(destination)}\n`);
        const printed = await this.#dump(['-details', `-${family}`, '-batch', '-'], signal, lines.join(''));
        const found = printed.split('\n').filter((line) => line.trim() !== '');
        if (found.length !== asked.length) throw unreadable('ip route show exact', printed.slice(0, 200));
        return found.flatMap((line) => parseRoutes(line, family));
      }),
    );
    return routes.flat();
  }

  async mainRoutes(families: readonly Family[] = this.#families): Promise<readonly Route[]> {
    const table = ['route', 'show', 'table', String(MAIN_TABLE)];
    const routes = await Promise.all(
      this.#families
        .filter((family) => families.includes(family))
        .map(async (family) =>
          parseRoutes(await this.#dump(['-details', `-${family}`, ...table], undefined), family, MAIN_TABLE),
        ),
    );
    return routes.flat();
  }

  async answers(addresses: readonly string[], signal?: AbortSignal): Promise<readonly (Answer | null)[]> {
    if (addresses.length === 0) return [];
    const canonical = addresses.map((text) => {
      const address = parseAddress(text);
      if (address === null) throw new RangeError(`not an address: ${text}`);
      return formatAddress(address);
    });
    const lines = canonical.map((address) => `route get ${address} uid ${this.#user}`);
    // Without -details, `ip` leaves out table and type where they are main and unicast.
    const result = await this.#ip(
      ['-details', '-force', '-batch', '-'],
      signal,
      `${[...lines, END_OF_BATCH].join('\n')}\n`,
    );
    return parseAnswers(canonical, result);
  }

  /** One process for both: a process costs more than an ordinary host's rules and routes. */
  async #routesAndRules(
    family: Family,
    signal: AbortSignal | undefined,
  ): Promise<Pick<NetworkSnapshot, 'routes' | 'rules'>> {
    const args = ['-details', `-${family}`, '-batch', '-'];
    const printed = await this.#dump(args, signal, 'route show table all\nrule\n');
    // Each command prints one line, also when it has nothing to tell.
    const [routes, rules, ...rest] = printed.split('\n').filter((line) => line.trim() !== '');
    if (routes === undefined || rules === undefined || rest.length > 0) {
      throw unreadable(`ip -N -json ${args.join(' ')}`, printed.slice(0, 200));
    }
    return { routes: parseRoutes(routes, family), rules: parseRules(rules, family) };
  }

  async #dump(args: readonly string[], signal: AbortSignal | undefined, input?: string): Promise<string> {
    for (let attempt = 1; attempt <= DUMP_ATTEMPTS; attempt++) {
      const { code, stdout, stderr } = await this.#ip(args, signal, input);
      // Made on demand: before its first route, a table is not there, and `ip` fails with half an array printed.
      if (code !== 0 && stderr.includes('FIB table does not exist')) return '[]';
      if (code !== 0) {
        throw unread(
          `\`ip ${args.join(' ')}\``,
          stderr.trim(),
          'mkplan reads routes with iproute2 5.0 or newer',
        );
      }
      if (!stderr.includes('Dump was interrupted')) return stdout;
    }
    throw unread(
      `\`ip ${args.join(' ')}\``,
      `the kernel's answer changed while it was read, ${DUMP_ATTEMPTS} times`,
      'something changes routes all the time: wait for it to settle, then try again',
    );
  }

  async #ip(
    args: readonly string[],
    signal: AbortSignal | undefined,
    input?: string,
  ): Promise<CommandResult> {
    const result = await this.#runner
      .run(['ip', '-N', '-json', ...args], {
        timeoutMs: READ_TIMEOUT_MS,
        large: true,
        ...(signal === undefined ? {} : { signal }),
        ...(input === undefined ? {} : { input }),
      })
      .catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') {
          throw unread('the routing table', 'there is no program `ip` in PATH', 'install iproute2');
        }
        throw error;
      });
    if (result.timedOut) {
      throw unread(
        `\`ip ${args.join(' ')}\``,
        `no answer within ${READ_TIMEOUT_MS / 1000} s`,
        'try it by hand',
      );
    }
    return result;
  }
}

function unread(what: string, cause: string, fix: string): Failure {
  return new Failure('error', [
    { code: 'kernel-unreadable', severity: 'error', summary: `cannot read ${what}`, cause, fix },
  ]);
}
