import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Failure } from '../../src/model/diagnostic.ts';
import { ProcessRunner } from '../../src/platform/process.ts';
import { TerminalRunner } from '../../src/sandbox/foreground.ts';
import { checkNamespaces } from '../../src/sandbox/namespaces.ts';
import type { SandboxInfo } from '../../src/sandbox/protocol.ts';
import { runSandbox } from '../../src/sandbox/sandbox.ts';

const runner = new ProcessRunner();
const ports = { runner, foreground: new TerminalRunner(), platform: process.platform };

/** Why there can be no sandbox here; null when there can. */
async function whyNot(): Promise<string | null> {
  try {
    await checkNamespaces(runner, process.platform);
    return null;
  } catch (error) {
    if (error instanceof Failure) return error.message;
    throw error;
  }
}

const unavailable = await whyNot();

/** A program that runs in the sandbox: reads the API by the kubeconfig, and writes what it found. */
const PROBE = `
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { Agent, get } from 'node:http';
import { request } from 'node:https';
import { parse } from 'yaml';

const config = parse(readFileSync(process.env.KUBECONFIG, 'utf8'));
const pem = (text) => Buffer.from(text, 'base64').toString();
const user = config.users[0].user;
const tls = {
  ca: pem(config.clusters[0].cluster['certificate-authority-data']),
  cert: pem(user['client-certificate-data']),
  key: pem(user['client-key-data']),
};
const call = (method, path, body) => new Promise((resolve, reject) => {
  const sent = request(config.clusters[0].cluster.server + path,
    { ...tls, method, headers: { 'Content-Type': 'application/apply-patch+yaml' } },
    (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk) => { text += chunk; });
      response.on('end', () => resolve(JSON.parse(text)));
    });
  sent.on('error', reject);
  sent.end(body === undefined ? undefined : JSON.stringify(body));
});
const fetchOnce = (url) => new Promise((resolve) => {
  const sent = get(url, { timeout: 1000, agent: new Agent() }, (response) => {
    let text = '';
    response.setEncoding('utf8').on('data', (chunk) => { text += chunk; });
    response.on('end', () => resolve(JSON.parse(text)));
  });
  sent.on('timeout', () => sent.destroy(new Error('ETIMEDOUT')));
  sent.on('error', (error) => resolve(String(error.code ?? error.message)));
});
const until = async (url, wanted) => {
  for (const end = Date.now() + 20000; ;) {
    const found = await fetchOnce(url);
    if (wanted(found) || Date.now() > end) return found;
  }
};
const ip = (...args) => execFileSync('ip', args, { encoding: 'utf8' });

const result = { env: process.env, uid: process.getuid(), routesBefore: JSON.parse(ip('-json', 'route')) };
const list = await call('GET', '/api/v1/services');
result.services = list.items.map((item) => item.metadata.namespace + '/' + item.metadata.name);
const nginx = list.items.find((item) => item.metadata.name === 'nginx');
result.profile = JSON.parse(readFileSync(process.env.MINIKUBE_HOME + '/profiles/minikube/config.json', 'utf8'));
result.unrouted = await fetchOnce('http://' + nginx.spec.clusterIP + '/');
ip('route', 'add', '10.96.0.0/12', 'via', '192.168.49.2');
result.clusterIp = await fetchOnce('http://' + nginx.spec.clusterIP + '/');
ip('route', 'add', '10.244.1.0/24', 'via', '192.168.49.3');
result.pod = await fetchOnce('http://10.244.1.10/');
ip('route', 'add', '10.200.0.7/32', 'via', '192.168.49.3');
result.unassigned = await fetchOnce('http://10.200.0.7/');
const status = (ingress) => ({ apiVersion: 'v1', kind: 'Service', metadata: {}, status: { loadBalancer: { ingress } } });
const path = '/api/v1/namespaces/default/services/nginx/status?fieldManager=probe';
await call('PATCH', path, status([{ ip: '10.200.0.7', ipMode: 'VIP' }]));
result.assigned = await until('http://10.200.0.7/', (found) => typeof found === 'object');
await call('PATCH', path, { apiVersion: 'v1', kind: 'Service', metadata: {} });
result.cleared = await until('http://10.200.0.7/', (found) => typeof found === 'string');
execFileSync('sh', ['-c', 'sleep 600 >/dev/null 2>&1 &']);
writeFileSync(process.argv[2], JSON.stringify(result));
process.exit(7);
`;

let directory: string;
let self: [string, ...string[]];

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'mkplan-test-sandbox-'));
  const banner = {
    js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
  };
  const common = { bundle: true, platform: 'node', format: 'esm', target: 'node20', banner } as const;
  await build({ ...common, entryPoints: ['src/sandbox/main.ts'], outfile: join(directory, 'sandbox.mjs') });
  const stdin = { contents: PROBE, resolveDir: process.cwd() };
  await build({ ...common, stdin, outfile: join(directory, 'probe.mjs') });
  self = [process.execPath, join(directory, 'sandbox.mjs')];
});

afterAll(async () => {
  await rm(directory, { recursive: true, force: true });
});

/** Command lines of processes that name our directory: everything of a sandbox does. */
function processesOfOurs(): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        return [readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')];
      } catch {
        // It ended while we were looking.
        return [];
      }
    })
    .filter((line) => line.includes(self[1] ?? ''));
}

function run(
  command: readonly string[],
  onReady: (info: SandboxInfo) => void,
  env = process.env,
): Promise<number> {
  return runSandbox({ manifests: null, command, env, self, mkplan: null, onReady }, ports);
}

describe.skipIf(unavailable !== null)(
  `a sandbox${unavailable === null ? '' : ` (skipped: ${unavailable})`}`,
  () => {
    it('answers on the addresses of its cluster through routes of its host, and leaves nothing', async () => {
      const output = join(directory, 'result.json');
      const infos: SandboxInfo[] = [];
      const code = await run([process.execPath, join(directory, 'probe.mjs'), output], (info) =>
        infos.push(info),
      );
      const result = JSON.parse(await readFile(output, 'utf8')) as Record<string, unknown>;
      expect(code).toBe(7);
      expect(result).toMatchObject({
        uid: 0,
        env: { MKPLAN_SANDBOX: '1', KUBECONFIG: infos[0]?.kubeconfig },
        services: ['default/kubernetes', 'default/nginx'],
        profile: {
          Driver: 'kvm2',
          Nodes: [{ Name: '', IP: '192.168.49.2', ControlPlane: true }, { Name: 'm02' }],
        },
        clusterIp: { service: 'default/nginx', node: 'minikube', address: '10.96.0.2', port: 80 },
        pod: { service: 'default/nginx', node: 'minikube-m02', address: '10.244.1.10' },
        assigned: { service: 'default/nginx', node: 'minikube-m02', address: '10.200.0.7', port: 80 },
      });
      for (const name of ['unrouted', 'unassigned', 'cleared'])
        expect(result[name]).toEqual(expect.any(String));
      expect(result['routesBefore']).toContainEqual(
        expect.objectContaining({ dst: 'default', gateway: '192.168.1.1', dev: 'lan0', protocol: 'dhcp' }),
      );
      expect(processesOfOurs()).toEqual([]);
      await expect(readFile(infos[0]?.kubeconfig ?? '')).rejects.toMatchObject({ code: 'ENOENT' });
    });

    it('says so when a part of it dies, and ends with everything else', async () => {
      const command = [
        'sh',
        '-c',
        'kill -9 $(ps -eo pid,args | grep "[s]andbox.mjs node" | head -1 | sed "s/^ *//; s/ .*//"); sleep 600',
      ];
      await expect(run(command, () => undefined)).rejects.toMatchObject({
        diagnostics: [{ code: 'sandbox-node' }],
      });
      expect(processesOfOurs()).toEqual([]);
    });

    it('gives a shell when no command is named, and the exit code of a signal', async () => {
      const shell = join(directory, 'shell.sh');
      await writeFile(shell, '#!/bin/sh\nkill -TERM $$\n');
      await chmod(shell, 0o755);
      expect(await run([], () => undefined, { ...process.env, SHELL: shell })).toBe(143);
    });

    it('exits as a shell would for a command that is not found, may not be run, or is ended by a signal', async () => {
      const told: string[] = [];
      const ended = (...command: readonly string[]) =>
        runSandbox(
          {
            manifests: null,
            command,
            env: process.env,
            self,
            mkplan: null,
            onProblem: ({ code }) => told.push(code),
          },
          ports,
        );
      expect(await ended('/nonexistent/program')).toBe(127);
      expect(await ended('no-such-program')).toBe(127);
      expect(await ended('/etc/passwd')).toBe(126);
      expect(told).toEqual(['sandbox-command', 'sandbox-command', 'sandbox-command']);
      expect(await ended('sh', '-c', 'kill -USR1 $$')).toBe(138);
    });

    it('names file, line and column of a manifest that its API refuses', async () => {
      const file = join(directory, 'service.yaml');
      await writeFile(
        file,
        'apiVersion: v1\nkind: Service\nmetadata: { name: web }\nspec: { ports: [{ port: 70000 }] }\n',
      );
      const run = runSandbox(
        { manifests: file, command: ['true'], env: process.env, self, mkplan: null },
        ports,
      );
      await expect(run).rejects.toMatchObject({
        diagnostics: [{ code: 'manifest-invalid', at: { file, line: 1, column: 1 } }],
      });
    });

    it('says what it skips, or with failOnSkipped starts nothing', async () => {
      const file = join(directory, 'deployment.yaml');
      await writeFile(file, 'apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: web }\n');
      const lines: string[] = [];
      const options = { manifests: file, command: ['true'], env: process.env, self, mkplan: null };
      expect(await runSandbox({ ...options, onSkipped: (line) => lines.push(line) }, ports)).toBe(0);
      expect(lines).toEqual(['skipped 1 object: 1 Deployment\n']);
      await expect(runSandbox({ ...options, failOnSkipped: true }, ports)).rejects.toMatchObject({
        diagnostics: [{ code: 'manifest-skipped' }],
      });
    });

    it('starts nothing where its manifests cannot be read', async () => {
      await expect(
        runSandbox(
          { manifests: '/nonexistent', command: ['true'], env: process.env, self, mkplan: null },
          ports,
        ),
      ).rejects.toMatchObject({ diagnostics: [{ code: 'manifest-unreadable' }] });
    });
  },
);

describe.skipIf(unavailable !== null)('the profile of a sandbox', () => {
  const program = join(process.cwd(), 'dist', 'main.js');
  const profile = (name: string) => `    - { name: ${name}, context: ${name}-context }\n`;
  const spec = (...names: readonly string[]) =>
    `apiVersion: mkplan/v1alpha1\nkind: Tunnel\nmetadata: { name: x }\nspec:\n  profiles:\n${names.map(profile).join('')}`;

  it.each([
    ['the one of ./tunnel.yaml', spec('dev'), [], 'dev-context', ''],
    [
      'the first of several',
      spec('dev', 'other'),
      [],
      'dev-context',
      'profile dev, the first of the 2 in tunnel.yaml',
    ],
    ['the one that is asked for', spec('dev', 'other'), ['--profile', 'other'], 'other-context', ''],
    ['one that no spec knows', spec('dev'), ['--profile', 'new'], 'new', ''],
    ['minikube, where the spec has errors', 'spec: 1\n', [], 'minikube', 'tunnel.yaml has errors'],
    ['minikube, without a spec', null, [], 'minikube', ''],
  ])('is %s', async (_, text, options, context, note) => {
    const cwd = await mkdtemp(join(directory, 'profile-'));
    if (text !== null) await writeFile(join(cwd, 'tunnel.yaml'), text);
    const argv = [program, 'sandbox', ...options, '--', 'sh', '-c', 'cat "$KUBECONFIG"'];
    const { status, stdout, stderr } = spawnSync(process.execPath, argv, { cwd, encoding: 'utf8' });
    expect(status).toBe(0);
    expect(stdout).toContain(`current-context: ${context}\n`);
    expect(stderr).toContain(note);
  });
});

describe('where there can be no sandbox', () => {
  it('says what is missing and what to do instead', async () => {
    await expect(checkNamespaces(runner, 'darwin')).rejects.toMatchObject({
      diagnostics: [{ code: 'sandbox-unavailable', fix: expect.stringContaining('--observed') }],
    });
  });

  const FORBIDDEN = {
    run: async () => ({
      code: 1,
      stdout: '',
      stderr: 'unshare: unshare failed: Operation not permitted',
      timedOut: false,
    }),
  };

  it.each([
    ['/proc/sys/user/max_user_namespaces', '0\n', 'user.max_user_namespaces is 0'],
    ['/proc/sys/user/max_net_namespaces', '0\n', 'user.max_net_namespaces is 0'],
    ['/proc/sys/kernel/unprivileged_userns_clone', '0\n', 'unprivileged_userns_clone is 0'],
    ['/proc/sys/kernel/apparmor_restrict_unprivileged_userns', '1\n', 'AppArmor|apparmor'],
    ['/proc/self/status', 'Name:\tnode\nSeccomp:\t2\n', 'seccomp'],
    ['/proc/none', '', 'Operation not permitted'],
  ])('knows by %s what forbids it', async (path, content, cause) => {
    const read = async (asked: string) => (asked === path ? content : null);
    await expect(checkNamespaces(FORBIDDEN, 'linux', read)).rejects.toMatchObject({
      diagnostics: [
        {
          code: 'sandbox-unavailable',
          cause: expect.stringMatching(cause),
          fix: expect.stringContaining('--observed'),
        },
      ],
    });
  });

  it.skipIf(unavailable !== null)('is told by the built program where the kernel allows none', () => {
    const program = join(process.cwd(), 'dist', 'main.js');
    const script = 'echo 0 > /proc/sys/user/max_user_namespaces && exec "$0" "$1" sandbox -- true';
    const argv = ['--user', '--map-root-user', 'sh', '-c', script, process.execPath, program];
    const { status, stderr } = spawnSync('unshare', argv, { encoding: 'utf8' });
    expect(status).toBe(1);
    expect(stderr).toContain('sudo sysctl -w user.max_user_namespaces=');
  });
});
