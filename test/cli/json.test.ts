import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { runCommand } from '../../src/cli/run-command.ts';
import type { Diagnostic } from '../../src/model/diagnostic.ts';
import type { WatchEvent } from '../../src/model/event.ts';
import { BROKEN_SPECS } from '../spec/broken.ts';
import { asksForLines, checkedLines, checkingEvents, type Line } from './json-lines.ts';
import { ours, planOf, routeStep } from './plans.ts';
import { mkplan, ROOT } from './run-program.ts';
import { fakeTerminal } from './terminals.ts';

const SPEC = 'examples/kvm/tunnel.yaml';
const VPN = ['plan', 'examples/vpn/tunnel.yaml', '--observed', 'examples/vpn/observed.yaml'];
/** Commands that do not take `--json`. */
const WITHOUT = ['sandbox', 'schema', 'guard'];

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'mkplan-json-'));
});
afterEach(async () => {
  vi.restoreAllMocks();
  await rm(directory, { recursive: true });
});

/** Runs a command line with `--json`; `mkplan` itself holds every line to the schema. */
async function linesOf(argv: readonly string[], options: Parameters<typeof mkplan>[1] = {}) {
  const ran = await mkplan([...argv, '--json'], options);
  return { ...ran, lines: checkedLines(ran.stdout, ran.code) };
}

const codesOf = (lines: readonly Line[]) => lines.flatMap((line) => ('code' in line ? [line['code']] : []));
const typesOf = (lines: readonly Line[]) => lines.map(({ type }) => type);

/** What each command says where it fails before it looks at the host, by exit code and diagnostic. */
const FAILURES: readonly (readonly [readonly string[], number, string])[] = [
  [['init'], 1, 'profile-missing'],
  [['validate'], 1, 'spec-missing'],
  [['plan'], 1, 'spec-missing'],
  [['plan', join(ROOT, SPEC), '--observed', 'none.yaml'], 1, 'observation-unreadable'],
  [['allow'], 1, 'spec-missing'],
  [['apply', '--auto-approve'], 1, 'spec-missing'],
  [['apply', join(ROOT, SPEC)], 64, 'approval-without-terminal'],
  [['watch', '--auto-approve'], 1, 'spec-missing'],
  [['watch'], 64, 'approval-without-terminal'],
  [['destroy', '--auto-approve'], 1, 'spec-missing'],
  [['cleanup', '--allow', 'everything'], 64, 'usage'],
  [['import', '--auto-approve'], 1, 'spec-missing'],
  [['import', '10.96.0.0/12', join(ROOT, SPEC)], 64, 'approval-without-terminal'],
  [['import', 'a.yaml', 'b.yaml'], 64, 'import-arguments'],
  [['import', 'bla'], 1, 'import-arguments'],
  [['show', 'none.json'], 1, 'plan-file-unreadable'],
  [['observe'], 1, 'spec-missing'],
];

describe('--json', () => {
  it.each(FAILURES)('tells what is wrong with %j', async (argv, code, diagnostic) => {
    const env = { HOME: directory, MINIKUBE_HOME: directory, XDG_STATE_HOME: directory };
    const { lines, ...ran } = await linesOf(argv, { cwd: directory, env });
    expect(ran.code, ran.stdout).toBe(code);
    expect(codesOf(lines)).toEqual([diagnostic]);
    expect(typesOf(lines)).toEqual(['version', 'diagnostic', 'summary']);
    expect(ran.stderr).toContain('error: ');
  });

  it.each(BROKEN_SPECS)('tells every fault of a spec: $name', async (one) => {
    const spec = await one.lay(directory);
    const { code, lines } = await linesOf(['validate', spec]);
    expect(code).toBe(1);
    expect(codesOf(lines)).toContain(one.code);
  });

  it.each(['allow', 'apply', 'watch', 'destroy', 'cleanup', 'import', 'confirm'])(
    'tells that %s does not run under sudo',
    async (command) => {
      vi.spyOn(process, 'geteuid').mockReturnValue(0);
      const { code, lines } = await linesOf([command], { cwd: directory, env: { SUDO_UID: '1000' } });
      expect(code).toBe(1);
      expect(typesOf(lines)).toEqual(['version', 'diagnostic', 'summary']);
    },
  );

  it('tells what validate, plan, show and a file that plan saved come to', async () => {
    const out = join(directory, 'p.json');
    expect(typesOf((await linesOf(['validate', SPEC])).lines)).toEqual(['version', 'valid', 'summary']);
    const planned = await linesOf([...VPN, '--out', out]);
    expect(planned.lines.at(-2)).toMatchObject({ type: 'saved', file: out });
    const shown = await linesOf(['show', out]);
    const withoutTime = (lines: readonly Line[]) => lines.map(({ seq: _, ...rest }) => rest);
    expect(withoutTime(shown.lines)).toEqual(
      withoutTime(planned.lines.filter(({ type }) => type !== 'saved')),
    );
  });

  it.each([['cleanup'], ['destroy', join(ROOT, SPEC)]])(
    'asks nobody about %s where there is nothing to remove',
    async (...argv) => {
      const env = { HOME: directory, MINIKUBE_HOME: directory, XDG_STATE_HOME: directory };
      const { code, lines, stderr } = await linesOf(argv, { cwd: directory, env });
      expect(code, stderr).toBe(0);
      expect(typesOf(lines)).toContain('changes');
      expect(codesOf(lines)).not.toContain('approval-without-terminal');
    },
  );

  it('tells what mkplan runs on, which cannot fail', async () => {
    const { lines } = await linesOf(['version']);
    expect(typesOf(lines)).toEqual(['version', 'runtime', 'summary']);
    expect(lines[1]).toMatchObject({ node: process.versions.node, platform: process.platform });
  });

  it('has the exit code of changes in its summary', async () => {
    const { code, lines } = await linesOf([...VPN, '--detailed-exitcode']);
    expect(code).toBe(2);
    expect(lines.at(-1)).toMatchObject({ type: 'summary', exitCode: 2 });
  });

  it.each([
    [[]],
    [['plan', '--destory']],
    [['aply']],
    [['plan', 'a.yaml', 'b.yaml']],
    [['show']],
    [['apply', '--allow', 'everything']],
    [['apply', '--lock-timeout', 'soon']],
    [['observe', '--output']],
    [['plan', 'a\u202e\u009b.yaml', 'b.yaml']],
  ])('tells that %j cannot be read, on stdout as on stderr', async (argv) => {
    const { code, lines, stderr } = await linesOf(argv);
    expect(code).toBe(64);
    expect(codesOf(lines)).toEqual(['usage']);
    expect(stderr).not.toBe('');
  });

  it('passes on what commander would have meant', async () => {
    const { lines } = await linesOf(['plan', '--destory']);
    expect(lines[1]).toMatchObject({
      summary: "unknown option '--destory'",
      fix: 'Did you mean --destroy?',
    });
  });

  it.each(WITHOUT)('is refused by %s, before or after its name', async (command) => {
    const rest = command === 'guard' ? ['tx'] : [];
    for (const argv of [
      [command, ...rest, '--json'],
      ['--json', command, ...rest],
    ]) {
      const { code, stderr, stdout } = await mkplan(argv);
      expect(code).toBe(64);
      expect(stderr.split('\n')[0]).toContain(`${command} does not take --json: `);
      expect(codesOf(checkedLines(stdout, code))).toEqual(['usage']);
    }
    expect((await mkplan([command, '--help'])).stdout).not.toContain('--json');
  });

  it('is in the help of every other command, each of which has its failure here', async () => {
    const { stdout } = await mkplan(['--help']);
    const listed = [...stdout.matchAll(/^ {2}([a-z]+) /gm)].map(([, name = '']) => name);
    const taking = listed.filter((name) => name !== 'help' && !WITHOUT.includes(name));
    expect(taking.length).toBeGreaterThan(10);
    for (const name of taking) {
      expect((await mkplan([name, '--help'])).stdout, name).toContain('--json');
    }
    const tried = [...FAILURES.map(([[name]]) => name), 'confirm', 'status', 'version'];
    expect(taking.filter((name) => !tried.includes(name))).toEqual([]);
  });

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 143],
  ] as const)('ends with a summary when %s ends what only reads', async (signal, exitCode) => {
    const fake = fakeTerminal();
    const reading = {
      form: 'json',
      color: false,
      spec: 'tunnel.yaml',
      onSignal: null,
      rereads: false,
    } as const;
    let told = '';
    await runCommand(fake.terminal, reading, () => {
      fake.signals.send(signal);
      told = fake.stdout();
      return Promise.resolve(0);
    });
    expect(fake.signals.exits).toEqual([exitCode]);
    expect(typesOf(checkedLines(told, exitCode))).toEqual(['version', 'summary']);
  });

  it('ends with a summary when a second signal leaves at once', async () => {
    const fake = fakeTerminal();
    const changing = {
      form: 'json',
      color: false,
      spec: 'tunnel.yaml',
      onSignal: 'stopping',
      rereads: false,
    } as const;
    let told = '';
    await runCommand(fake.terminal, changing, () => {
      fake.signals.send('SIGINT');
      fake.signals.send('SIGINT');
      told = fake.stdout();
      return Promise.resolve(0);
    });
    expect(fake.signals.exits).toEqual([6]);
    checkedLines(told, 6);
  });

  it('leaves what only reads to the signals without it', async () => {
    const fake = fakeTerminal();
    const reading = {
      form: 'text',
      color: false,
      spec: 'tunnel.yaml',
      onSignal: null,
      rereads: false,
    } as const;
    await runCommand(fake.terminal, reading, () => {
      expect(fake.signals.send('SIGINT')).toBe(false);
      return Promise.resolve(0);
    });
  });
});

const DIAGNOSTIC: Diagnostic = {
  code: 'add-failed',
  severity: 'error',
  summary: 'a\u202eb',
  cause: 'c',
  fix: 'd',
  command: 'e',
  profile: 'dev',
  at: { file: '/nowhere/tunnel.yaml', line: 1, column: 2 },
};
const STEP = routeStep('create', { after: ours('10.96.0.0/12') });
const CHANGE = { step: 0, op: 'add' } as const;

/** One of each: a new event is not compiled without one. */
const EVENTS: { readonly [Type in WatchEvent['type']]: Extract<WatchEvent, { readonly type: Type }> } = {
  'lock.waiting': { type: 'lock.waiting', holder: 'pid 1' },
  'lock.acquired': { type: 'lock.acquired' },
  recovered: { type: 'recovered', txid: 't', direction: 'back', changes: 1, left: ['x'] },
  'transaction.started': { type: 'transaction.started', txid: 't', changes: 1 },
  'wave.started': { type: 'wave.started', txid: 't', wave: 0, waves: 1, changes: 1 },
  'change.done': { type: 'change.done', txid: 't', change: CHANGE, step: STEP },
  'change.failed': {
    type: 'change.failed',
    txid: 't',
    change: CHANGE,
    step: STEP,
    diagnostic: DIAGNOSTIC,
  },
  verifying: { type: 'verifying', txid: 't', routes: 1 },
  'rollback.started': { type: 'rollback.started', txid: 't', changes: 1 },
  'rollback.done': { type: 'rollback.done', txid: 't', left: [] },
  awaiting: { type: 'awaiting', txid: 't', withinMs: 60_000 },
  committed: { type: 'committed', txid: 't' },
  warning: { type: 'warning', txid: 't', diagnostic: DIAGNOSTIC },
  'watch.state': { type: 'watch.state', state: 'idle' },
  'watch.trigger': { type: 'watch.trigger', source: 'kernel' },
  'watch.planned': { type: 'watch.planned', plan: planOf({ steps: [STEP] }) },
  'watch.spec-invalid': { type: 'watch.spec-invalid', diagnostics: [DIAGNOSTIC] },
  'watch.pass': { type: 'watch.pass', result: 'failure', diagnostics: [DIAGNOSTIC] },
  'watch.held': { type: 'watch.held', what: 'w', why: 'y' },
  'watch.released': { type: 'watch.released', what: 'w' },
  'watch.warning': { type: 'watch.warning', diagnostic: DIAGNOSTIC },
  'watch.failed': { type: 'watch.failed', diagnostics: [DIAGNOSTIC], retryMs: 12.5 },
};

describe('what holds the lines to the schema', () => {
  it('takes every event there is', async () => {
    const check = checkingEvents();
    for (const event of Object.values(EVENTS)) {
      check(event);
      // Changes are written together once those who tell of them are done.
      await Promise.resolve();
    }
    check(EVENTS['lock.acquired']);
  });

  it.each([
    ['an event that no line is made for', { ...EVENTS.verifying, routes: -1 }],
    ['a field that the schema does not name', Object.assign({ more: 1 }, EVENTS.committed)],
  ])('throws at %s', (_, event) => {
    expect(() => checkingEvents()(event)).toThrow('--json: ');
  });

  const at = '"time":"2026-01-02T03:04:05.678Z"';
  const version = `{"type":"version","seq":0,${at},"format":"1.1","mkplan":"1"}\n`;
  const summary = `{"type":"summary","seq":1,${at},"exitCode":0}\n`;

  it.each([
    ['nothing', '', 'no summary'],
    ['no summary', version, 'no summary'],
    ['no version', summary.replace('"seq":1', '"seq":0'), 'version line'],
    ['two versions', version + version.replace('"seq":0', '"seq":1'), 'version line'],
    ['a number left out', version + summary.replace('"seq":1', '"seq":2'), '1 lines came before'],
    ['another exit code', version + summary.replace('"exitCode":0', '"exitCode":1'), 'the process 0'],
    ['a time of no zone', version.replace('678Z', '678'), 'pattern'],
    ['no time', version.replace(`,${at}`, ''), 'time'],
    ['another type', version.replace('"version"', '"versions"'), 'no line of type versions'],
    ['a line after the summary', version + summary + summary.replace('"seq":1', '"seq":2'), 'after the'],
    ['a cut line', version + summary.trimEnd(), 'is cut'],
    ['text', `${version}Done.\n`, 'JSON'],
    ['text that runs backwards', version.replace('"mkplan":"1"', '"mkplan":"\u202e"'), 'U+202e'],
  ])('throws at %s', (_, stdout, message) => {
    expect(() => checkedLines(stdout, 0)).toThrow(message);
    expect(() => checkedLines(version + summary, 0)).not.toThrow();
  });

  it.each([
    [['node', '/x/dist/main.js', 'plan', '--json'], true],
    [['env', 'A=b', 'node', '/x/dist/main.js', '--json', 'plan'], true],
    [['node', '/x/dist/main.js', 'plan'], false],
    [['node', '/x/dist/main.js', 'sandbox', '--', 'mkplan', 'plan', '--json'], false],
    [['ip', '--json', 'route'], false],
  ])('is asked for by %j: %s', (argv, expected) => {
    expect(asksForLines(argv)).toBe(expected);
  });
});
