/**
 * An ordinary user with a real sudo(8), in namespaces of the test's own: a copy of /etc is mounted over /etc there, so
 * that the account, its password and its rules exist for the test alone, whatever becomes of it.
 */

import { type ChildProcess, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import type { CommandResult } from '../../src/platform/command.ts';
import { Daemon } from '../cluster/daemon.ts';
import { createPrivilegedHost } from './netns.ts';
import { ALLOW, Rig } from './rig.ts';

const DIST = join(dirname(dirname(dirname(fileURLToPath(import.meta.url)))), 'dist');

export const USER = 'mkplan-user';
export const PASSWORD = 'correct horse';

/** What PATH is for the user; root's own directories have to be in it for `ip`. */
export const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Why no user with sudo can be made here; null when one can. */
export function requireSudo(): string | null {
  if (process.getuid?.() !== 0) return 'only root can make a user for whom sudo works';
  for (const program of ['sudo', 'visudo', 'useradd', 'chpasswd', 'setpriv', 'script']) {
    if (spawnSync(program, ['--help']).error !== undefined) return `${program} is not installed`;
  }
  const tried = spawnSync('unshare', ['--net', '--mount', 'mount', '-t', 'tmpfs', 'none', '/mnt'], {
    encoding: 'utf8',
  });
  return tried.status === 0 ? null : `root may not mount here: ${tried.stderr.trim()}`;
}

/** A program at a terminal of its own, which is typed to. */
export class Typist {
  readonly #child: ChildProcess;
  readonly #exit: Promise<unknown[]>;
  output = '';

  constructor(child: ChildProcess) {
    this.#child = child;
    this.#exit = once(child, 'exit');
    child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
      this.output += chunk;
    });
  }

  /** Waits until so much more of the terminal's text matches, from `since` on. Returns where that text ends by now. */
  async sees(pattern: RegExp, since = 0): Promise<number> {
    await expect.poll(() => this.output.slice(since), { timeout: 60_000 }).toMatch(pattern);
    return this.output.length;
  }

  type(keys: string): void {
    this.#child.stdin?.write(keys);
  }

  /** Closes the terminal: script(1) has its other side. */
  hangUp(): void {
    this.#child.kill('SIGKILL');
  }

  async exit(): Promise<number> {
    const [code] = await this.#exit;
    return Number(code);
  }
}

/** How Node and mkplan are laid out; all paths are relative to the laptop's directory. */
export interface Installation {
  readonly node: string;
  /** The folder of the package. */
  readonly app: string;
  /** What belongs to the user; everything else is root's. */
  readonly ofUser: readonly string[];
  /** Symbolic links and what they point to, which is relative to the laptop's directory too. */
  readonly links: Readonly<Record<string, string>>;
  /** Node and mkplan as they are called, where that is through links. */
  readonly called?: { readonly node: string; readonly mkplan: string };
}

/** As `npm install --global` by root leaves it. */
const OF_ROOT: Installation = { node: 'node', app: 'app', ofUser: [], links: {} };

/** The laptop of `Rig`, used by somebody who is not root. */
export class SudoRig {
  readonly rig: Rig;
  readonly uid: number;
  readonly #installation: Installation;

  private constructor(rig: Rig, uid: number, installation: Installation) {
    this.rig = rig;
    this.uid = uid;
    this.#installation = installation;
  }

  /** Whoever runs this closes `rig`. */
  static async create(installation = OF_ROOT): Promise<SudoRig> {
    const rig = await Rig.create(await createPrivilegedHost());
    // Not of anybody on this machine, and no two tests' at a time.
    const made = new SudoRig(rig, 30_000 + Math.floor(Math.random() * 20_000), installation);
    await made.#prepare();
    return made;
  }

  async #prepare(): Promise<void> {
    const { host, directory } = this.rig;
    const etc = join(directory, 'etc');
    await host.must(['cp', '-a', '/etc', etc]);
    await host.must(['mount', '--bind', etc, '/etc']);
    // Tickets, and the log that elevations are counted by.
    await host.must(['mkdir', '-p', '/run/sudo']);
    await host.must(['mount', '-t', 'tmpfs', '-o', 'mode=711', 'tmpfs', '/run/sudo']);
    await host.must(['useradd', '--no-create-home', '--uid', String(this.uid), '--user-group', USER]);
    await host.must(['chpasswd'], { input: `${USER}:${PASSWORD}\n` });
    await cp(DIST, join(this.app, 'dist'), { recursive: true });
    await writeFile(join(this.app, 'package.json'), '{"type":"module"}');
    await mkdir(dirname(this.node), { recursive: true });
    await mkdir(this.home, { recursive: true });
    const { ofUser, links } = this.#installation;
    for (const [link, target] of Object.entries(links)) {
      await mkdir(dirname(join(directory, link)), { recursive: true });
      await symlink(join(directory, target), join(directory, link));
    }
    for (const path of ['home', ...ofUser]) await this.giveToUser(join(directory, path));
    await this.#layNode();
    await host.must(['chmod', '755', directory]);
  }

  async #layNode(): Promise<void> {
    const { host, directory } = this.rig;
    const isOfUser = ['home', ...this.#installation.ofUser].some((path) =>
      this.node.startsWith(`${join(directory, path)}/`),
    );
    if (isOfUser) {
      await host.must(['cp', process.execPath, this.node]);
      await this.giveToUser(this.node);
      return;
    }
    // Node may be installed where only root can look.
    await writeFile(this.node, '');
    await host.must(['mount', '--bind', process.execPath, this.node]);
    // It is the machine's own: whatever a test does to its files must not reach it.
    await host.must(['mount', '-o', 'remount,bind,ro', this.node]);
  }

  /** Where the program is installed. */
  get app(): string {
    return join(this.rig.directory, this.#installation.app);
  }

  get home(): string {
    return join(this.rig.directory, 'home');
  }

  get spec(): string {
    return join(this.home, 'tunnel.yaml');
  }

  get state(): string {
    return join(this.home, 'state', 'mkplan');
  }

  get node(): string {
    return join(this.rig.directory, this.#installation.node);
  }

  get helper(): string {
    return join(this.app, 'dist', 'helper.js');
  }

  async giveToUser(path: string): Promise<void> {
    await this.rig.host.must(['chown', '-R', `${this.uid}:${this.uid}`, path]);
  }

  async write(text: string): Promise<void> {
    await writeFile(this.spec, text);
  }

  /** The rules of this user; sudo must be able to read them. */
  async rules(...lines: readonly string[]): Promise<void> {
    const file = '/etc/sudoers.d/mkplan-test';
    const always = ['Defaults logfile=/run/sudo/log, loglinelen=0, !syslog, !mail_badpass, passwd_timeout=1'];
    const text = `${[...always, ...lines].join('\n')}\n`;
    await this.rig.host.must(['sh', '-c', `umask 337; rm -f ${file}; cat >${file}`], { input: text });
    await this.rig.host.must(['visudo', '--check', '--quiet']);
  }

  /** A rule that allows the helper, and nothing else, without a password. */
  get withoutPassword(): string {
    return `${USER} ALL=(root) NOPASSWD: ${this.node} ${this.helper} --lock ${this.state}/helper.lock`;
  }

  /** The elevations so far, a line each, refused ones included. */
  async elevations(): Promise<string[]> {
    const { code, stdout } = await this.rig.host.run(['cat', '/run/sudo/log']);
    return code === 0 ? stdout.split('\n').filter((line) => line.includes('COMMAND=')) : [];
  }

  /** Forgets that the user gave the password. */
  async expire(): Promise<void> {
    await this.rig.host.must(['find', '/run/sudo/ts', '-type', 'f', '-delete']);
  }

  /** argv of a program as the user. */
  asUser(...argv: readonly string[]): [string, ...string[]] {
    const id = String(this.uid);
    const env = {
      PATH,
      HOME: this.home,
      USER,
      XDG_STATE_HOME: join(this.home, 'state'),
      MINIKUBE_HOME: join(this.home, 'minikube'),
      KUBECONFIG: join(this.home, 'kubeconfig'),
      NO_COLOR: '1',
      TERM: 'xterm',
    };
    const variables = Object.entries(env).map(([key, value]) => `${key}=${value}`);
    const user = ['setpriv', '--reuid', id, '--regid', id, '--clear-groups'];
    return ['env', '-i', ...variables, ...user, ...argv];
  }

  get #mkplan(): readonly string[] {
    const { called } = this.#installation;
    if (called === undefined) return [this.node, join(this.app, 'dist', 'main.js')];
    return [called.node, called.mkplan].map((path) => join(this.rig.directory, path));
  }

  /** mkplan without a terminal. */
  async mkplan(...args: readonly string[]): Promise<CommandResult> {
    const argv = ['setsid', '--wait', ...this.asUser(...this.#mkplan, ...args)] as const;
    return await this.rig.host.run(argv, { timeoutMs: 120_000 });
  }

  /** Starts mkplan without a terminal. */
  startMkplan(...args: readonly string[]): Daemon {
    return new Daemon('mkplan', this.rig.host, ['setsid', ...this.asUser(...this.#mkplan, ...args)]);
  }

  /** Of the helper that runs: the last of its command line to start, sudo being the others. */
  async helperPid(): Promise<number> {
    return Number(await this.rig.host.must(['pgrep', '-nf', `${this.helper} --lock ${this.state}/`]));
  }

  /** mkplan as no user should start it. */
  async sudo(...args: readonly string[]): Promise<CommandResult> {
    const argv = this.asUser('sudo', '--preserve-env=XDG_STATE_HOME', '--', ...this.#mkplan, ...args);
    return await this.rig.host.run(argv, { timeoutMs: 60_000 });
  }

  /** mkplan without a terminal, in an environment that has these variables too. */
  async mkplanWith(
    env: Readonly<Record<string, string>>,
    ...args: readonly string[]
  ): Promise<CommandResult> {
    const variables = Object.entries(env).map(([key, value]) => `${key}=${value}`);
    const argv = this.asUser('/usr/bin/env', ...variables, ...this.#mkplan, ...args);
    return await this.rig.host.run(argv, { timeoutMs: 60_000 });
  }

  async apply(...args: readonly string[]): Promise<CommandResult> {
    return await this.mkplan('apply', this.spec, ...ALLOW, ...args);
  }

  /** mkplan at a terminal, once for each list of arguments; the terminal's state is shown behind the last. */
  typist(...commands: readonly (readonly string[])[]): Typist {
    const words = commands.map((args) => [...this.#mkplan, ...args].map((word) => `'${word}'`).join(' '));
    // The shell that reports must outlive what is typed to end the program.
    const command = `trap : INT; ${words.join(`; echo "ended $?"; read go; `)}; code=$?; echo; stty -a; exit $code`;
    const script = ['script', '--quiet', '--return', '--flush', '--command', command, '/dev/null'];
    return new Typist(this.rig.host.spawn(this.asUser(...script)));
  }

  typeApply(): Typist {
    return this.typist(['apply', this.spec, ...ALLOW]);
  }

  /** Kills an apply with its routes half in, and waits until its helper has ended too. */
  async cutOff(): Promise<void> {
    const { changing } = await this.rig.listen();
    const child = this.rig.host.spawn(this.asUser(...this.#mkplan, 'apply', this.spec, ...ALLOW));
    const ended = once(child, 'exit');
    await changing;
    child.kill('SIGKILL');
    await ended;
  }

  /** What is in the state directory, each with its owner and its content. */
  async stateFiles(): Promise<{ name: string; uid: number; text: string }[]> {
    const names = (await readdir(this.state, { recursive: true })).sort();
    const all = names.map(async (name) => {
      const path = join(this.state, name);
      const found = await stat(path);
      return { name, uid: found.uid, text: found.isFile() ? await readFile(path, 'utf8') : '' };
    });
    return await Promise.all(all);
  }
}
