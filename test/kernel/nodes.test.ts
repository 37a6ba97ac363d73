import { execFile } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { requireNamespaces } from './netns.ts';
import { type NodeProgram, nodePrograms } from './node-programs.ts';

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const DIST = join(ROOT, 'dist');
const PLAN = ['plan', 'examples/kvm/tunnel.yaml', '--observed', 'examples/kvm/observed.yaml'];
const PLANNED = { code: 0, stdout: readFileSync(join(ROOT, 'examples/kvm/plan.txt'), 'utf8'), stderr: '' };
const HERE: NodeProgram = { version: process.versions.node, path: process.execPath };

/** Whoever runs the tests, under another number and without a network: root keeps no code. */
const AS_USER = ['unshare', '--user', '--map-user=1000', '--net', '--'];
const AS_ROOT = ['unshare', '--user', '--map-root-user', '--net', '--'];

interface Ended {
  /** An exit code, or the name of the signal that ended it. */
  readonly code: number | string;
  readonly stdout: string;
  readonly stderr: string;
}

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'mkplan-nodes-'));
});
afterEach(() => {
  rmSync(home, { recursive: true });
});

const codeHome = () => join(home, '.cache', 'mkplan');
const kept = () =>
  existsSync(codeHome()) ? readdirSync(codeHome()).map((name) => join(codeHome(), name)) : [];

/** The one file of compiled code that there is. */
function onlyCode(): string {
  const [file = '', ...others] = kept();
  expect(others).toEqual([]);
  expect(file).not.toBe('');
  return file;
}

interface RunOptions {
  readonly as?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  readonly dist?: string;
  readonly entry?: string;
}

/** Runs the built program on a Node, with a home that is the test's own. */
function run(node: NodeProgram, args: readonly string[], options: RunOptions = {}): Promise<Ended> {
  const { as = AS_USER, env = {}, dist = DIST, entry = 'main.js' } = options;
  const [program = '', ...rest] = [...as, node.path, join(dist, entry), ...args];
  const whole = { PATH: process.env['PATH'], HOME: home, NO_COLOR: '1', ...env };
  return new Promise((resolve) => {
    // The bound tells what hangs: a pipe in the place of a file would be waited for.
    execFile(program, rest, { cwd: ROOT, env: whole, timeout: 50_000 }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : (error.signal ?? error.code ?? error.message), stdout, stderr });
    });
  });
}

/** Runs a plan that is to take what was kept, or compile; which it did shows in whether the file was written anew. */
async function planAndTell(node: NodeProgram): Promise<'taken' | 'compiled'> {
  const before = new Map(kept().map((path) => [path, statSync(path).ino]));
  expect(await run(node, PLAN)).toEqual(PLANNED);
  const written = kept().filter((path) => before.get(path) !== statSync(path).ino);
  return written.length === 0 ? 'taken' : 'compiled';
}

function flipBit(path: string, at: number): void {
  const content = readFileSync(path);
  content.writeUInt8(content.readUInt8(at) ^ 1, at);
  writeFileSync(path, content);
}

const refused = requireNamespaces();

describe.skipIf(refused !== null)('the compiled code that a command keeps', () => {
  it('is taken by the next command of its form, and by no other', async () => {
    expect(await planAndTell(HERE)).toBe('compiled');
    expect(await planAndTell(HERE)).toBe('taken');
    await run(HERE, ['validate', 'examples/kvm/tunnel.yaml']);
    expect(kept()).toHaveLength(2);
  });

  it('is kept by no command that fails, asks for help or the version, or is mistyped', async () => {
    for (const args of [['validate', 'none.yaml'], ['paln'], ['plan', '--nope'], ['--version']])
      await run(HERE, args);
    expect(kept()).toEqual([]);
  });

  it('is not that of another build of the same Node', async () => {
    expect(await planAndTell(HERE)).toBe('compiled');
    const path = join(home, 'node');
    cpSync(HERE.path, path);
    expect(await planAndTell({ ...HERE, path })).toBe('compiled');
    expect(await planAndTell(HERE)).toBe('taken');
  });

  it('is neither kept nor taken by root', async () => {
    expect(await run(HERE, PLAN, { as: AS_ROOT })).toEqual(PLANNED);
    expect(existsSync(join(home, '.cache'))).toBe(false);
    await run(HERE, PLAN);
    const file = onlyCode();
    // Were it taken, what root ran would be this.
    flipBit(file, 5_000);
    const { ino } = statSync(file);
    expect(await run(HERE, PLAN, { as: AS_ROOT })).toEqual(PLANNED);
    expect(statSync(onlyCode()).ino).toBe(ino);
  });

  it.each([{ XDG_CACHE_HOME: 'cache', HOME: '' }, { HOME: '' }, { HOME: 'cache' }])(
    'has no place where the environment names none: %j',
    async (env) => {
      const before = readdirSync(ROOT);
      expect(await run(HERE, PLAN, { env })).toEqual(PLANNED);
      expect(readdirSync(ROOT)).toEqual(before);
    },
  );

  it('costs nothing but time where the home cannot be written', async () => {
    chmodSync(home, 0o500);
    expect(await run(HERE, PLAN)).toEqual(PLANNED);
    chmodSync(home, 0o700);
    expect(readdirSync(home)).toEqual([]);
  });

  it('costs nothing but time where the disk is full', async () => {
    const script = 'mount -t tmpfs -o size=64k none "$HOME" && "$@" && find "$HOME" -type f';
    const inside = ['unshare', '--user', '--map-root-user', '--mount', '--', 'sh', '-c', script, 'sh'];
    expect(await run(HERE, PLAN, { as: [...inside, ...AS_USER] })).toEqual(PLANNED);
  });

  it('is whole after many commands at once', async () => {
    const ended = await Promise.all(Array.from({ length: 6 }, () => run(HERE, PLAN)));
    for (const one of ended) expect(one).toEqual(PLANNED);
    onlyCode();
    expect(await planAndTell(HERE)).toBe('taken');
  });

  it('is not that of a program which was edited since', async () => {
    const dist = join(home, 'dist');
    cpSync(DIST, dist, { recursive: true });
    expect(await run(HERE, PLAN, { dist })).toEqual(PLANNED);
    const program = readFileSync(join(dist, 'program.cjs'), 'latin1');
    expect(program).toContain(' to serve$');
    // As long as before, which is all that V8 looks at.
    writeFileSync(join(dist, 'program.cjs'), program.replace(' to serve$', ' to s3rve$'), 'latin1');
    const { stdout } = await run(HERE, PLAN, { dist });
    expect(stdout).toBe(PLANNED.stdout.replace(' to serve', ' to s3rve'));
  });

  it('does not come with the program', () => {
    const built = /^(main\.js|helper\.js|sandbox\.js|program\.cjs|package\.json|.*\.LEGAL\.txt)$/;
    expect(readdirSync(DIST).filter((name) => !built.test(name))).toEqual([]);
    for (const entry of ['helper.js', 'sandbox.js'])
      expect(readFileSync(join(DIST, entry), 'utf8')).not.toContain('cachedData');
  });
});

describe.skipIf((nodePrograms.missing ?? refused) !== null)('the built program', () => {
  describe.each(nodePrograms.supported)('on Node $version', (node) => {
    it('tells its version, plans, and tells its state', async () => {
      const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
      expect(await run(node, ['--version'])).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
      expect(await planAndTell(node)).toBe('compiled');
      expect(await planAndTell(node)).toBe('taken');
      const env = { XDG_STATE_HOME: join(home, 'state'), MINIKUBE_HOME: home };
      const status = await run(node, ['status', 'examples/kvm/tunnel.yaml'], { env });
      expect(status).toEqual(await run(HERE, ['status', 'examples/kvm/tunnel.yaml'], { env }));
      expect(status).toMatchObject({ code: 0 });
    });

    it('takes no code that is not as it was left, and keeps it anew', async () => {
      expect(await planAndTell(node)).toBe('compiled');
      const file = onlyCode();
      const size = () => statSync(file).size;
      const damages = [
        () => flipBit(file, 200),
        () => flipBit(file, size() >> 1),
        () => flipBit(file, size() - 1),
        () => truncateSync(file, size() >> 1),
        // Only root can give a file away.
        ...(process.geteuid?.() === 0 ? [() => chownSync(file, 65_533, 65_533)] : []),
      ];
      for (const damage of damages) {
        damage();
        expect(await planAndTell(node)).toBe('compiled');
      }
      expect(await planAndTell(node)).toBe('taken');
    });

    it('takes no code in a directory that is a link', async () => {
      expect(await planAndTell(node)).toBe('compiled');
      flipBit(onlyCode(), 5_000);
      renameSync(codeHome(), join(home, 'elsewhere'));
      symlinkSync(join(home, 'elsewhere'), codeHome());
      expect(await run(node, PLAN)).toEqual(PLANNED);
    });
  });

  it('takes what the same Node made, and nothing that any other made', { timeout: 240_000 }, async () => {
    const made = new Map<NodeProgram, string>();
    for (const node of nodePrograms.supported) {
      const before = kept();
      expect(await planAndTell(node)).toBe('compiled');
      made.set(node, kept().find((path) => !before.includes(path)) ?? '');
    }
    for (const node of nodePrograms.supported) expect(await planAndTell(node)).toBe('taken');
    const contents = [...made.values()].map((path) => readFileSync(path));
    expect(new Set(contents.map((content) => content.toString('latin1'))).size).toBe(made.size);
    for (const [node, file] of made) {
      const own = readFileSync(file);
      for (const other of contents.filter((content) => !content.equals(own))) {
        writeFileSync(file, other);
        expect(await planAndTell(node)).toBe('compiled');
      }
    }
  });

  it.each(nodePrograms.refused)('says in one line that it does not run on Node $version', async (node) => {
    const line = /^mkplan needs Node 20[^\n]* or later; this is (\d+\.\d+\.\d+)\n$/;
    for (const args of [[], ['--version'], PLAN]) {
      const { code, stdout, stderr } = await run(node, args);
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
      expect(line.exec(stderr)?.[1]).toBe(node.version);
    }
  });

  const recent = nodePrograms.refused.filter(({ version }) => Number.parseInt(version, 10) >= 16);
  it.each(recent)('has its other entries say so, too: on Node $version', async (node) => {
    for (const entry of ['helper.js', 'sandbox.js']) {
      const { code, stderr } = await run(node, ['--lock', join(home, 'lock')], { entry });
      expect(code).toBe(1);
      expect(stderr).toMatch(/^mkplan needs Node 20.*\n$/);
    }
  });
});
