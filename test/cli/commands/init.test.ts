import { chmod, lstat, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { run } from '../../../src/cli/program.ts';
import { checkedLines } from '../json-lines.ts';
import { fakeTerminal } from '../terminals.ts';

let home: string;
let cwd: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'mkplan-init-'));
  cwd = join(home, 'project');
  await mkdir(cwd);
});
afterEach(() => rm(home, { recursive: true, force: true }));

async function mkplan(argv: readonly string[], env: Record<string, string> = {}, stdin?: PassThrough) {
  const fake = fakeTerminal({
    cwd,
    env: {
      MINIKUBE_HOME: home,
      KUBECONFIG: join(home, 'kubeconfig'),
      XDG_STATE_HOME: join(home, 'state'),
      ...env,
    },
    ...(stdin === undefined ? {} : { stdin }),
  });
  const code = await run(argv, fake.terminal);
  return { code, stdout: fake.stdout(), stderr: fake.stderr() };
}

const minikube = (...path: string[]) => join(home, '.minikube', ...path);

async function write(file: string, content: unknown): Promise<void> {
  await mkdir(join(file, '..'), { recursive: true });
  await writeFile(file, typeof content === 'string' ? content : JSON.stringify(content));
}

async function profiles(...names: readonly string[]): Promise<void> {
  for (const name of names) await write(minikube('profiles', name, 'config.json'), { Driver: 'none' });
}

const current = (content: unknown) => write(minikube('config', 'config.json'), content);

async function chosen(env: Record<string, string> = {}): Promise<string | undefined> {
  const { stdout, stderr, code } = await mkplan(['init', '--print'], env);
  expect(stderr).toBe('');
  expect(code).toBe(0);
  return /- name: "(.*)"/.exec(stdout)?.[1];
}

describe('the profile', () => {
  it('is the only one', async () => {
    await profiles('dev');
    expect(await chosen()).toBe('dev');
  });

  it('is what MINIKUBE_PROFILE names, then what minikube’s settings name, then minikube', async () => {
    await profiles('a', 'b', 'minikube');
    await current({ profile: 'b' });
    expect(await chosen({ MINIKUBE_PROFILE: 'a' })).toBe('a');
    expect(await chosen({ MINIKUBE_PROFILE: '' })).toBe('b');
    await rm(minikube('config'), { recursive: true });
    expect(await chosen()).toBe('minikube');
  });

  it.each([
    ['null', 'null'],
    ['a list', '[]'],
    ['another kind of name', '{"profile": 3}'],
    ['no name', '{"driver": "docker"}'],
    ['an empty name', '{"profile": ""}'],
  ])('is not looked for in settings that are %s', async (_what, text) => {
    await profiles('a', 'minikube');
    await current(text);
    expect(await chosen()).toBe('minikube');
  });

  it('is chosen with a warning where minikube’s settings cannot be read, which are the cause where it is not', async () => {
    await profiles('a', 'minikube');
    await current('{');
    const { code, stdout, stderr } = await mkplan(['init', '--print']);
    expect(code).toBe(0);
    expect(stdout).toContain('- name: "minikube"');
    expect(stderr).toContain('warning: profile minikube is taken');
    expect(stderr).toContain(minikube('config', 'config.json'));
    await rm(minikube('profiles', 'minikube'), { recursive: true });
    await profiles('b');
    const torn = await mkplan(['init', '--print']);
    expect(torn.code).toBe(1);
    expect(torn.stderr).not.toContain('none of them is the current one');
    expect(torn.stderr).toContain(`${minikube('config', 'config.json')} could not be read`);
  });

  it('has its own file named in a warning where that cannot be read', async () => {
    await write(minikube('profiles', 'dev', 'config.json'), '{');
    const { code, stderr } = await mkplan(['init', '--print']);
    expect(code).toBe(0);
    expect(stderr).toContain('warning: the pool may overlap networks of profile dev');
    expect(stderr).toContain(`${minikube('profiles', 'dev', 'config.json')} could not be read`);
  });

  it('that is missing is looked for where it is said, and MINIKUBE_HOME may be no file', async () => {
    const { stderr } = await mkplan(['init']);
    expect(stderr).toContain(`Looked in ${minikube('profiles')}, since MINIKUBE_HOME is set.`);
    await write(join(home, 'file'), '');
    const wrong = await mkplan(['init'], { MINIKUBE_HOME: join(home, 'file') });
    expect(wrong.code).toBe(1);
    expect(wrong.stderr).toContain('Let MINIKUBE_HOME name a directory');
  });

  it.each([
    [['--pool', 'foo'], 64, '--pool'],
    [['--pool', '10.60.0.0/24', '--pool', '10.60.0.0/25'], 64, '--pool'],
    [['--pool', '10.100.0.0/24'], 0, 'overlaps 10.96.0.0/12'],
  ])('is not asked about a pool that is wrong without its option: %j', async (argv, exit, said) => {
    await profiles('dev');
    const { code, stderr } = await mkplan(['init', '--print', ...argv]);
    expect(stderr).toContain(said);
    expect(stderr).not.toContain('spec.profiles');
    expect(code).toBe(exit);
  });

  it('is read where MINIKUBE_HOME ends in .minikube', async () => {
    await profiles('a', 'b');
    await current({ profile: 'b' });
    expect(await chosen({ MINIKUBE_HOME: minikube() })).toBe('b');
  });

  it.each([
    ['broken', (file: string) => write(file, '{')],
    [
      'unreadable',
      async (file: string) => {
        await write(file, '{}');
        await chmod(file, 0o000);
      },
    ],
    ['a directory', (file: string) => mkdir(file, { recursive: true })],
    ['huge', (file: string) => write(file, ' '.repeat(2 ** 21))],
  ])('is chosen although another one’s file is %s', async (_what, make) => {
    await profiles('dev');
    await make(minikube('profiles', 'other', 'config.json'));
    expect(await chosen({ MINIKUBE_PROFILE: 'dev' })).toBe('dev');
  });

  it.each([
    ['named on the command line', ['--profile', 'minkube'], {}, 'did you mean minikube?'],
    ['in other letters', ['-p', 'MINIKUBE'], {}, 'did you mean minikube?'],
    ['that nothing is near', ['-p', 'production'], {}, 'there are dev, minikube'],
    ['in MINIKUBE_PROFILE', [], { MINIKUBE_PROFILE: 'dve' }, 'there are dev, minikube'],
  ])('that is not there, %s, is answered with those that are', async (_where, argv, env, answer) => {
    await profiles('dev', 'minikube');
    const { code, stderr } = await mkplan(['init', ...argv], env);
    expect(stderr).toContain(answer);
    expect(stderr).not.toContain('minikube start');
    expect(await readdir(cwd)).toEqual([]);
    expect(code).toBe(1);
  });

  it('must be named where several are there and none is the current one', async () => {
    await profiles('a', 'b');
    const { code, stderr } = await mkplan(['init']);
    expect(stderr).toContain('there are a, b');
    expect(stderr).toContain('--profile');
    expect(code).toBe(1);
  });

  it('can be any kubeconfig context', async () => {
    await write(join(home, 'kubeconfig'), { contexts: [{ name: 'kind-dev', context: {} }] });
    expect((await mkplan(['init', '--print', '-p', 'kind-dev'])).stdout).toContain('- name: "kind-dev"');
    expect((await mkplan(['init'])).stderr).toContain('there is kind-dev');
  });
});

describe('the current kubeconfig context', () => {
  const local = 'https://127.0.0.1:40123';
  const mark = (name: string) => ({ name, extension: { provider: 'minikube.sigs.k8s.io' } });

  /** A context as another program writes it. */
  const foreign = (name: string, server = local, cluster = name) => ({
    contexts: [{ name, context: { cluster, user: name } }],
    clusters: [{ name: cluster, cluster: { server } }],
  });
  /** A context as minikube writes it for a profile. */
  const minikubes = (profile: string, name = profile) => ({
    contexts: [{ name, context: { cluster: profile, user: profile, extensions: [mark('context_info')] } }],
    clusters: [
      {
        name: profile,
        cluster: { server: 'https://192.168.49.2:8443', extensions: [mark('cluster_info')] },
      },
    ],
  });
  async function kubeconfig(current: string | null, ...parts: readonly ReturnType<typeof foreign>[]) {
    await write(join(home, 'kubeconfig'), {
      ...(current === null ? {} : { 'current-context': current }),
      contexts: parts.flatMap(({ contexts }) => contexts),
      clusters: parts.flatMap(({ clusters }) => clusters),
    });
  }
  async function named(argv: readonly string[] = [], env: Record<string, string> = {}) {
    const { code, stdout, stderr } = await mkplan(['init', '--print', ...argv], env);
    expect(stderr).toBe('');
    expect(code).toBe(0);
    const found = /- name: "(.*)"\n(?: {6}context: "(.*)"\n)?/.exec(stdout);
    return [found?.[1], found?.[2]];
  }

  it.each<[context: string, server: string, name: string, written: string | undefined]>([
    ['kind-dev', local, 'kind-dev', undefined],
    ['k3d-dev', 'https://0.0.0.0:6550', 'k3d-dev', undefined],
    ['colima', 'https://127.0.0.1:6443', 'colima', undefined],
    ['rancher-desktop', 'https://127.0.0.1:6443', 'rancher-desktop', undefined],
    ['microk8s', 'https://127.0.0.1:16443', 'microk8s', undefined],
    ['docker-desktop', 'https://kubernetes.docker.internal:6443', 'docker-desktop', undefined],
    ['ip6', 'https://[::1]:6443', 'ip6', undefined],
    [
      'kubernetes-admin@kubernetes',
      'https://192.168.122.10:6443',
      'kubernetes-admin-kubernetes',
      'kubernetes-admin@kubernetes',
    ],
    [
      'arn:aws:eks:eu-1:1:cluster/a',
      'https://x.eks.example',
      'arn-aws-eks-eu-1-1-cluster-a',
      'arn:aws:eks:eu-1:1:cluster/a',
    ],
    ['@', local, 'cluster', '@'],
  ])('is taken where minikube has no profile: %s', async (context, server, name, written) => {
    await kubeconfig(context, foreign('other'), foreign(context, server));
    expect(await named()).toEqual([name, written]);
    expect(await named(['-p', context])).toEqual([name, written]);
  });

  it('is approved once, which is said where the spec is written', async () => {
    await kubeconfig('kind-dev', foreign('kind-dev'));
    expect((await mkplan(['init'])).stdout).toContain('approve the context kind-dev');
    expect((await mkplan(['validate'])).code).toBe(0);
  });

  it('is taken before a minikube profile that nothing made current, if its server is on this host', async () => {
    await profiles('minikube');
    await kubeconfig('kind-dev', foreign('kind-dev'), minikubes('minikube'));
    expect(await named()).toEqual(['kind-dev', undefined]);
    await kubeconfig('prod', foreign('prod', 'https://prod.example'), minikubes('minikube'));
    expect(await named()).toEqual(['minikube', undefined]);
  });

  it.each(['MINIKUBE_PROFILE', 'minikube’s settings'])('comes after what %s says', async (by) => {
    await profiles('a', 'b');
    await kubeconfig('kind-dev', foreign('kind-dev'), minikubes('a'), minikubes('b'));
    if (by !== 'MINIKUBE_PROFILE') await current({ profile: 'b' });
    expect(await named([], by === 'MINIKUBE_PROFILE' ? { MINIKUBE_PROFILE: 'b' } : {})).toEqual([
      'b',
      undefined,
    ]);
  });

  it('tells which of several minikube profiles is meant', async () => {
    await profiles('a', 'b', 'minikube');
    await kubeconfig('b', minikubes('a'), minikubes('b'), minikubes('minikube'));
    expect(await named()).toEqual(['b', undefined]);
  });

  it('is not taken where it is named and not there', async () => {
    await profiles('dev');
    await kubeconfig('gone', minikubes('dev'));
    expect(await named()).toEqual(['dev', undefined]);
  });

  it('that minikube wrote and was renamed leads to its profile, current or not, by either name', async () => {
    await profiles('dev');
    for (const current of ['work', 'kind-x', null]) {
      await kubeconfig(current, minikubes('dev', 'work'), foreign('kind-x', 'https://10.9.9.9:6443'));
      expect(await named()).toEqual(['dev', 'work']);
      expect(await named(['-p', 'dev'])).toEqual(['dev', 'work']);
      expect(await named(['-p', 'work'])).toEqual(['dev', 'work']);
    }
  });

  it('of the profile’s own name is taken before one that it was copied to', async () => {
    await profiles('dev');
    await kubeconfig(null, minikubes('dev', 'copy'), minikubes('dev'));
    expect(await named()).toEqual(['dev', undefined]);
    // That context is another cluster's by now.
    await kubeconfig(null, foreign('dev', local, 'other'), minikubes('dev', 'work'));
    expect(await named()).toEqual(['dev', 'work']);
  });

  it('that minikube wrote for a profile which is gone is not taken for another cluster’s', async () => {
    await profiles('dev');
    await kubeconfig('old', minikubes('old'), minikubes('dev'));
    expect(await named()).toEqual(['dev', undefined]);
  });

  it('keeps no minikube profile from being chosen where the kubeconfig cannot be read', async () => {
    await profiles('dev');
    await write(join(home, 'kubeconfig'), 'contexts: {');
    expect(await named()).toEqual(['dev', undefined]);
    expect(await named(['-p', 'dev'])).toEqual(['dev', undefined]);
  });
});

describe('the file', () => {
  beforeEach(() => profiles('dev'));

  it('is ./tunnel.yaml, which validate takes, and watch is what comes next', async () => {
    const { code, stdout } = await mkplan(['init']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/Next: `mkplan watch` .*`mkplan plan`/);
    expect((await mkplan(['validate'])).code).toBe(0);
    const text = await readFile(join(cwd, 'tunnel.yaml'), 'utf8');
    // No modeline: nothing that a package ships has a place that stays.
    expect(text).not.toContain('$schema');
  });

  it.each([
    ['a file', 'k8s/dev.yaml', 'k8s/dev.yaml'],
    ['a directory', 'k8s', 'k8s/tunnel.yaml'],
    ['a directory with a slash', 'k8s/', 'k8s/tunnel.yaml'],
  ])('can be named by %s', async (_what, path, expected) => {
    await mkdir(join(cwd, 'k8s'));
    const { stdout } = await mkplan(['init', path]);
    expect(stdout).toContain(`\`mkplan watch ${expected}\``);
    expect((await mkplan(['validate', expected])).code).toBe(0);
  });

  it('is a line among lines with --print --json', async () => {
    const { code, stdout } = await mkplan(['init', '--print', '--json', '--pool', '10.60.0.0/24']);
    const lines = checkedLines(stdout, code);
    expect(lines.map(({ type }) => type)).toEqual(['version', 'printed', 'summary']);
    expect(lines[1]).toMatchObject({ profile: 'dev', pool: '10.60.0.0/24' });
    expect(lines[1]?.['text']).toBe((await mkplan(['init', '--print', '--pool', '10.60.0.0/24'])).stdout);
  });

  it('is only printed with --print', async () => {
    const { stdout } = await mkplan(['init', '--print']);
    expect(stdout).toMatch(/^apiVersion: /);
    expect(await readdir(cwd)).toEqual([]);
  });

  it('is kept if it is there, and replaced with --force, whole, with its permissions', async () => {
    const file = join(cwd, 'tunnel.yaml');
    await writeFile(file, 'mine');
    await chmod(file, 0o640);
    const kept = await mkplan(['init']);
    expect(kept.stderr).toContain('--force');
    expect(kept.code).toBe(1);
    expect(await readFile(file, 'utf8')).toBe('mine');
    expect((await mkplan(['init', '--force'])).code).toBe(0);
    expect(await readFile(file, 'utf8')).toContain('kind: Tunnel');
    expect((await lstat(file)).mode & 0o777).toBe(0o640);
    expect(await readdir(cwd)).toEqual(['tunnel.yaml']);
  });

  it.each([[[]], [['--force']]])('is never written through a symbolic link: %j', async (flags) => {
    const target = join(home, 'target');
    await writeFile(target, 'theirs');
    await symlink(target, join(cwd, 'tunnel.yaml'));
    const refused = await mkplan(['init', ...flags]);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('remove the link, or name another file');
    expect(refused.stderr).not.toContain('add --force');
    await rm(target);
    expect((await mkplan(['init', ...flags])).code).toBe(1);
    await expect(readFile(target)).rejects.toMatchObject({ code: 'ENOENT' });
    expect((await lstat(join(cwd, 'tunnel.yaml'))).isSymbolicLink()).toBe(true);
  });
});

describe('the pool', () => {
  beforeEach(() => profiles('dev'));

  it('is what --pool says, repeated or with commas, in both families', async () => {
    const { stdout } = await mkplan([
      'init',
      '--print',
      '--pool',
      'fd00::/120',
      '--pool',
      '10.9.0.0/24,10.8.0.1-10.8.0.9',
    ]);
    expect(stdout).toContain('pool: ["fd00::/120", 10.9.0.0/24, 10.8.0.1-10.8.0.9]');
  });

  it.each(['10.9.0.1/24', '8.8.8.0/24', 'x', '10.0.0.9-10.0.0.1', '0.0.0.0/0', '"]\nspec: 1'])(
    'is a usage error for %j, and writes nothing',
    async (pool) => {
      const { code, stderr } = await mkplan(['init', '--pool', pool]);
      expect(code).toBe(64);
      expect(stderr).toMatch(/^error: /);
      expect(await readdir(cwd)).toEqual([]);
    },
  );

  it.each([
    ['ServiceCIDR with host bits', { KubernetesConfig: { ServiceCIDR: '10.200.0.1/16' } }],
    ['a pod network', options('kubeadm', 'pod-network-cidr', '10.200.0.0/16')],
    [
      'both families of the API server',
      options('apiserver', 'service-cluster-ip-range', 'fd00::/112,10.200.0.0/20'),
    ],
    ['the controller manager’s', options('controller-manager', 'cluster-cidr', '10.200.0.0/14')],
    [
      'MetalLB’s range',
      { KubernetesConfig: { LoadBalancerStartIP: '10.200.0.9', LoadBalancerEndIP: '10.200.0.20' } },
    ],
    ['the driver’s subnet', { Subnet: '10.200.0.0' }],
    ['VirtualBox’s network', { HostOnlyCIDR: '10.200.0.1/24' }],
    ['the network of a node', { Nodes: [{ IP: '10.200.0.77', ControlPlane: true }] }],
  ])('keeps out of %s, of any profile', async (_what, config) => {
    const poolOf = async () =>
      /pool: \[(.*)\]/.exec((await mkplan(['init', '--print'], { MINIKUBE_PROFILE: 'dev' })).stdout)?.[1];
    for (const name of ['dev', 'other']) {
      await write(minikube('profiles', name, 'config.json'), { Driver: 'none', ...config });
      expect(await poolOf()).not.toBe('10.200.0.0/24');
      await write(minikube('profiles', name, 'config.json'), { Driver: 'none' });
    }
  });
});

function options(component: string, key: string, value: string): object {
  return { KubernetesConfig: { ExtraOptions: [{ Component: component, Key: key, Value: value }] } };
}

describe('validate', () => {
  const good =
    'apiVersion: mkplan/v1alpha1\nkind: Tunnel\nmetadata: { name: dev }\nspec: { profiles: [{ name: m }] }\n';
  const through = (text: string | Buffer) => {
    const stream = new PassThrough();
    stream.end(text);
    return stream;
  };

  it('checks every file, and tells all that is wrong with each under its own name', async () => {
    await writeFile(join(cwd, 'good.yaml'), good);
    await writeFile(join(cwd, 'bad.yaml'), good.replace('Tunnel', 'Tunel'));
    await writeFile(join(cwd, 'worse.yaml'), 'kind: x\nnam: y\n');
    const { code, stdout, stderr } = await mkplan([
      'validate',
      'good.yaml',
      'bad.yaml',
      'no.yaml',
      'worse.yaml',
      'good.yaml',
    ]);
    expect(stdout).toBe('OK  good.yaml (tunnel dev)\n');
    expect(stderr).toContain('bad.yaml:2:7');
    expect(stderr).toContain('there is no file no.yaml');
    expect(stderr).toContain('worse.yaml:1:7');
    expect(stderr).toContain('worse.yaml:2:1');
    expect(code).toBe(1);
  });

  it('checks standard input, and quotes the line of it that is wrong', async () => {
    expect(await mkplan(['validate', '-'], {}, through(good))).toMatchObject({
      code: 0,
      stdout: 'OK  - (tunnel dev)\n',
    });
    const { code, stderr } = await mkplan(['validate', '-'], {}, through(good.replace('Tunnel', 'Tunel')));
    expect(stderr).toContain('-:2:7');
    expect(stderr).toContain('2 | kind: Tunel');
    expect(code).toBe(1);
  });

  it.each([
    ['nothing', '', 'is empty'],
    ['more than a spec may have', Buffer.alloc(2 ** 21, 0x20), 'larger than 1 MiB'],
    ['what is not UTF-8', Buffer.from([0x66, 0xff]), 'not UTF-8'],
  ])('refuses %s on standard input', async (_what, bytes, message) => {
    const { code, stderr } = await mkplan(['validate', '-'], {}, through(bytes));
    expect(stderr).toContain(message);
    expect(code).toBe(1);
  });
});

describe('a spec whose profile is mistyped', () => {
  it.each(['plan', 'status'])(
    'is answered by %s with those that exist, not with a command that makes a VM',
    async (command) => {
      await profiles('minikube');
      await write(join(home, 'kubeconfig'), { contexts: [{ name: 'minikube', context: {} }] });
      await mkplan(['init']);
      const file = join(cwd, 'tunnel.yaml');
      await writeFile(file, (await readFile(file, 'utf8')).replaceAll('"minikube"', '"minkube"'));
      const { stdout } = await mkplan([command]);
      expect(stdout).toContain('did you mean minikube?');
      expect(stdout).not.toContain('minikube start');
    },
  );
});
