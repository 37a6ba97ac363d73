import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { programFormOf } from '../../src/cli/arguments/output-form.ts';
import { run } from '../../src/cli/program.ts';
import { displayWidth } from '../../src/cli/views/text.ts';
import { mkplan, ROOT } from './run-program.ts';
import { fakeTerminal } from './terminals.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'mkplan-program-'));
});
afterEach(async () => {
  await rm(directory, { recursive: true });
});

describe('the command line', () => {
  it('lists every command there is, and none that is not', async () => {
    const { code, stdout } = await mkplan(['--help']);
    const listed = [...stdout.matchAll(/^ {2}([a-z]+) /gm)].map(([, name]) => name);
    expect(listed).toEqual([
      'init',
      'validate',
      'plan',
      'allow',
      'apply',
      'confirm',
      'watch',
      'destroy',
      'status',
      'cleanup',
      'import',
      'show',
      'observe',
      'sandbox',
      'schema',
      'version',
      'help',
    ]);
    expect(code).toBe(0);
  });

  it.each([
    'init',
    'validate',
    'plan',
    'allow',
    'apply',
    'watch',
    'destroy',
    'status',
    'cleanup',
    'import',
    'show',
    'observe',
    'sandbox',
    'schema',
    'version',
  ])('has examples in the help of %s', async (command) => {
    const { code, stdout } = await mkplan([command, '--help']);
    expect(stdout).toContain(`$ mkplan ${command}`);
    expect(code).toBe(0);
  });

  describe.each([
    ['a pipe', {}, 80],
    ['a terminal of 40 columns', { isTTY: true, columns: 40 }, 40],
    ['a terminal of 60 columns', { isTTY: true, columns: 60 }, 60],
    ['a terminal that does not tell its width', { isTTY: true, columns: 0 }, 80],
    ['a terminal of 20 columns, which is too small for it', { isTTY: true, columns: 20 }, 40],
    ['a terminal of 200 columns', { isTTY: true, columns: 200 }, 200],
  ])('on %s', (_, terminal, width) => {
    it.each([
      [''],
      ['init'],
      ['validate'],
      ['plan'],
      ['allow'],
      ['apply'],
      ['confirm'],
      ['watch'],
      ['destroy'],
      ['status'],
      ['cleanup'],
      ['import'],
      ['show'],
      ['observe'],
      ['sandbox'],
      ['schema'],
      ['version'],
      ['help'],
    ])('fits the help of %j', async (command) => {
      const { stdout } = await mkplan(
        [command, '--help'].filter((word) => word !== ''),
        terminal,
      );
      expect(stdout.split('\n').filter((line) => displayWidth(line) > width)).toEqual([]);
      // Nothing of it is cut: what has no room wraps.
      expect(stdout).not.toContain('…');
    });
  });

  it('does not ask the environment how wide a pipe is', async () => {
    const wide = await mkplan(['plan', '--help'], { env: { COLUMNS: '200' } });
    expect(wide.stdout).toBe((await mkplan(['plan', '--help'])).stdout);
  });

  it('cannot tell whether all is as a spec asks that is not there', async () => {
    for (const option of ['--wait', '--detailed-exitcode']) {
      const { code, stderr } = await mkplan(['status', option], { cwd: directory });
      expect(stderr).toContain('[spec-missing]');
      expect(code).toBe(1);
    }
  });

  it('begins the help of status with what it is for', async () => {
    expect((await mkplan(['status', '--help'])).stdout).toMatch(/\n\nis it right now/);
  });

  it.each([
    'init',
    'validate',
    'plan',
    'allow',
    'apply',
    'confirm',
    'watch',
    'destroy',
    'status',
    'cleanup',
    'import',
    'show',
    'observe',
    'sandbox',
    'schema',
    'version',
    'help',
  ])('prints the same for `help %s` as for `%s --help`', async (command) => {
    const help = await mkplan(['help', command]);
    expect(help).toEqual(await mkplan([command, '--help']));
    expect(help.stdout).toContain(`Usage: mkplan ${command}`);
    expect(help.code).toBe(0);
  });

  it('prints its own help for `help` alone', async () => {
    expect(await mkplan(['help'])).toEqual(await mkplan(['--help']));
  });

  it.each([['version'], ['--version'], ['-V']])('prints its version alone for %s', async (argument) => {
    expect((await mkplan([argument])).stdout).toMatch(/^\d+\.\d+\.\d+\S*\n$/);
  });

  it('offers no approval for what is not available yet', async () => {
    for (const command of ['apply', 'watch', 'destroy', 'cleanup', 'import', 'plan']) {
      expect((await mkplan([command, '--help'])).stdout).not.toContain('shadow');
    }
  });

  it('is a usage error without a command', async () => {
    expect((await mkplan([])).code).toBe(64);
  });

  it.each([
    [['aply'], 'Did you mean apply?'],
    [['help', 'aply'], 'Did you mean apply?'],
    [['aply', '--help'], 'Did you mean apply?'],
    [['nothing-near', '-h'], "unknown command 'nothing-near'"],
    [['help', 'nothing-near'], "unknown command 'nothing-near'"],
    [['apply', '--allow', 'shadow'], '"shadow" is none of'],
    [['plan', '--destory'], 'Did you mean --destroy?'],
    [['plan', 'a.yaml', 'b.yaml'], 'too many arguments'],
    [['show'], "missing required argument 'planfile'"],
    [['apply', '--allow', 'everything'], '"everything" is none of'],
    [['apply', '--lock-timeout', '30'], 'number with a unit'],
    [['apply', '--lock-timeout', 'soon'], 'number with a unit'],
    [['plan', '--json', '-o', 'text'], '--json and -o text ask for different forms'],
    [['--json', 'plan', '--wide'], '--json and --wide ask for different forms'],
    [['plan', '--wide', '-o', 'text'], '--wide and -o text ask for different forms'],
    [['plan', '-o', 'json', '-o', 'text'], 'It was json before'],
    [['plan', '-o', 'svg'], 'It is one of text, wide, json'],
    [['init', '-o', 'wide'], 'It is one of text, json'],
    [['plan', '-o', 'dev.plan.json'], 'A file is named with --out FILE'],
    [['observe', '-o', 'observed.yaml'], 'A file is named with --out FILE'],
    [['observe', '--output', 'text'], 'It is one of yaml, json'],
    [['show', '-o', 'yaml', 'dev.plan.json'], 'It is one of text, wide, json'],
    [['sandbox', '-o', 'text'], "unknown option '-o'"],
    [['-o', 'text', 'sandbox'], "unknown option '-o'"],
    [['--json', '--wide', 'plan'], '--json and --wide ask for different forms'],
    [['-ojson', 'plan', '--destory'], 'Did you mean --destroy?'],
    [['plan', '--destory', '--output=json'], 'Did you mean --destroy?'],
    [['-o'], "unknown option '-o'"],
    [['sandbox', '-p', 'a b'], 'A profile’s name has'],
    [['sandbox', '-p', '-a'], 'A profile’s name has'],
    [['status', '--wait', 'tunnel.yaml'], 'A spec is named before it'],
    [['status', '--wait=30'], 'number with a unit'],
  ])('is a usage error for %j', async (argv, message) => {
    const { code, stderr, stdout } = await mkplan(argv);
    expect(stderr).toContain(message);
    // Lines for programs, where these are asked for: test/cli/json.test.ts.
    if (programFormOf(argv) === null) expect(stdout).toBe('');
    expect(code).toBe(64);
  });

  it.each([
    [['plan', '--destory'], 'mkplan plan --help'],
    [['show'], 'mkplan show --help'],
    [['watch', '--http=elsewhere'], 'mkplan watch --help'],
    [['version', '-o', 'wide'], 'mkplan version --help'],
    [['aply'], 'mkplan --help'],
    [['--wide'], 'mkplan --help'],
    [['plan', '--wide', '-o', 'text'], 'mkplan plan --help'],
  ])('names the help that fits for %j, to programs too', async (argv, help) => {
    expect((await mkplan(argv)).stderr).toContain(`\nSee \`${help}\`.\n`);
    const { stdout } = await mkplan([...argv, '--json']);
    expect(JSON.parse(stdout.split('\n')[1] ?? '')).toMatchObject({ code: 'usage', command: help });
  });

  it('breaks what is wrong with it at words on a terminal', async () => {
    const { stderr } = await mkplan(['sandbox', '-p', 'a b'], { isTTY: true, columns: 60 });
    expect(stderr.split('\n').filter((line) => displayWidth(line) > 60)).toEqual([]);
    expect(stderr.replaceAll('\n', ' ')).toContain(
      (await mkplan(['sandbox', '-p', 'a b'])).stderr.split('\n')[0],
    );
  });

  it.each([[['-o', 'json', 'version']], [['--output=json', 'version']], [['version', '-o', 'json']]])(
    'prints lines of JSON for %j',
    async (argv) => {
      expect((await mkplan(argv)).stdout).toBe((await mkplan(['version', '--json'])).stdout);
    },
  );

  it('takes --wide before the command too', async () => {
    const argv = ['plan', 'examples/vpn/tunnel.yaml', '--observed', 'examples/vpn/observed.yaml'];
    expect(await mkplan(['--wide', ...argv])).toEqual(await mkplan([...argv, '--wide']));
  });

  it.each([[['--help']], [['help', 'plan']], [['version']], [['--version']]])(
    'says that what it printed for %j was lost',
    async (argv) => {
      const { terminal, stderr } = fakeTerminal({ cwd: ROOT });
      const lost = { ...terminal, stdout: { write: () => undefined, loss: () => 'no space left' } };
      expect(await run(argv, lost)).toBe(1);
      expect(stderr()).toContain('no space left');
      expect(stderr().match(/\[output-lost\]/g)).toHaveLength(1);
    },
  );

  it('shows each example of its help as a command that can be pasted', async () => {
    const { stdout } = await mkplan(['sandbox', '--help'], { isTTY: true, columns: 60 });
    const pasted = stdout.replaceAll(/ \\\n +/g, ' ').split('\n');
    expect(pasted).toContain('  $ mkplan sandbox --manifests k8s -- mkplan apply --auto-approve');
    expect((await mkplan(['sandbox', '--help'])).stdout.split('\n')).toEqual(
      expect.arrayContaining([
        expect.stringContaining('$ mkplan sandbox --manifests k8s -- mkplan apply --auto-approve'),
      ]),
    );
  });

  // Where nothing is to be removed, `destroy` and `cleanup` need nobody: test/cli/json.test.ts.
  it.each([['apply'], ['import']])('is a usage error for %s where nobody can be asked', async (command) => {
    const more = { import: ['10.96.0.0/12', 'examples/kvm/tunnel.yaml'] }[command];
    const argv = [command, ...(more ?? ['examples/kvm/tunnel.yaml'])];
    const { code, stderr } = await mkplan(argv);
    expect(stderr).toContain('--auto-approve');
    expect(code).toBe(64);
  });
});

describe('under sudo', () => {
  const env = { SUDO_UID: '1000' };
  beforeEach(() => {
    vi.spyOn(process, 'geteuid').mockReturnValue(0);
  });
  afterEach(() => {
    vi.restoreAllMocks();
  });

  it.each(['apply', 'destroy', 'cleanup', 'import'])('%s does not start', async (command) => {
    const { code, stderr } = await mkplan([command, '--auto-approve'], { env, cwd: directory });
    expect(stderr).toContain('does not run under sudo');
    expect(code).toBe(1);
  });

  it('what only reads does', async () => {
    expect((await mkplan(['validate', 'examples/kvm/tunnel.yaml'], { env })).code).toBe(0);
  });
});

describe('validate', () => {
  it('says OK to a good spec', async () => {
    const { code, stdout } = await mkplan(['validate', 'examples/kvm/tunnel.yaml']);
    expect(stdout).toMatch(/^OK {2}examples\/kvm\/tunnel\.yaml/);
    expect(code).toBe(0);
  });

  it('shows everything that is wrong, under the name that the user gave', async () => {
    await writeFile(join(directory, 'tunnel.yaml'), 'apiVersion: mkplan/v1\nkind: Tunel\n');
    const { code, stdout, stderr } = await mkplan(['validate'], { cwd: directory });
    expect(stderr.match(/^error: /gm)?.length).toBeGreaterThan(1);
    expect(stderr).toContain('tunnel.yaml:1:13');
    expect(stderr).not.toContain(directory);
    expect(stdout).toBe('');
    expect(code).toBe(1);
  });

  it('reports a spec that is not there', async () => {
    const { code, stderr } = await mkplan(['validate'], { cwd: directory });
    expect(stderr).toContain('there is no file tunnel.yaml');
    expect(code).toBe(1);
  });
});

describe('schema', () => {
  it('prints the schema that specs are validated with', async () => {
    const { code, stdout } = await mkplan(['schema']);
    expect(JSON.parse(stdout)).toEqual(
      JSON.parse(await readFile(join(ROOT, 'schema/tunnel.schema.json'), 'utf8')),
    );
    expect(code).toBe(0);
  });
});

describe('plan --observed', () => {
  const VPN = ['plan', 'examples/vpn/tunnel.yaml', '--observed', 'examples/vpn/observed.yaml'];

  it('prints the plan on stdout alone, equal each time', async () => {
    const first = await mkplan(VPN);
    const second = await mkplan(VPN);
    expect(first.stdout).toMatch(/^Tunnel vpn \(examples\/vpn\/tunnel\.yaml\)\n/);
    expect(first.stdout).not.toContain(ROOT);
    expect(first.stderr).toBe('');
    expect(second).toEqual(first);
    expect(first.code).toBe(0);
  });

  it('tells changes by its exit code only when asked to', async () => {
    expect((await mkplan([...VPN, '--detailed-exitcode'])).code).toBe(2);
    expect((await mkplan([...VPN, '--destroy', '--detailed-exitcode'])).code).toBe(0);
  });

  it('prints one object a line with --json: version first, summary with the exit code last', async () => {
    const { stdout } = await mkplan([...VPN, '--json']);
    const lines: { type: string; seq: number }[] = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    const time = '2026-01-02T03:04:05.678Z';
    expect(lines[0]).toEqual({ type: 'version', seq: 0, time, format: '1.1', mkplan: expect.any(String) });
    expect(lines.at(-1)).toMatchObject({ type: 'summary', exitCode: 0 });
    expect(lines.map((line) => line.seq)).toEqual(lines.map((_, index) => index));
    const types = new Set(lines.map((line) => line.type));
    for (const type of ['plan', 'profile', 'step', 'service', 'conflict', 'approval'])
      expect(types).toContain(type);
    expect(stdout).not.toContain(ROOT);
  });

  it('takes --json before the command too', async () => {
    expect((await mkplan(['--json', ...VPN])).stdout).toBe((await mkplan([...VPN, '--json'])).stdout);
  });

  it('saves a plan that show prints like plan did', async () => {
    const out = join(directory, 'p.json');
    const planned = await mkplan([...VPN, '--out', out]);
    expect(planned.code).toBe(0);
    const shown = await mkplan(['show', out]);
    expect(shown.stdout).toBe(planned.stdout);
    expect((await mkplan([...VPN, '--out', out])).code).toBe(1);
  });

  it('exits 4 after printing a plan that is refused, and does not save it', async () => {
    const observed = await readFile(join(ROOT, 'examples/vpn/observed.yaml'), 'utf8');
    const file = join(directory, 'observed.yaml');
    await writeFile(
      file,
      observed.replace(
        /^( *)routes:$/m,
        '$&\n$1  - { destination: 10.96.0.0/12, gateway: 10.8.0.1, device: tun0, protocol: 4 }',
      ),
    );
    const out = join(directory, 'p.json');
    const { code, stdout } = await mkplan([
      'plan',
      'examples/vpn/tunnel.yaml',
      '--observed',
      file,
      '--out',
      out,
    ]);
    expect(stdout).toContain('! refused: services 10.96.0.0/12 of minikube');
    expect(stdout).toMatch(/Plan: refused by 1 conflict.*\n$/);
    expect(code).toBe(4);
    await expect(readFile(out)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('says that an interrupted apply is still to be recovered', async () => {
    const observed = await readFile(join(ROOT, 'examples/vpn/observed.yaml'), 'utf8');
    const file = join(directory, 'observed.yaml');
    const open = '{ txid: t1, decided: false, changes: 3, spec: /x/tunnel.yaml }';
    await writeFile(file, `${observed}registry:\n  open: ${open}\n`);
    const { code, stderr } = await mkplan(['plan', 'examples/vpn/tunnel.yaml', '--observed', file]);
    expect(stderr).toContain('will be undone by the next apply, destroy or cleanup');
    expect(code).toBe(0);
  });

  it.each([
    ['no such file', null],
    ['no observation', 'kind: Other\n'],
  ])('reports %s', async (_name, text) => {
    const file = join(directory, 'observed.yaml');
    if (text !== null) await writeFile(file, text);
    const { code, stdout } = await mkplan(['plan', 'examples/vpn/tunnel.yaml', '--observed', file]);
    expect(stdout).toBe('');
    expect(code).toBe(1);
  });
});

describe('show', () => {
  it('refuses what is no plan', async () => {
    const { code, stderr } = await mkplan(['show', 'package.json']);
    expect(stderr).toContain('package.json is not a plan file');
    expect(code).toBe(1);
  });
});
