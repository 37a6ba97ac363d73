import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { CommandResult } from '../../src/platform/command.ts';
import { createHost, type Host, type Namespace } from './netns.ts';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** The program as users get it; `npm test` builds it first. */
const MKPLAN = join(root, 'dist', 'main.js');

/** Address of the VM, and of a second one on the same network. */
export const VM = '192.168.39.174';
export const MOVED = '192.168.39.206';

/** What a spec with a literal gateway and CIDRs that nothing confirms has to be allowed. */
export const ALLOW = ['--auto-approve', '--allow', 'gateway,unconfirmed'] as const;

export interface ProfileSpec {
  readonly name?: string;
  readonly gateway?: string;
  readonly cidrs: readonly string[];
  readonly conflictPolicy?: 'abort' | 'skip';
}

/** A spec that needs neither minikube nor a cluster. */
export function specOf(...profiles: readonly ProfileSpec[]): string {
  const list = profiles.map(({ name = 'vm', gateway = VM, cidrs, conflictPolicy = 'abort' }) =>
    JSON.stringify({ name, gateway, conflictPolicy, cidrs: { services: cidrs, pods: 'none' } }),
  );
  return `apiVersion: mkplan/v1alpha1\nkind: Tunnel\nmetadata: { name: test }\nspec:\n  profiles:\n${list.map((one) => `    - ${one}\n`).join('')}`;
}

/** 10,000 networks that collide with nothing, of as many profiles as a spec may have that many CIDRs in. */
export const LARGE_SPEC = specOf(
  ...Array.from({ length: 10 }, (_, profile) => ({
    name: `vm${profile}`,
    cidrs: Array.from({ length: 1000 }, (_, at) => {
      const index = profile * 1000 + at;
      return `10.${96 + (index >> 12)}.${(index >> 4) & 255}.${(index & 15) * 16}/28`;
    }),
  })),
);

/**
 * A laptop in a namespace of its own, with a LAN that has the default route, a network with two VMs, and a VPN; and a
 * user with an empty home.
 */
export class Rig {
  readonly host: Host;
  readonly vm: Namespace;
  readonly directory: string;
  readonly spec: string;

  private constructor(host: Host, vm: Namespace, directory: string) {
    this.host = host;
    this.vm = vm;
    this.directory = directory;
    this.spec = join(directory, 'tunnel.yaml');
  }

  static async create(made?: Host): Promise<Rig> {
    const host = made ?? (await createHost());
    const directory = await mkdtemp(join(tmpdir(), 'mkplan-rig-'));
    await host.addNeighbour('router', {
      hostDevice: 'lan0',
      hostAddress: '192.168.1.10/24',
      address: '192.168.1.1/24',
    });
    const vm = await host.addNeighbour('vm', {
      hostDevice: 'vm0',
      hostAddress: ['192.168.39.1/24', 'fd00:39::1/64'],
      address: [`${VM}/24`, `${MOVED}/24`, 'fd00:39::174/64'],
    });
    await host.addNeighbour('vpn', {
      hostDevice: 'tun0',
      hostAddress: '10.8.0.42/24',
      address: '10.8.0.1/24',
    });
    await host.must(['ip', 'route', 'add', 'default', 'via', '192.168.1.1', 'dev', 'lan0', 'metric', '100']);
    return new Rig(host, vm, directory);
  }

  /** mkplan's state directory. */
  get state(): string {
    return join(this.directory, 'state', 'mkplan');
  }

  /** The environment of the user. */
  get env(): Record<string, string> {
    return {
      HOME: this.directory,
      XDG_STATE_HOME: join(this.directory, 'state'),
      MINIKUBE_HOME: join(this.directory, 'minikube'),
      KUBECONFIG: join(this.directory, 'kubeconfig'),
      NO_COLOR: '1',
    };
  }

  /** The argv that runs mkplan as that user; a test may have been started by sudo, which mkplan refuses. */
  argv(...args: readonly string[]): [string, ...string[]] {
    return this.argvOf(MKPLAN, ...args);
  }

  /** The same for another build. */
  argvOf(main: string, ...args: readonly string[]): [string, ...string[]] {
    const env = Object.entries(this.env).map(([key, value]) => `${key}=${value}`);
    return ['env', '-u', 'SUDO_UID', '-u', 'SUDO_USER', ...env, process.execPath, main, ...args];
  }

  async mkplan(...args: readonly string[]): Promise<CommandResult> {
    return await this.host.run(this.argv(...args), { timeoutMs: 60_000 });
  }

  async write(text: string): Promise<void> {
    await writeFile(this.spec, text);
  }

  async plan(...args: readonly string[]): Promise<CommandResult> {
    return await this.mkplan('plan', this.spec, ...args);
  }

  async apply(...args: readonly string[]): Promise<CommandResult> {
    return await this.mkplan('apply', this.spec, ...ALLOW, ...args);
  }

  async destroy(): Promise<CommandResult> {
    return await this.mkplan('destroy', this.spec, '--auto-approve');
  }

  /** Every route of every table and both families, a line each. */
  async table(): Promise<string> {
    const families = ['-4', '-6'].map((family) =>
      this.host.must(['ip', '-N', '-details', family, 'route', 'show', 'table', 'all']),
    );
    return (await Promise.all(families)).join('');
  }

  /** Lines of the table with our protocol. */
  async ours(): Promise<string[]> {
    const lines = (await this.table()).split('\n');
    return lines
      .filter((line) => line.includes('proto 109'))
      .map((line) => line.replaceAll(/\s+/g, ' ').trim());
  }

  /** Listens to the kernel; `changing` resolves at the first route of ours that it reports. */
  async listen(): Promise<{ readonly changing: Promise<void> }> {
    const monitor = this.host.spawn(['ip', 'monitor', 'route']);
    let seen = '';
    const changing = new Promise<void>((resolve) => {
      monitor.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
        seen += chunk;
        if (seen.includes('proto 109')) resolve();
      });
    });
    // It listens once it reports a change that was made for it to see.
    for (let attempt = 0; !seen.includes('192.0.2.1'); attempt++) {
      if (attempt === 200) throw new Error('ip monitor reports nothing');
      await this.ip('route', 'replace', '192.0.2.1/32', 'dev', 'lan0');
      await this.ip('route', 'del', '192.0.2.1/32');
      await setTimeout(50);
    }
    return { changing };
  }

  async ip(...args: readonly string[]): Promise<string> {
    return await this.host.must(['ip', ...args]);
  }

  async close(): Promise<void> {
    await this.host.close();
    await rm(this.directory, { recursive: true });
  }
}
