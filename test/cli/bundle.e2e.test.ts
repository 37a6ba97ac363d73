import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { checkedLines } from './json-lines.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const DIST = join(ROOT, 'dist');
const MAIN = join(DIST, 'main.js');
const VPN = ['plan', 'examples/vpn/tunnel.yaml', '--observed', 'examples/vpn/observed.yaml'];
const exec = promisify(execFile);

beforeAll(async () => {
  if (!existsSync(MAIN)) await exec(process.execPath, [join(ROOT, 'scripts/build.mjs')]);
});

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the built program in the repository. */
function mkplan(
  argv: readonly string[],
  env: Readonly<Record<string, string>> = {},
  main = MAIN,
): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const options = { cwd: ROOT, env: { ...process.env, ...env } };
    execFile(process.execPath, [main, ...argv], options, (error, stdout, stderr) => {
      if (error !== null && typeof error.code !== 'number') reject(error);
      else {
        const code = typeof error?.code === 'number' ? error.code : 0;
        if (argv.includes('--json')) checkedLines(stdout, code);
        resolve({ code, stdout, stderr });
      }
    });
  });
}

/** The packages that a file of the bundle holds. */
function packagesIn(file: string): string[] {
  const comments = readFileSync(join(DIST, file), 'utf8').matchAll(
    /^\s*(?:\/\/ |")node_modules\/((?:@[^/\n]+\/)?[^/\n]+)\//gm,
  );
  return [...new Set([...comments].flatMap(([, name]) => name ?? []))].sort((a, b) => (a < b ? -1 : 1));
}

describe('the bundle', () => {
  it('can be started as a program', () => {
    expect(readFileSync(MAIN, 'utf8')).toMatch(/^#!\/usr\/bin\/env node\n/);
    expect(statSync(MAIN).mode & 0o111).toBe(0o111);
  });

  it('plans without the client library of Kubernetes, the schema compiler or certificates', () => {
    const packages = packagesIn('program.cjs');
    expect(packages).toEqual(expect.arrayContaining(['commander', 'picocolors', 'xstate', 'yaml']));
    for (const heavy of ['@kubernetes/client-node', 'ajv', '@peculiar/x509']) {
      expect(packages).not.toContain(heavy);
    }
  });

  it('keeps packages out of the elevated helper', () => {
    expect(packagesIn('helper.js')).toEqual([]);
  });
});

describe('the version', () => {
  let copy: string;
  beforeEach(async () => {
    copy = await mkdtemp(join(tmpdir(), 'mkplan-bundle-'));
    await cp(DIST, copy, { recursive: true });
  });
  afterEach(() => rm(copy, { recursive: true }));

  it('is printed before the program is loaded', async () => {
    await rm(join(copy, 'program.cjs'));
    const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
    const told = await mkplan(['--version'], {}, join(copy, 'main.js'));
    expect(told).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
  });
});

describe('the built program', () => {
  it('plans from a recording, without colour on a pipe and byte for byte the same', async () => {
    const first = await mkplan(VPN);
    expect(first.stdout).not.toContain(String.fromCharCode(27));
    expect(first.stdout).toContain('Needs approval');
    expect(first.code).toBe(0);
    expect(await mkplan(VPN)).toEqual(first);
  });

  it('paints on a pipe when it is told to', async () => {
    const { stdout } = await mkplan(VPN, { FORCE_COLOR: '1', NO_COLOR: '' });
    expect(stdout).toContain(`${String.fromCharCode(27)}[32m+ 10.96.0.0/12`);
  });

  it('ends with the code of what went wrong', async () => {
    expect((await mkplan(['validate', 'examples/kvm/tunnel.yaml'])).code).toBe(0);
    expect((await mkplan(['validate', 'examples/none.yaml'])).code).toBe(1);
    expect((await mkplan([...VPN, '--detailed-exitcode'])).code).toBe(2);
    expect((await mkplan(['valdate'])).code).toBe(64);
    for (const argv of [['help'], ['help', 'plan'], ['plan', '--help'], ['version'], ['--version']]) {
      expect((await mkplan(argv)).code, argv.join(' ')).toBe(0);
    }
  });

  it('says that the sandbox has no place for its files', async () => {
    const { code, stderr } = await mkplan(['sandbox', '--', 'true'], { TMPDIR: '/nonexistent' });
    expect(code).toBe(1);
    expect(stderr).toMatch(/sandbox-host|sandbox-unavailable/);
    expect(stderr).not.toContain('internal-error');
  });

  it('outlives a reader that goes away', async () => {
    const child = spawn(process.execPath, [MAIN, ...VPN, '--json'], {
      cwd: ROOT,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    child.stdout.destroy();
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    const [code] = await once(child, 'close');
    expect(stderr).toBe('');
    expect(code).toBe(0);
  });
});
