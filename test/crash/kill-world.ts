import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Claim } from '../../src/model/claim.ts';
import { formatPrefix } from '../../src/model/prefix.ts';
import type { Route } from '../../src/model/route.ts';
import { createRegistry } from '../../src/registry/claims-file.ts';
import { createJournal } from '../../src/registry/journal-file.ts';
import type { JournaledTransaction } from '../../src/registry/registry.ts';
import { MOVED, Rig, specOf, VM } from '../kernel/rig.ts';
import { HANGS_MS } from './kill-run.ts';
import { withVersionOne } from './older-files.ts';

const vm6 = { name: 'vm6', gateway: 'fd00:39::174', cidrs: ['fd00:96::/112'] };

/** What is asked for in turn: to be made, to be moved to another gateway, and to be made in part and deleted in part. */
const SPECS = {
  first: specOf({ cidrs: ['10.96.0.0/16', '10.97.0.0/16'] }, vm6),
  moved: specOf({ gateway: MOVED, cidrs: ['10.96.0.0/16', '10.97.0.0/16'] }, vm6),
  other: specOf({ cidrs: ['10.96.0.0/16', '10.98.0.0/16', '10.99.0.0/16'] }),
} as const;

export type SpecName = keyof typeof SPECS;

const via = (gateway: string, ...destinations: string[]) =>
  destinations.map((destination) => `${destination} via ${gateway}`);

const TARGETS: Readonly<Record<SpecName, readonly string[]>> = {
  first: [...via(VM, '10.96.0.0/16', '10.97.0.0/16'), ...via('fd00:39::174', 'fd00:96::/112')],
  moved: [...via(MOVED, '10.96.0.0/16', '10.97.0.0/16'), ...via('fd00:39::174', 'fd00:96::/112')],
  other: via(VM, '10.96.0.0/16', '10.98.0.0/16', '10.99.0.0/16'),
};

/** Routes of others, one of them with our protocol and no claim. */
const FOREIGN: readonly (readonly string[])[] = [
  ['172.30.0.0/16', 'via', '10.8.0.1', 'metric', '50'],
  ['10.77.0.0/16', 'via', VM, 'proto', '109', 'metric', '109'],
  ['blackhole', '10.66.0.0/16'],
  ['10.100.0.0/16', 'via', '10.8.0.1', 'proto', 'static'],
  ['fd00:77::/64', 'via', 'fd00:39::174', 'proto', 'static'],
];

/** Who may change something holds one of them. */
const LOCKS = ['lock', 'helper.lock'];

/** A set of routes of ours: `DESTINATION via GATEWAY metric N` each. */
export type Routes = ReadonlySet<string>;

/** Something that mkplan is told to do. */
export interface Command {
  readonly verb: 'apply' | 'destroy' | 'cleanup' | 'watch';
  readonly spec: SpecName;
}

/** Everything that lasts when a process is gone. */
export interface Lasting {
  readonly kernel: Routes;
  /** Every line of the routing tables that is not ours. */
  readonly foreign: string;
  readonly claims: readonly Claim[];
  readonly open: JournaledTransaction | null;
}

export function nameOf({ destination, gateway, metric }: Route): string {
  return `${formatPrefix(destination)} via ${gateway} metric ${metric}`;
}

/** What a command asks for, whatever the metrics are that it takes for it. */
export function targetOf(spec: SpecName | null): readonly string[] {
  return spec === null ? [] : [...TARGETS[spec]].sort();
}

export function withoutMetrics(routes: Routes): string[] {
  return [...routes].map((name) => name.replace(/ metric .*/, '')).sort();
}

/** What a recovery makes of it: the claims of a transaction that was decided, else those of the registry. */
export function settledClaims({ claims, open }: Lasting): readonly Claim[] {
  return open?.claims ?? claims;
}

export function settledRoutes(lasting: Lasting): Routes {
  return new Set(settledClaims(lasting).map(({ route }) => nameOf(route)));
}

/** A state of the host that can be had again: what the files say, and the routes of ours. */
export interface Snapshot {
  readonly files: ReadonlyMap<string, string | null>;
  readonly kernel: Routes;
}

const STATE_FILES = ['registry.json', 'journal.ndjson'] as const;

/** A host in namespaces of its own, on which the built mkplan is killed. */
export class KillWorld {
  readonly rig: Rig;
  #foreign = '';

  private constructor(rig: Rig) {
    this.rig = rig;
  }

  static async create(): Promise<KillWorld> {
    const rig = await Rig.create();
    await mkdir(rig.state, { recursive: true, mode: 0o700 });
    for (const name of LOCKS) await writeFile(join(rig.state, name), '', { mode: 0o600 });
    for (const route of FOREIGN) await rig.ip('route', 'add', ...route);
    const world = new KillWorld(rig);
    world.#foreign = (await world.#tables()).foreign;
    return world;
  }

  /** The foreign part of the tables at the start. */
  get foreign(): string {
    return this.#foreign;
  }

  async close(): Promise<void> {
    await this.rig.close();
  }

  async use(spec: SpecName): Promise<void> {
    await this.rig.write(SPECS[spec]);
  }

  /** Waits until no process is left that may still change something: each holds one of the locks. */
  async settle(): Promise<void> {
    const wait = LOCKS.flatMap((name) => ['flock', '-w', '60', join(this.rig.state, name)]);
    await this.rig.host.must(['env', ...wait, 'true'], { timeoutMs: HANGS_MS });
  }

  /** Has the files be as an older mkplan wrote them, so that whatever comes next is the first to write them anew. */
  async age(): Promise<void> {
    for (const name of STATE_FILES) {
      const text = await this.#read(name);
      if (text !== null) await writeFile(join(this.rig.state, name), withVersionOne(name, text));
    }
  }

  async snapshot(): Promise<Snapshot> {
    const { kernel } = await this.lasting();
    const files = await Promise.all(STATE_FILES.map(async (name) => [name, await this.#read(name)] as const));
    return { files: new Map(files), kernel };
  }

  async restore({ files, kernel }: Snapshot): Promise<void> {
    for (const name of (await this.lasting()).kernel) await this.#route('del', name);
    for (const name of kernel) await this.#route('add', name);
    for (const [name, text] of files) {
      const path = join(this.rig.state, name);
      if (text === null) await rm(path, { force: true });
      else await writeFile(path, text, { mode: 0o600 });
    }
  }

  async #route(verb: 'add' | 'del', name: string): Promise<void> {
    await this.rig.ip('route', verb, ...name.split(' '), 'dev', 'vm0', 'proto', '109');
  }

  async #read(name: string): Promise<string | null> {
    // There is no journal before the first transaction.
    return await readFile(join(this.rig.state, name), 'utf8').catch(() => null);
  }

  async lasting(): Promise<Lasting> {
    const [tables, claims, open] = await Promise.all([
      this.#tables(),
      createRegistry(this.rig.state).read(),
      createJournal(this.rig.state).open(),
    ]);
    return { ...tables, claims, open };
  }

  async #tables(): Promise<{ kernel: Routes; foreign: string }> {
    const kernel = new Set<string>();
    const foreign: string[] = [];
    for (const line of (await this.rig.table()).split('\n')) {
      const found = /^1 (\S+) via (\S+) dev vm0 .*proto 109 .*metric (\d+)/.exec(
        line.replaceAll(/\s+/g, ' '),
      );
      if (found === null || found[1] === '10.77.0.0/16') foreign.push(line);
      else kernel.add(`${found[1]} via ${found[2]} metric ${found[3]}`);
    }
    return { kernel, foreign: foreign.join('\n') };
  }
}
