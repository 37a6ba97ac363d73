import { existsSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { Failure, messageOf } from '../../model/diagnostic.ts';
import type { Answer } from '../../model/observed.ts';
import {
  comparePrefixes,
  contains,
  type Family,
  formatAddress,
  formatPrefix,
  type Prefix,
  parseAddress,
} from '../../model/prefix.ts';
import { MAIN_TABLE, type Route } from '../../model/route.ts';
import { ALL_CAPABILITIES } from '../../model/system.ts';
import type { CommandResult, CommandRunner } from '../command.ts';
import type { HostIdentity, NetworkSnapshot, RouteQuery, RouteTable } from '../route-table.ts';
import { Memo } from './memo.ts';
import { parseAnswers } from './parse/answers.ts';
import { END_OF_BATCH } from './parse/batch-errors.ts';
import { parseLinks } from './parse/links.ts';
import { parseRoutes } from './parse/routes.ts';
import { unreadable } from './parse/rows.ts';
import { parseRules } from './parse/rules.ts';

const READ_TIMEOUT_MS = 30_000;

/** How often a dump is repeated that the kernel says was interrupted by a change. */
const DUMP_ATTEMPTS = 5;

/** Past so many ranges the whole table is read: for each, `ip` is handed all of it, and says nothing of what is outside. */
const MOST_RANGES = 4;

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
  readonly capabilities = ALL_CAPABILITIES;
  readonly #runner: CommandRunner;
  readonly #user: number;
  readonly #families: readonly Family[];
  readonly #snapshots = new Memo<NetworkSnapshot>();

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
    const printed = await Promise.all([
      // Details would be the timers of bridges, which never stand still.
      this.#dump(['addr'], signal),
      // One process for both: a process costs more than an ordinary host's rules and routes.
      ...this.#families.map((family) =>
        this.#dump(['-details', `-${family}`, '-batch', '-'], signal, 'route show table all\nrule\n'),
      ),
    ]);
    return this.#snapshots.of(
      () => printed.map(withoutLifetimes),
      () => this.#parse(printed),
    );
  }

  #parse([links = '', ...printed]: readonly string[]): NetworkSnapshot {
    const families = this.#families.map((family, index) => routesAndRules(printed[index] ?? '', family));
    return {
      ...parseLinks(links),
      routes: families.flatMap(({ routes }) => routes),
      rules: families.flatMap(({ rules }) => rules),
    };
  }

  routesTo(asked: readonly RouteQuery[], signal?: AbortSignal): Promise<readonly Route[]> {
    const selectors = asked.map(({ destination, protocol }) => ({
      family: destination.family,
      text: `${protocol === null ? '' : `proto ${protocol} `}exact ${formatPrefix(destination)}`,
      ...(protocol === null ? {} : { protocol }),
    }));
    return this.#selected(selectors, signal);
  }

  async mainRoutes(
    families: readonly Family[] = this.#families,
    within: readonly Prefix[] | null = null,
  ): Promise<readonly Route[]> {
    const ranges = within === null ? null : outermost(within);
    if (ranges !== null && ranges.length <= MOST_RANGES) {
      const selectors = ranges.map((range) => ({
        family: range.family,
        text: `root ${formatPrefix(range)}`,
      }));
      return (await this.#selected(selectors, undefined)).filter(({ table }) => table === MAIN_TABLE);
    }
    const table = ['route', 'show', 'table', String(MAIN_TABLE)];
    const routes = await Promise.all(
      this.#families
        .filter((family) => families.includes(family))
        .map(async (family) =>
          parseRoutes(await this.#dump(['-details', `-${family}`, ...table], undefined), family),
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

  /** Routes of all tables, by selectors of ip-route(8); one process a family. */
  async #selected(selectors: readonly Selector[], signal: AbortSignal | undefined): Promise<Route[]> {
    const routes = await Promise.all(
      this.#families.map(async (family) => {
        const asked = selectors.filter((selector) => selector.family === family);
        const [first, ...others] = asked;
        if (first === undefined) return [];
        if (others.length === 0) return await this.#selectedAlone(first, signal);
        const lines = asked.map(({ text }) => `route show table all ${text}\n`);
        const printed = await this.#dump(['-details', `-${family}`, '-batch', '-'], signal, lines.join(''));
        const found = printed.split('\n').filter((line) => line.trim() !== '');
        if (found.length !== asked.length) throw unreadable('ip route show', printed.slice(0, 200));
        return found.flatMap((line, index) =>
          parseRoutes(line, family, { protocol: asked[index]?.protocol }),
        );
      }),
    );
    return routes.flat();
  }

  /** Only outside of a batch does `ip` have the kernel skip routes of other protocols (a strict dump). */
  async #selectedAlone(
    { family, text, ...usual }: Selector,
    signal: AbortSignal | undefined,
  ): Promise<Route[]> {
    const show = ['route', 'show', 'table', 'all', ...text.split(' ')];
    return parseRoutes(await this.#dump(['-details', `-${family}`, ...show], signal), family, usual);
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

/** What `ip` printed without the seconds that are left of routes and addresses, which nobody reads: they differ each time. */
function withoutLifetimes(printed: string): string {
  return printed.replaceAll(/"(?:expires|valid_life_time|preferred_life_time)":\d+/g, '');
}

function routesAndRules(printed: string, family: Family): Pick<NetworkSnapshot, 'routes' | 'rules'> {
  // Each command prints one line, also when it has nothing to tell.
  const [routes, rules, ...rest] = printed.split('\n').filter((line) => line.trim() !== '');
  if (routes === undefined || rules === undefined || rest.length > 0) {
    throw unreadable(`ip -N -json -details -${family} -batch -`, printed.slice(0, 200));
  }
  return { routes: parseRoutes(routes, family), rules: parseRules(rules, family) };
}

/** Words of ip-route(8) that select routes of one family. */
interface Selector {
  readonly family: Family;
  readonly text: string;
  /** The protocol that it selects, where it does. */
  readonly protocol?: number;
}

/** Prefixes without those that lie inside another of them; each once. */
function outermost(prefixes: readonly Prefix[]): Prefix[] {
  const sorted = [...prefixes].sort(comparePrefixes);
  const found: Prefix[] = [];
  for (const prefix of sorted) {
    // In this order, whatever is inside a prefix follows it.
    const last = found.at(-1);
    if (last === undefined || !contains(last, prefix)) found.push(prefix);
  }
  return found;
}

function unread(what: string, cause: string, fix: string): Failure {
  return new Failure('error', [
    { code: 'kernel-unreadable', severity: 'error', summary: `cannot read ${what}`, cause, fix },
  ]);
}
