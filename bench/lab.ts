import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, open, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Argv } from '../src/platform/command.ts';
import { pathsOf, sandboxEnvironment } from '../src/sandbox/files.ts';
import { post } from '../test/cluster/bed.ts';
import { ControlPlane } from '../test/cluster/control-plane.ts';
import { Daemon } from '../test/cluster/daemon.ts';
import { nodeObject } from '../test/cluster/objects.ts';
import { createHost, type Host, type Namespace } from '../test/kernel/netns.ts';
import { POD_CIDR, PROFILE, SERVICE_CIDRS, writeUserFiles } from './cluster.ts';
import type { Setting, Timed } from './harness.ts';

/** The longest that a program of this folder may run. */
const RUN_LIMIT_MS = 300_000;
/** So much of what a program that lives on said last is kept. */
const KEPT_CHARACTERS = 8_000;

/** The VM's own address, which is the gateway of everything. */
export const VM = '192.168.39.174';
export const DEVICE = 'virbr1';

/** A host and one VM in namespaces of their own, with files and an API that make the VM a minikube profile. */
export class Lab {
  readonly host: Host;
  readonly #vm: Namespace;
  readonly #setting: Setting;
  readonly #env: NodeJS.ProcessEnv;
  readonly #started: ChildProcess[] = [];

  constructor(host: Host, vm: Namespace, setting: Setting) {
    this.host = host;
    this.#vm = vm;
    this.#setting = setting;
    const env = sandboxEnvironment(process.env, setting.scratch);
    this.#env = { ...env, XDG_CACHE_HOME: join(setting.scratch, 'cache') };
  }

  /** Writes the spec (JSON is YAML) and returns its path. */
  async writeSpec(profiles: readonly object[]): Promise<string> {
    const path = join(this.#setting.scratch, 'tunnel.yaml');
    const spec = {
      apiVersion: 'mkplan/v1alpha1',
      kind: 'Tunnel',
      metadata: { name: 'bench' },
      spec: { profiles },
    };
    await writeFile(path, JSON.stringify(spec, null, 1));
    return path;
  }

  /** Starts the embedded API on the VM, with so many LoadBalancer Services, and writes all that leads to it. */
  async serve(services: number): Promise<void> {
    const { program, scratch } = this.#setting;
    const child = this.#vm.spawn([process.execPath, program('api'), scratch, VM, String(services)]);
    await answered(child);
  }

  /** Starts a real etcd and kube-apiserver on the VM, with its Node, and writes all that leads to it. */
  async serveReal(): Promise<ControlPlane> {
    const { scratch } = this.#setting;
    const controlPlane = await ControlPlane.start({
      namespace: this.#vm,
      address: VM,
      directory: scratch,
      serviceCidrs: SERVICE_CIDRS,
    });
    const { access, url, client } = controlPlane;
    await post(client, '/api/v1/nodes', nodeObject({ name: PROFILE, address: VM, podCidr: POD_CIDR }, true));
    await writeUserFiles(scratch, VM, { ...access, url });
    return controlPlane;
  }

  /** Starts a program on the VM. */
  startOnVm(argv: Argv): Daemon {
    return new Daemon('on the VM', this.#vm, argv);
  }

  /** Starts a program on the host that lives on, and waits until it says this on standard output or standard error. */
  async start(argv: readonly [string, ...string[]], word: string): Promise<ChildProcess> {
    const [program, ...args] = this.host.enter(['setpriv', '--pdeathsig', 'KILL', ...argv]);
    const child = spawn(program, args, { env: this.#env, stdio: 'pipe' });
    this.#started.push(child);
    let said = '';
    await new Promise<void>((resolve, reject) => {
      const hear = (chunk: Buffer) => {
        said = (said + chunk.toString()).slice(-KEPT_CHARACTERS);
        if (said.includes(word)) resolve();
      };
      child.stdout.on('data', hear);
      child.stderr.on('data', hear);
      child.once('exit', () => reject(new Error(`${argv.join(' ')} ended: ${said}`)));
    });
    return child;
  }

  /** Ends what {@link start} started and still lives: this process would live as long. */
  async close(): Promise<void> {
    const living = this.#started.filter(
      ({ exitCode, signalCode }) => exitCode === null && signalCode === null,
    );
    await Promise.all(
      living.map(async (child) => {
        const gone = once(child, 'exit');
        child.kill('SIGKILL');
        await gone;
      }),
    );
  }

  /** Runs a program of this folder on the host to its end; returns what it printed. */
  async run(name: Parameters<Setting['program']>[0], ...args: string[]): Promise<string> {
    return await this.host.must([process.execPath, this.#setting.program(name), ...args], {
      timeoutMs: RUN_LIMIT_MS,
    });
  }

  /** argv of mkplan, and of a program of this folder. */
  command(
    name: 'mkplan' | Parameters<Setting['program']>[0],
    ...args: string[]
  ): readonly [string, ...string[]] {
    const program = name === 'mkplan' ? this.#setting.mkplan : this.#setting.program(name);
    return [process.execPath, program, ...args];
  }

  /** No claims, no journal, and nothing in the kernel that carries mkplan's protocol. */
  async reset(): Promise<void> {
    const { state } = pathsOf(this.#setting.scratch);
    await rm(state, { recursive: true, force: true });
    await mkdir(state, { mode: 0o700 });
    await this.host.must(['ip', 'route', 'flush', 'proto', '109']);
  }

  /** A run of mkplan on the host, from nothing to its exit. */
  mkplan(...args: string[]): Timed {
    return this.#timed('work', [process.execPath, this.#setting.mkplan, ...args]);
  }

  /** A run of a floor program on the host. */
  floor(name: Parameters<Setting['program']>[0], ...args: string[]): Timed {
    return this.#timed('floor', [process.execPath, this.#setting.program(name), ...args]);
  }

  /** The two as a user without rights, for whom mkplan keeps compiled code: for root it does not. */
  asUser(): Pick<Lab, 'mkplan' | 'floor'> {
    const user = ['unshare', '--user', '--map-user=1000', '--', process.execPath] as const;
    return {
      mkplan: (...args) => this.#timed('work', [...user, this.#setting.mkplan, ...args]),
      floor: (name, ...args) => this.#timed('floor', [...user, this.#setting.program(name), ...args]),
    };
  }

  /** A run as on a machine where mkplan has not run before: without the code that V8 compiled. */
  atFirst(run: Timed): Timed {
    return async () => {
      await rm(join(this.#setting.scratch, 'cache'), { recursive: true, force: true });
      return await run();
    };
  }

  /** Output goes to files, as a pipe's reader would take a share of the machine. Throws unless it exits with 0. */
  #timed(name: string, argv: readonly [string, ...string[]]): Timed {
    const path = join(this.#setting.scratch, `${name}.out`);
    return async () => {
      await this.reset();
      const output = await open(path, 'w');
      try {
        const [program, ...args] = this.host.enter(argv);
        const start = performance.now();
        const child = spawn(program, args, { env: this.#env, stdio: ['ignore', output.fd, output.fd] });
        const [code] = (await once(child, 'exit')) as [number | null];
        const passed = performance.now() - start;
        if (code !== 0) {
          const said = (await readFile(path, 'utf8')).slice(-2000);
          throw new Error(`${argv.join(' ')}: exit ${code}: ${said}`);
        }
        return passed;
      } finally {
        await output.close();
      }
    };
  }
}

async function answered(child: ChildProcess): Promise<void> {
  let said = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  const ended = once(child, 'exit').then(() => {
    throw new Error(`the embedded API ended: ${said}`);
  });
  // Its end is what closing the lab brings about.
  ended.catch(() => undefined);
  if (child.stdout === null) throw new TypeError('the embedded API has no standard output');
  await Promise.race([once(child.stdout, 'data'), ended]);
}

/** Opens a lab, has it used, and takes it down. */
export async function inLab<T>(setting: Setting, use: (lab: Lab) => Promise<T>): Promise<T> {
  const host = await createHost();
  try {
    const vm = await host.addNeighbour('minikube', {
      hostDevice: DEVICE,
      hostAddress: '192.168.39.1/24',
      address: `${VM}/24`,
    });
    const lab = new Lab(host, vm, setting);
    try {
      return await use(lab);
    } finally {
      await lab.close();
    }
  } finally {
    await host.close();
  }
}
