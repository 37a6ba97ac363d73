import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { fileNames } from '../../src/cli/arguments/paths.ts';
import { run } from '../../src/cli/program.ts';
import { renderMetrics } from '../../src/cli/session/exposition.ts';
import { NEW_SESSION } from '../../src/cli/session/session-state.ts';
import { paletteFor } from '../../src/cli/views/color.ts';
import { Output } from '../../src/cli/views/output.ts';
import { renderDiagnostic } from '../../src/cli/views/text/render-diagnostic.ts';
import { renderEvent } from '../../src/cli/views/text/render-events.ts';
import { renderPlan } from '../../src/cli/views/text/render-plan.ts';
import { Failure } from '../../src/model/diagnostic.ts';
import { encodeObserved, printObserved } from '../../src/observe/document.ts';
import { plan } from '../../src/planner/plan.ts';
import { parseSpec } from '../../src/spec/parse.ts';
import {
  AT,
  cluster,
  desired,
  loadBalancer,
  node,
  observed,
  observedProfile,
  profile,
  service,
  VM,
} from '../planner/build.ts';
import { fakeTerminal } from './terminals.ts';

/** Clears the screen, sets the title, hides the cursor, C1's one-byte CSI, overwrites the line, reverses text, begins a line. */
const HOSTILE =
  'web\ufeff\u200b\u{e0041}\u00ad\u001b[2J\u001b]0;pwned\u0007\u001b[?25l\u009b31m\rok\u202egnp\u2066\nPlan: nothing to do\u2028x\u0000\u007f\u0085';

/** Whatever does not show, or moves what shows; line breaks apart. */
const ACTED_ON = /(?!\n)[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;

/** One of each kind of character that must never reach a reader, with its escape. */
const INVISIBLE: readonly (readonly [name: string, character: string, escape: string])[] = [
  ['NUL', '\u0000', '\\u0000'],
  ['bell', '\u0007', '\\u0007'],
  ['backspace', '\b', '\\u0008'],
  ['tab', '\t', '\\u0009'],
  ['line feed', '\n', '\\u000a'],
  ['vertical tab', '\v', '\\u000b'],
  ['carriage return', '\r', '\\u000d'],
  ['escape', '\u001b', '\\u001b'],
  ['delete', '\u007f', '\\u007f'],
  ['next line (C1)', '\u0085', '\\u0085'],
  ['CSI (C1)', '\u009b', '\\u009b'],
  ['soft hyphen', '\u00ad', '\\u00ad'],
  ['Arabic letter mark', '\u061c', '\\u061c'],
  ['Mongolian vowel separator', '\u180e', '\\u180e'],
  ['zero width space', '\u200b', '\\u200b'],
  ['zero width joiner', '\u200d', '\\u200d'],
  ['left-to-right mark', '\u200e', '\\u200e'],
  ['line separator', '\u2028', '\\u2028'],
  ['paragraph separator', '\u2029', '\\u2029'],
  ['right-to-left override', '\u202e', '\\u202e'],
  ['word joiner', '\u2060', '\\u2060'],
  ['right-to-left isolate', '\u2067', '\\u2067'],
  ['byte order mark', '\ufeff', '\\ufeff'],
  ['interlinear annotation', '\ufff9', '\\ufff9'],
  ['high surrogate alone', '\ud800', '\\ud800'],
  ['low surrogate alone', '\udc00', '\\udc00'],
  ['shorthand format control', '\u{1bca0}', '\\ud82f\\udca0'],
  ['tag letter', '\u{e0041}', '\\udb40\\udc41'],
];

const EXAMPLE = fileURLToPath(new URL('../../examples/kvm/tunnel.yaml', import.meta.url));

function failureOf(work: () => unknown): Failure {
  try {
    work();
  } catch (thrown) {
    if (thrown instanceof Failure) return thrown;
    throw thrown;
  }
  throw new Error('it did not fail');
}

const names = fileNames('tunnel.yaml', '/project/tunnel.yaml');
const colors = paletteFor(false);

/** Of a cluster that answers so wherever it can. */
const state = observed({
  profiles: [
    observedProfile({
      context: {
        name: HOSTILE,
        server: `https://${HOSTILE}`,
        fromMinikube: false,
        answeredAt: VM,
        program: null,
        proxy: null,
      },
      problems: [HOSTILE],
      cluster: cluster({
        version: HOSTILE,
        nodes: [node(HOSTILE, [VM], ['10.244.0.0/24']), node('b', ['192.168.39.8'], ['10.244.1.0/24'])],
        otherLoadBalancers: [HOSTILE],
        strayPods: [{ address: '172.17.0.2', node: HOSTILE }],
        services: [
          service('web', { namespace: HOSTILE, name: HOSTILE }),
          service('other', { name: `${HOSTILE}2`, requestedIp: HOSTILE }),
          service('foreign', { name: `${HOSTILE}3`, ingress: ['1.2.3.4'], ingressManager: HOSTILE }),
          service('class', { name: `${HOSTILE}4`, loadBalancerClass: HOSTILE }),
        ],
      }),
    }),
  ],
});
const wanted = profile({
  gateway: { value: 'auto', at: AT },
  services: { value: 'auto', at: AT },
  pods: { value: 'auto', at: AT },
  loadBalancer: loadBalancer(['10.200.0.0/24'], { unclassed: true }),
});
const made = plan(desired([wanted]), state);

describe('text that a cluster made up', () => {
  it('reaches the terminal as visible escapes in a plan, and forges no line of it', () => {
    const text = renderPlan(made, { colors, names });
    expect(text).toContain('\\u001b[2J');
    expect(text).not.toMatch(ACTED_ON);
    expect(text.split('\n').filter((line) => line.startsWith('Plan:'))).toHaveLength(1);
  });

  it('reaches the terminal as visible escapes in what happens during an apply', () => {
    for (const [index, step] of made.steps.entries()) {
      const change = { step: index, op: 'add' as const };
      const text = renderEvent({ type: 'change.done', txid: 't', change, step }, colors) ?? '';
      expect(text).not.toMatch(ACTED_ON);
      expect(text).not.toContain('\n');
    }
    const held = renderEvent({ type: 'lock.waiting', holder: HOSTILE }, colors) ?? '';
    expect(held).not.toMatch(ACTED_ON);
    expect(held).not.toContain('\n');
  });

  it('reaches the terminal as visible escapes in a diagnostic', () => {
    const diagnostic = {
      code: 'x',
      severity: 'error',
      summary: HOSTILE,
      cause: HOSTILE,
      fix: HOSTILE,
      command: HOSTILE,
    } as const;
    const text = renderDiagnostic(diagnostic, { colors, names, sourceOf: () => null });
    expect(text).not.toMatch(ACTED_ON);
    expect(text.split('\n').filter((line) => line.startsWith('Plan:'))).toEqual([]);
  });

  it('is told by --json with escapes of JSON, which lose nothing', () => {
    const { terminal, stdout } = fakeTerminal();
    const output = new Output(terminal, { json: true, color: true });
    output.plan(made, names);
    output.line({ type: 'saved', file: HOSTILE });
    expect(stdout()).not.toMatch(ACTED_ON);
    const last: unknown = JSON.parse(stdout().trimEnd().split('\n').at(-1) ?? '');
    expect(last).toMatchObject({ file: HOSTILE });
  });

  it('is recorded with escapes of YAML, which lose nothing', () => {
    expect(printObserved(encodeObserved(state))).not.toMatch(ACTED_ON);
  });
});

describe.each(INVISIBLE)('%s', (_name, character, shownAs) => {
  const hostile = `a${character}b`;
  const escaped = `a${shownAs}b`;
  /** What a program gets of its arguments: a lone surrogate cannot be one. */
  const typed = Buffer.from(hostile).toString();
  const shown = typed === hostile ? escaped : typed;

  async function mkplan(...argv: readonly string[]) {
    const { terminal, stdout, stderr } = fakeTerminal();
    const code = await run(argv, terminal);
    return { code, stdout: stdout(), stderr: stderr() };
  }

  it.each([
    ['an unknown command', [typed], 64],
    ['the subject of help', ['help', typed], 64],
    ['an unknown option', ['plan', `--${typed}`], 64],
    ['a value of an option', ['plan', '--allow', typed], 64],
    ['a surplus argument', ['init', 'x.yaml', typed], 64],
    ['a spec', ['validate', typed], 1],
    ['a plan file', ['show', typed], 1],
    ['a recording', ['plan', EXAMPLE, '--observed', typed], 1],
  ])('is escaped as %s on the command line', async (_place, argv, expected) => {
    const { code, stdout, stderr } = await mkplan(...argv);
    expect(code).toBe(expected);
    expect(stderr + stdout).not.toMatch(ACTED_ON);
    // The line break of a quoted argument cannot begin a line either.
    expect(stderr).not.toMatch(/^b/m);
    if (argv[0] !== 'init') expect(stderr).toContain(shown);
  });

  it('is escaped in what a spec says, in its warnings and in the excerpt', () => {
    const text = JSON.stringify({ apiVersion: hostile, kind: hostile, metadata: { name: hostile } });
    const thrown = failureOf(() => parseSpec(text, 'tunnel.yaml'));
    for (const diagnostic of thrown.diagnostics) {
      const rendered = renderDiagnostic(diagnostic, { colors, names, sourceOf: () => `x: ${hostile}` });
      expect(rendered).not.toMatch(character === '\t' ? /(?![\n\t])\p{Cc}/u : ACTED_ON);
    }
    expect(thrown.diagnostics.map(({ summary }) => summary).join()).toContain(shownAs);
  });

  it('is escaped in an event, a lock holder and a session that is held up', () => {
    const { terminal, stdout, stderr } = fakeTerminal();
    const output = new Output(terminal, { json: false, color: true });
    output.event({ type: 'lock.waiting', holder: hostile });
    output.watchEvent({ type: 'watch.held', what: hostile, why: hostile }, names, NEW_SESSION);
    output.note(`  ${hostile.replace('\n', '')}\n`);
    output.print(`${hostile.replace('\n', '')}\n`);
    expect(stderr() + stdout()).not.toMatch(ACTED_ON);
    expect(stderr()).toContain(escaped);
  });

  it('is escaped in the labels of metrics', () => {
    const samples = [{ labels: { profile: hostile }, value: 1 }];
    const text = renderMetrics([{ name: 'x', help: 'x', type: 'gauge', samples }]);
    expect(text).not.toMatch(ACTED_ON);
    expect(text.trimEnd().split('\n')).toHaveLength(3);
  });

  it('is escaped in the lines of --json, and read back from them', () => {
    const { terminal, stdout } = fakeTerminal();
    new Output(terminal, { json: true, color: false }).line({ type: 'valid', name: hostile, spec: 'x' });
    expect(stdout()).not.toMatch(ACTED_ON);
    expect(JSON.parse(stdout().trimEnd().split('\n').at(-1) ?? '')).toMatchObject({ name: hostile });
  });
});

it('colours of our own are no such text', () => {
  const { terminal, stderr } = fakeTerminal({ isTTY: true });
  const output = new Output(terminal, { json: false, color: true });
  output.note(`${output.noteColors.alarm('x')}\n`);
  expect(stderr()).toContain(output.noteColors.alarm('x'));
  expect(output.noteColors.alarm('x')).not.toBe('x');
});

/** What writes to a stream by itself. */
const WRITERS = new Set([
  // Text by the rule: Output, what it writes through, and commander's.
  'cli/program.ts',
  'cli/last-resort.ts',
  'cli/output-stream.ts',
  'cli/views/line-buffer.ts',
  'cli/views/live/live-view.ts',
  'cli/views/output.ts',
  'cli/views/text/progress.ts',
  // Text that is all our own: a version, a question, a countdown, a usage line.
  'cli/entry.ts',
  'cli/main.ts',
  'helper/entry.ts',
  'sandbox/entry.ts',
  'cli/transaction/approval.ts',
  'cli/transaction/confirm-prompt.ts',
  // Channels between processes of ours, which no person reads.
  'cli/commands/guard.ts',
  'cli/transaction/guard-process.ts',
  'helper/inherit.ts',
  'helper/main.ts',
  'helper/session.ts',
  'sandbox/foreground.ts',
  'sandbox/host.ts',
  'sandbox/main.ts',
]);

it('nothing but these writes to a stream of the terminal', async () => {
  const source = fileURLToPath(new URL('../../src/', import.meta.url));
  const found: string[] = [];
  for (const file of await readdir(source, { recursive: true })) {
    if (!file.endsWith('.ts')) continue;
    const text = await readFile(join(source, file), 'utf8');
    if (/\bconsole\.|\b(?:stdout|stderr|stream|sink|screen|channel)\.write\(/i.test(text)) found.push(file);
  }
  expect(found.filter((file) => !WRITERS.has(file))).toEqual([]);
});
