import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeSandbox } from '../../src/sandbox/sandbox.ts';
import { shellOf } from '../../src/sandbox/shell.ts';

/** Those of this machine; there is always a sh. */
const SHELLS = ['/bin/sh', '/bin/bash', '/bin/dash', '/bin/zsh', '/usr/bin/fish'].filter((path) =>
  existsSync(path),
);

describe('the shell of a sandbox', () => {
  let directory = '';

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'mkplan-test-shell-'));
    // What people have in theirs: a prompt, and the cluster that they work with.
    const own = 'PS1="mine> "\nexport KUBECONFIG=/real\n';
    for (const name of ['.bashrc', '.zshrc', 'shrc-of-mine']) await writeFile(join(directory, name), own);
  });

  afterAll(async () => {
    await rm(directory, { recursive: true });
  });

  it.each(SHELLS)("says where it is, and leads to the sandbox's cluster: %s", async (program) => {
    const env = { ...process.env, SHELL: program, HOME: directory, ENV: join(directory, 'shrc-of-mine') };
    const inside = await mkdtemp(join(directory, 'inside-'));
    const { argv, env: added } = await shellOf(env, inside);
    const [shell = '', ...args] = argv;
    const { status, stdout, stderr } = spawnSync(shell, [...args, '-i'], {
      input: 'echo $KUBECONFIG\nexit 5\n',
      encoding: 'utf8',
      env: { ...env, ...added, TERM: 'dumb' },
    });
    expect(`${stdout}${stderr}`).toContain('(mkplan sandbox) ');
    expect(stdout).toContain(join(inside, 'kubeconfig'));
    expect(status).toBe(5);
  });

  it('is /bin/sh where none is named, and any other as it is', async () => {
    expect((await shellOf({}, directory)).argv[0]).toBe('/bin/sh');
    expect(await shellOf({ SHELL: '/opt/nu' }, directory)).toEqual({ argv: ['/opt/nu'], env: {} });
  });
});

describe('the banner of a sandbox', () => {
  const info = {
    directory: '/tmp/sandbox',
    profile: 'minikube',
    kubeconfig: '/tmp/sandbox/kubeconfig',
    minikubeHome: '/tmp/sandbox/minikube',
    server: 'https://192.168.49.2:8443',
    hostAddresses: ['192.168.49.1/24'],
    nodes: [],
    serviceCidrs: ['10.96.0.0/12'],
  };

  it('says how to leave a shell, and of another command only where it runs', () => {
    expect(describeSandbox(info, true)).toContain('leave it with exit');
    expect(describeSandbox(info, false)).not.toContain('leave it');
    expect(describeSandbox(info, true)).toContain(describeSandbox(info, false));
  });
});
