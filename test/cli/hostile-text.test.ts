import { describe, expect, it } from 'vitest';
import { fileNames } from '../../src/cli/arguments/paths.ts';
import { paletteFor } from '../../src/cli/views/color.ts';
import { Output } from '../../src/cli/views/output.ts';
import { renderDiagnostic } from '../../src/cli/views/render-diagnostic.ts';
import { renderEvent } from '../../src/cli/views/render-events.ts';
import { renderPlan } from '../../src/cli/views/render-plan.ts';
import { encodeObserved, printObserved } from '../../src/observe/document.ts';
import { plan } from '../../src/planner/plan.ts';
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
  'web\u001b[2J\u001b]0;pwned\u0007\u001b[?25l\u009b31m\rok\u202egnp\u2066\nPlan: nothing to do\u2028x\u0000\u007f\u0085';

/** Whatever a terminal acts on, line breaks and tabs apart. */
const ACTED_ON = /(?![\n\t])[\p{Cc}\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/u;

const names = fileNames('tunnel.yaml', '/project/tunnel.yaml');
const colors = paletteFor(false);

/** Of a cluster that answers so wherever it can. */
const state = observed({
  profiles: [
    observedProfile({
      context: { name: HOSTILE, server: `https://${HOSTILE}`, fromMinikube: false, answeredAt: VM },
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
    output.line({ type: 'x', text: HOSTILE });
    expect(stdout()).not.toMatch(ACTED_ON);
    const last: unknown = JSON.parse(stdout().trimEnd().split('\n').at(-1) ?? '');
    expect(last).toMatchObject({ text: HOSTILE });
  });

  it('is recorded with escapes of YAML, which lose nothing', () => {
    expect(printObserved(encodeObserved(state))).not.toMatch(ACTED_ON);
  });
});
