import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';

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
function mkplan(argv: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const options = { cwd: ROOT, env: { ...process.env, ...env } };
    execFile(process.execPath, [MAIN, ...argv], options, (error, stdout, stderr) => {
      if (error !== null && typeof error.code !== 'number') reject(error);
      else resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr });
    });
  });
}

/** A file of the bundle with everything that is loaded whenever it is. */
function loadedWith(file: string, found = new Map<string, string>()): ReadonlyMap<string, string> {
  if (found.has(file)) return found;
  const text = readFileSync(join(DIST, file), 'utf8');
  found.set(file, text);
  for (const [, other = ''] of text.matchAll(/^(?:import|export|\}) ?(?:.* from )?"\.\/([^"]+)";$/gm)) {
    loadedWith(other, found);
  }
  return found;
}

/** The packages that are loaded with a file of the bundle. */
function packagesWith(file: string): string[] {
  const packages = new Set<string>();
  for (const text of loadedWith(file).values()) {
    for (const [, name = ''] of text.matchAll(/^\/\/ node_modules\/((?:@[^/\n]+\/)?[^/\n]+)\//gm)) {
      packages.add(name);
    }
  }
  return [...packages].sort((a, b) => (a < b ? -1 : 1));
}

/** The file of the bundle that holds a part which is loaded on demand. */
function partOf(name: string, marker: string): string {
  const file = readdirSync(DIST).find(
    (candidate) =>
      candidate.startsWith(`${name}-`) &&
      candidate.endsWith('.js') &&
      readFileSync(join(DIST, candidate), 'utf8').includes(marker),
  );
  if (file === undefined) throw new Error(`no ${name} with ${marker} in the bundle`);
  return file;
}

describe('the bundle', () => {
  it('can be started as a program', () => {
    expect(readFileSync(MAIN, 'utf8')).toMatch(/^#!\/usr\/bin\/env node\n/);
    expect(statSync(MAIN).mode & 0o111).toBe(0o111);
  });

  it('loads no package to print its version', async () => {
    expect(packagesWith('main.js')).toEqual([]);
    const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
    expect(await mkplan(['--version'])).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
  });

  it('loads the argument parser and colours alone to print help', () => {
    expect(packagesWith(partOf('program', 'src/cli/program.ts'))).toEqual(['commander', 'picocolors']);
  });

  it('plans without loading the cluster client, the state machines or the sandbox', () => {
    const packages = packagesWith(partOf('plan', 'src/cli/commands/plan.ts'));
    expect(packages).toContain('yaml');
    for (const heavy of ['@kubernetes/client-node', 'xstate', 'chokidar', 'ajv', '@peculiar/x509']) {
      expect(packages).not.toContain(heavy);
    }
  });

  it('keeps packages out of the elevated helper', () => {
    expect(packagesWith('helper.js')).toEqual([]);
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
