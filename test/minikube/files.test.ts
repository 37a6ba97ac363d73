import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createProfiles, minikubeHome, type ProfilesOptions } from '../../src/minikube/files.ts';
import type { MinikubeConfig } from '../../src/model/observed.ts';
import { formatPrefix } from '../../src/model/prefix.ts';
import type { CommandResult, CommandRunner } from '../../src/platform/command.ts';

let home: string;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'mkplan-minikube-'));
});
afterEach(() => rm(home, { recursive: true, force: true }));

/** A runner that knows these programs alone, by their whole command line. */
function runnerOf(answers: Record<string, Partial<CommandResult>>): CommandRunner & { asked: string[] } {
  const asked: string[] = [];
  return {
    asked,
    run(argv) {
      const line = argv.join(' ');
      asked.push(line);
      const answer = answers[line];
      if (answer === undefined) {
        return Promise.reject(Object.assign(new Error(`spawn ${argv[0]} ENOENT`), { code: 'ENOENT' }));
      }
      return Promise.resolve({ code: 0, stdout: '', stderr: '', timedOut: false, ...answer });
    },
  };
}

/** A host without processes. */
const NOBODY = { nameOf: async () => null };

const profiles = (changes: Partial<ProfilesOptions> = {}) =>
  createProfiles({ env: {}, home, runner: runnerOf({}), processes: NOBODY, platform: 'linux', ...changes });

async function write(path: string, content: unknown): Promise<void> {
  const file = join(home, '.minikube', path);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, typeof content === 'string' ? content : JSON.stringify(content));
}

const three = {
  Name: 'dev',
  Driver: 'kvm2',
  Network: '',
  KubernetesConfig: { ServiceCIDR: '10.96.0.0/12' },
  Nodes: [
    { Name: '', IP: '192.168.39.2', ControlPlane: true, Worker: true },
    { Name: 'm02', IP: '192.168.39.3', ControlPlane: false, Worker: true },
    { Name: 'm03', IP: '', ControlPlane: false, Worker: true },
    { Name: 'm04', IP: '192.168.39.5', ControlPlane: true, Worker: true },
  ],
};

const DOCKER_INFO = 'docker info --format {{.OperatingSystem}}|{{json .SecurityOptions}}';

describe('minikubeHome', () => {
  it('adds .minikube unless the variable ends so', () => {
    expect(minikubeHome({}, '/home/ann')).toBe(join('/home/ann', '.minikube'));
    expect(minikubeHome({ MINIKUBE_HOME: '' }, '/home/ann')).toBe(join('/home/ann', '.minikube'));
    expect(minikubeHome({ MINIKUBE_HOME: '/data' }, '/home/ann')).toBe(join('/data', '.minikube'));
    expect(minikubeHome({ MINIKUBE_HOME: '/data/.minikube' }, '/home/ann')).toBe('/data/.minikube');
  });
});

describe('config', () => {
  it('reads several nodes, named as Kubernetes names them, and leaves out those without an address', async () => {
    await write('profiles/dev/config.json', three);
    expect(await profiles().config('dev')).toEqual({
      driver: 'kvm2',
      unroutable: null,
      nodes: [
        { name: 'dev', ip: '192.168.39.2', controlPlane: true },
        { name: 'dev-m02', ip: '192.168.39.3', controlPlane: false },
        { name: 'dev-m04', ip: '192.168.39.5', controlPlane: true },
      ],
      serviceCidr: '10.96.0.0/12',
    });
  });

  it('takes the legacy driver key, and missing keys for nothing', async () => {
    await write('profiles/old/config.json', { VMDriver: 'virtualbox' });
    expect(await profiles().config('old')).toEqual({
      driver: 'virtualbox',
      unroutable: null,
      nodes: [],
      serviceCidr: null,
    });
  });

  it('reads the layout of minikube before 1.7', async () => {
    await write('profiles/old/config.json', {
      MachineConfig: { VMDriver: 'virtualbox', Memory: 2000 },
      KubernetesConfig: {
        NodeIP: '192.168.99.100',
        NodePort: 8443,
        NodeName: 'minikube',
        APIServerName: 'minikubeCA',
        APIServerIPs: null,
        ServiceCIDR: '10.96.0.0/12',
        ExtraOptions: null,
      },
    });
    expect(await profiles().config('old')).toEqual({
      driver: 'virtualbox',
      unroutable: null,
      nodes: [{ name: 'old', ip: '192.168.99.100', controlPlane: true }],
      serviceCidr: '10.96.0.0/12',
    });
  });

  it.each<[string, object, Partial<MinikubeConfig>]>([
    ['--ha', { APIServerHAVIP: '192.168.39.254' }, { servers: ['192.168.39.254'] }],
    ['--apiserver-name', { APIServerName: 'Kube.dev.lan' }, { servers: ['kube.dev.lan'] }],
    [
      '--apiserver-names',
      { APIServerName: 'minikubeCA', APIServerNames: ['kube.dev.lan', ''] },
      { servers: ['kube.dev.lan'] },
    ],
    ['no --apiserver-name', { APIServerName: 'minikubeCA' }, {}],
    ['--apiserver-ips', { APIServerIPs: ['10.9.9.9', 'FD00:0::9'] }, { servers: ['10.9.9.9', 'fd00::9'] }],
    [
      '--extra-config',
      {
        ExtraOptions: [
          { Component: 'apiserver', Key: 'service-cluster-ip-range', Value: '10.254.0.0/16' },
          { Component: 'apiserver', Key: 'service-cluster-ip-range', Value: '10.254.32.0/24' },
          { Component: 'kubeadm', Key: 'pod-network-cidr', Value: '10.11.0.0/16' },
          { Component: 'kubelet', Key: 'service-cluster-ip-range', Value: '10.1.0.0/16' },
        ],
      },
      { apiServerRange: '10.254.32.0/24', podSubnet: '10.11.0.0/16' },
    ],
  ])('knows %s', async (_, KubernetesConfig, told) => {
    await write('profiles/dev/config.json', { Driver: 'kvm2', KubernetesConfig, Nodes: [] });
    expect(await profiles().config('dev')).toEqual({
      driver: 'kvm2',
      unroutable: null,
      nodes: [],
      serviceCidr: null,
      ...told,
    });
  });

  it('tells which of its values make no sense, and takes the others', async () => {
    await write('profiles/dev/config.json', {
      Driver: 7,
      KubernetesConfig: {
        ServiceCIDR: ['10.96.0.0/12'],
        ExtraOptions: { apiserver: 1 },
        APIServerHAVIP: '192.168.39',
      },
      Nodes: [
        { Name: '', IP: '192.168.39.2', ControlPlane: true },
        { Name: 'm02', IP: '192.168.039.3' },
        { Name: 'm03', IP: null },
        { Name: 'm04', IP: '' },
        'm05',
        { Name: 'm06', IP: { text: 'x'.repeat(100) } },
      ],
    });
    const config = await profiles().config('dev');
    expect(config?.nodes).toEqual([{ name: 'dev', ip: '192.168.39.2', controlPlane: true }]);
    expect(config?.strange).toEqual([
      'Driver 7',
      'KubernetesConfig.ServiceCIDR ["10.96.0.0/12"]',
      'KubernetesConfig.ExtraOptions {"apiserver":1}',
      'KubernetesConfig.APIServerHAVIP "192.168.39"',
      'Nodes[1].IP "192.168.039.3"',
      `Nodes[5].IP {"text":"${'x'.repeat(51)}…`,
    ]);
    await write('profiles/dev/config.json', { Driver: 'kvm2', Nodes: { '0': {} }, KubernetesConfig: 'x' });
    expect((await profiles().config('dev'))?.strange).toEqual(['KubernetesConfig "x"', 'Nodes {"0":{}}']);
  });

  it('is null for a profile that is not there', async () => {
    expect(await profiles().config('nobody')).toBeNull();
  });

  it.each(['../dev', 'a/b', '..', '.hidden', '', '-p', 'a\0b', 'a'.repeat(200)])(
    'refuses the name %j',
    async (name) => {
      await expect(profiles().config(name)).rejects.toMatchObject({
        diagnostics: [{ code: 'profile-name' }],
      });
      await expect(profiles().ip(name)).rejects.toMatchObject({ diagnostics: [{ code: 'profile-name' }] });
    },
  );

  it.each([
    ['not JSON', '{'],
    ['a list', '[]'],
    ['null', 'null'],
    ['too long', `"${'a'.repeat(1024 * 1024)}"`],
  ])('reports a file that is %s', async (_, text) => {
    await write('profiles/dev/config.json', text);
    await expect(profiles().config('dev')).rejects.toMatchObject({
      diagnostics: [{ code: 'profile-unreadable' }],
    });
  });

  it.each<[string, (file: string) => Promise<unknown>, string]>([
    ['cut off', (file) => writeFile(file, '{"Driver": "kv'), 'it is not JSON: '],
    ['empty', (file) => writeFile(file, ' \n'), 'it is empty'],
    ['in UTF-16', (file) => writeFile(file, Buffer.from('\ufeff{}', 'utf16le')), 'UTF-16'],
    ['a directory', (file) => mkdir(file), 'it is a directory'],
    ['a symlink to nothing', (file) => symlink('nowhere', file), 'it is a symlink to nothing'],
  ])('says in one line what is wrong with one that is %s', async (_, make, expected) => {
    const folder = join(home, '.minikube', 'profiles', 'dev');
    await mkdir(folder, { recursive: true });
    await make(join(folder, 'config.json'));
    const failure = await profiles()
      .config('dev')
      .catch((error: unknown) => error);
    expect(failure).toMatchObject({
      diagnostics: [{ code: 'profile-unreadable', summary: expect.stringContaining(expected) }],
    });
    expect(String(Reflect.get(Object(failure), 'message'))).not.toContain('\n');
    expect(await profiles().list()).toEqual(['dev']);
  });

  it('does not blame permissions for JSON that is broken, nor a missing profile for a home that is a file', async () => {
    await write('profiles/dev/config.json', '{');
    await expect(profiles().config('dev')).rejects.toMatchObject({
      diagnostics: [{ fix: expect.stringContaining('JSON') }],
    });
    const env = { MINIKUBE_HOME: join(home, '.minikube/profiles/dev/config.json') };
    await expect(profiles({ env }).list()).rejects.toMatchObject({
      diagnostics: [{ fix: expect.stringContaining('MINIKUBE_HOME') }],
    });
  });

  it.each([
    ['Debian GNU/Linux 12|["name=seccomp,profile=builtin"]', null],
    ['Docker Desktop|["name=seccomp"]', 'Docker Desktop'],
    ['Ubuntu 24.04|["name=rootless"]', 'without root'],
  ])('asks docker what it is: %s', async (stdout, reason) => {
    await write('profiles/dev/config.json', { ...three, Driver: 'docker' });
    const config = await profiles({ runner: runnerOf({ [DOCKER_INFO]: { stdout } }) }).config('dev');
    if (reason === null) expect(config?.unroutable).toBeNull();
    else expect(config?.unroutable).toContain(reason);
  });

  it.each([
    ['an engine of its own', 'Ubuntu 24.04.1 LTS|["name=seccomp,profile=builtin"]', null],
    ['Docker Desktop’s engine', 'Docker Desktop|["name=seccomp"]', 'Docker Desktop'],
    ['an engine that does not answer', '', 'WSL'],
  ])('asks docker under WSL, which has %s', async (_, stdout, reason) => {
    await write('profiles/dev/config.json', { ...three, Driver: 'docker' });
    const runner = runnerOf({ [DOCKER_INFO]: { stdout } });
    const config = await profiles({ runner, env: { WSL_DISTRO_NAME: 'Ubuntu' } }).config('dev');
    if (reason === null) expect(config?.unroutable).toBeNull();
    else expect(config?.unroutable).toContain(reason);
  });

  it('asks docker nothing where the answer decides nothing', async () => {
    await write('profiles/dev/config.json', { ...three, Driver: 'docker' });
    const runner = runnerOf({});
    const reasonWith = async (changes: Partial<ProfilesOptions>) =>
      (await profiles({ runner, ...changes }).config('dev'))?.unroutable;
    expect(await reasonWith({ platform: 'darwin' })).toContain('macOS');
    expect(await reasonWith({ env: { DOCKER_HOST: 'ssh://ann@build' } })).toContain('another host');
    expect(runner.asked).toEqual([]);
    expect(await reasonWith({ env: { DOCKER_HOST: 'unix:///run/docker.sock' } })).toBeNull();
    expect(runner.asked).toEqual([DOCKER_INFO]);
  });

  const INSIDE = {
    DOCKER_HOST: 'tcp://192.168.49.2:2376',
    DOCKER_TLS_VERIFY: '1',
    DOCKER_CERT_PATH: '/certs',
  };
  const REMOTE = 'tcp://10.1.1.1:2376';
  it.each<[string, string, NodeJS.ProcessEnv, boolean]>([
    ['docker-env', 'docker', { ...INSIDE, MINIKUBE_ACTIVE_DOCKERD: 'dev' }, false],
    ['docker-env of another profile', 'docker', { ...INSIDE, MINIKUBE_ACTIVE_DOCKERD: 'other' }, false],
    [
      'docker-env over ssh',
      'docker',
      { DOCKER_HOST: 'ssh://docker@127.0.0.1:32772', MINIKUBE_ACTIVE_DOCKERD: 'dev' },
      false,
    ],
    [
      'docker-env over a remote engine',
      'docker',
      { ...INSIDE, MINIKUBE_ACTIVE_DOCKERD: 'dev', MINIKUBE_EXISTING_DOCKER_HOST: REMOTE },
      true,
    ],
    [
      'docker-env over a local socket',
      'docker',
      {
        ...INSIDE,
        MINIKUBE_ACTIVE_DOCKERD: 'dev',
        MINIKUBE_EXISTING_DOCKER_HOST: 'unix:///run/user/1000/docker.sock',
      },
      false,
    ],
    ['an empty MINIKUBE_ACTIVE_DOCKERD', 'docker', { ...INSIDE, MINIKUBE_ACTIVE_DOCKERD: '' }, true],
    ['podman-env of newer minikube', 'docker', { ...INSIDE, MINIKUBE_ACTIVE_PODMAN: 'dev' }, false],
    [
      'podman-env, whose variable is not docker’s',
      'docker',
      {
        CONTAINER_HOST: 'ssh://docker@127.0.0.1:32772',
        DOCKER_HOST: REMOTE,
        MINIKUBE_ACTIVE_PODMAN: 'dev',
      },
      true,
    ],
    [
      'podman-env',
      'podman',
      { CONTAINER_HOST: 'ssh://docker@127.0.0.1:32772', MINIKUBE_ACTIVE_PODMAN: 'dev' },
      false,
    ],
    [
      'podman-env over a remote engine',
      'podman',
      {
        CONTAINER_HOST: 'ssh://docker@127.0.0.1:32772',
        MINIKUBE_ACTIVE_PODMAN: 'dev',
        MINIKUBE_EXISTING_CONTAINER_HOST: 'ssh://ann@build',
      },
      true,
    ],
    [
      'docker-env, whose variables are not podman’s',
      'podman',
      { ...INSIDE, MINIKUBE_ACTIVE_DOCKERD: 'dev', CONTAINER_HOST: 'ssh://ann@build' },
      true,
    ],
  ])('knows the user’s own engine under %s (driver %s)', async (_, Driver, env, isRemote) => {
    await write('profiles/dev/config.json', { ...three, Driver });
    const reason = (await profiles({ env }).config('dev'))?.unroutable ?? '';
    expect(reason.includes('another host')).toBe(isRemote);
  });

  it('asks the user’s own docker, not the one inside the profile', async () => {
    await write('profiles/dev/config.json', { ...three, Driver: 'docker' });
    const asked: unknown[] = [];
    const runner: CommandRunner = {
      run: async (_, { env }) => {
        asked.push(env);
        return { code: 0, stdout: 'Debian|[]', stderr: '', timedOut: false };
      },
    };
    const existing = { MINIKUBE_EXISTING_DOCKER_HOST: 'unix:///run/docker.sock' };
    await profiles({ runner, env: { ...INSIDE, MINIKUBE_ACTIVE_DOCKERD: 'dev', ...existing } }).config('dev');
    await profiles({ runner, env: { DOCKER_HOST: 'unix:///run/docker.sock' } }).config('dev');
    expect(asked).toEqual([
      { DOCKER_HOST: 'unix:///run/docker.sock', DOCKER_TLS_VERIFY: '', DOCKER_CERT_PATH: '' },
      {},
    ]);
  });

  it('believes minikube’s own setting, not podman, on whether podman is rootless', async () => {
    await write('profiles/dev/config.json', { ...three, Driver: 'podman' });
    expect((await profiles().config('dev'))?.unroutable).toBeNull();
    await write('config/config.json', '{ "rootless": true }');
    expect((await profiles().config('dev'))?.unroutable).toContain('without root');
    const env = { MINIKUBE_ROOTLESS: 'false' };
    expect((await profiles({ env }).config('dev'))?.unroutable).toBeNull();
  });
});

describe('rest', () => {
  const STATUS = 'minikube status -p dev --output json';
  const one = (host: string, server = host) => ({
    Name: 'dev',
    Host: host,
    Kubelet: host,
    APIServer: server,
  });
  const worker = { ...one('Running', 'Irrelevant'), Worker: true };
  it.each([
    ['the one VM is stopped', { code: 7, stdout: JSON.stringify(one('Stopped')) }, 'stopped'],
    ['all of several are', { code: 7, stdout: JSON.stringify([one('Stopped'), one('Stopped')]) }, 'stopped'],
    ['one of several runs', { code: 7, stdout: JSON.stringify([one('Stopped'), one('Running')]) }, null],
    ['it is paused', { code: 2, stdout: JSON.stringify(one('Running', 'Paused')) }, 'paused'],
    [
      'it is paused, with workers',
      { code: 2, stdout: JSON.stringify([one('Running', 'Paused'), worker]) },
      'paused',
    ],
    [
      'one of its control planes is',
      { code: 2, stdout: JSON.stringify([one('Running', 'Paused'), one('Running')]) },
      null,
    ],
    ['its API server is down', { code: 4, stdout: JSON.stringify(one('Running', 'Stopped')) }, null],
    ['it is gone', { code: 85, stdout: JSON.stringify(one('Nonexistent')) }, null],
    ['there is no such profile', { code: 85, stdout: '* Profile "dev" not found.' }, null],
    ['nothing is said', { code: 7, stdout: '' }, null],
    ['no node is listed', { code: 7, stdout: '[]' }, null],
    ['something else is said', { code: 0, stdout: 'null' }, null],
    ['it took too long', { code: null, timedOut: true, stdout: JSON.stringify(one('Stopped')) }, null],
  ])('where %s: %j', async (_, answer, expected) => {
    expect(await profiles({ runner: runnerOf({ [STATUS]: answer }) }).rest('dev')).toBe(expected);
  });

  it('is not known without the program', async () => {
    expect(await profiles().rest('dev')).toBeNull();
  });
});

describe('ip', () => {
  it('is what minikube says', async () => {
    const runner = runnerOf({ 'minikube ip -p dev': { stdout: '192.168.39.2\n' } });
    expect(await profiles({ runner }).ip('dev')).toBe('192.168.39.2');
  });

  it('is null without the program, on its error, and when it says something else', async () => {
    expect(await profiles().ip('dev')).toBeNull();
    const failing = runnerOf({ 'minikube ip -p dev': { code: 83, stdout: '192.168.39.2' } });
    expect(await profiles({ runner: failing }).ip('dev')).toBeNull();
    const odd = runnerOf({ 'minikube ip -p dev': { stdout: '* Profile not found' } });
    expect(await profiles({ runner: odd }).ip('dev')).toBeNull();
    const slow = runnerOf({ 'minikube ip -p dev': { code: null, timedOut: true } });
    expect(await profiles({ runner: slow }).ip('dev')).toBeNull();
  });
});

describe('list', () => {
  it('names the folders that hold a profile, sorted', async () => {
    expect(await profiles().list()).toEqual([]);
    await write('profiles/zeta/config.json', three);
    await write('profiles/alpha/config.json', three);
    await write('profiles/empty/other.json', {});
    await write('profiles/stray-file', '');
    expect(await profiles().list()).toEqual(['alpha', 'zeta']);
  });
});

describe('networks', () => {
  const read = async (content: unknown) => {
    await write('profiles/dev/config.json', content);
    const { networks, problem } = await profiles().networks('dev');
    return { networks: networks.map(formatPrefix), problem };
  };

  it('are all that the file names, with host bits or not', async () => {
    const ExtraOptions = [{ Component: 'kubeadm', Key: 'pod-network-cidr', Value: '10.11.0.1/16' }];
    const KubernetesConfig = { ServiceCIDR: '10.96.0.1/12', APIServerHAVIP: '192.168.39.254', ExtraOptions };
    expect(await read({ ...three, KubernetesConfig, Nodes: [{ IP: '192.168.50.2' }] })).toEqual({
      networks: ['10.96.0.0/12', '10.11.0.0/16', '192.168.39.0/24', '192.168.50.0/24'],
      problem: null,
    });
  });

  it('are those that can be read, and the others are named', async () => {
    const { networks, problem } = await read({ ...three, KubernetesConfig: { ServiceCIDR: 'bad.cidr' } });
    expect(networks).toContain('192.168.39.0/24');
    expect(problem).toContain('ServiceCIDR "bad.cidr", which makes no sense');
  });
});
