import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type NodeProgram, nodePrograms } from '../kernel/node-programs.ts';

/** The checkout that the test belongs to. */
export const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** How long npm may take to install what builds mkplan on a busy machine, in milliseconds. */
const INSTALL_MS = 300_000;

export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

interface RunOptions {
  readonly cwd: string;
  readonly env?: NodeJS.ProcessEnv;
}

/** Runs a program to its end. Rejects where it cannot be started, or outlasts the bound. */
export function run([program, ...args]: [string, ...string[]], options: RunOptions): Promise<Ended> {
  return new Promise((resolve, reject) => {
    execFile(program, args, { timeout: INSTALL_MS, ...options }, (error, stdout, stderr) => {
      if (error !== null && typeof error.code !== 'number') reject(error);
      else resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr });
    });
  });
}

/** Runs a program that has to succeed; its standard output. */
async function must(argv: [string, ...string[]], options: RunOptions): Promise<string> {
  const { code, stdout, stderr } = await run(argv, options);
  if (code !== 0) throw new Error(`${argv.join(' ')} exits ${code}: ${stderr}${stdout}`);
  return stdout;
}

/** Every Node that the packed program is tried on: this one, and those that were fetched. */
export const nodes: readonly NodeProgram[] = [
  { version: `${process.versions.node}, which packed it`, path: process.execPath },
  ...nodePrograms.supported,
];

/** mkplan as a stranger gets it: packed in a fresh clone of HEAD, installed globally without a network. */
export class Packed {
  readonly #scratch: string;
  /** What `npm pack` printed. */
  readonly said: Ended;

  private constructor(scratch: string, said: Ended) {
    this.#scratch = scratch;
    this.said = said;
  }

  /** Clones, packs and installs. Whoever calls this calls `close`. */
  static async create(): Promise<Packed> {
    const scratch = await mkdtemp(join(tmpdir(), 'mkplan-package-'));
    const clone = join(scratch, 'clone');
    await must(['git', 'clone', '--quiet', ROOT, clone], { cwd: scratch });
    // What the checkout was installed from is in npm's cache; a network is asked for the rest alone.
    const env = { ...process.env, npm_config_prefer_offline: 'true' };
    const said = await run(['npm', 'pack', '--silent'], { cwd: clone, env });
    const packed = new Packed(scratch, said);
    if (said.code === 0) await packed.#install(join(clone, said.stdout.trim()));
    return packed;
  }

  async #install(tarball: string): Promise<void> {
    const argv = ['install', '--global', '--prefix', this.prefix, tarball] as const;
    await must(['npm', ...argv], { cwd: this.#scratch, env: this.alone });
  }

  /** An environment of npm in which no registry, no earlier download and no setting of this machine has a part. */
  get alone(): NodeJS.ProcessEnv {
    return {
      PATH: process.env['PATH'],
      HOME: join(this.#scratch, 'home'),
      npm_config_cache: join(this.#scratch, 'cache'),
      npm_config_offline: 'true',
      npm_config_registry: 'http://127.0.0.1:9/',
    };
  }

  get clone(): string {
    return join(this.#scratch, 'clone');
  }

  get prefix(): string {
    return join(this.#scratch, 'global');
  }

  /** The installed package. */
  get folder(): string {
    return join(this.prefix, 'lib', 'node_modules', 'mkplan');
  }

  /** What npm put on the PATH. */
  get bin(): string {
    return join(this.prefix, 'bin', 'mkplan');
  }

  /** Paths of all published files, relative to `folder`. */
  async files(): Promise<string[]> {
    const entries = await readdir(this.folder, { recursive: true, withFileTypes: true });
    return entries
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(this.folder.length + 1));
  }

  /** Runs the installed program on a Node, as somebody who stands where the examples are. */
  async mkplan(node: NodeProgram, ...args: readonly string[]): Promise<Ended> {
    const env = { PATH: process.env['PATH'], HOME: join(this.#scratch, 'home'), NO_COLOR: '1' };
    return await run([node.path, this.bin, ...args], { cwd: this.folder, env });
  }

  /** A copy of the clone with nothing built or installed. */
  async bare(): Promise<string> {
    const copy = join(this.#scratch, 'bare');
    await mkdir(copy);
    await cp(this.clone, copy, {
      recursive: true,
      filter: (path) => !/\/(node_modules|dist|\.git)$|\.tgz$/.test(path),
    });
    return copy;
  }

  async close(): Promise<void> {
    await rm(this.#scratch, { recursive: true });
  }
}
