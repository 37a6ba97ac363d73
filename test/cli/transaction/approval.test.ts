import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import {
  approvedBy,
  ask,
  missingApprovals,
  requirePrompt,
  unapproved,
} from '../../../src/cli/transaction/approval.ts';
import type { FormName } from '../../../src/cli/views/forms.ts';
import { Output } from '../../../src/cli/views/output.ts';
import { Failure } from '../../../src/model/diagnostic.ts';
import type { Approval } from '../../../src/model/plan.ts';
import type { ApprovalKind } from '../../../src/model/policy.ts';
import { planOf } from '../plans.ts';
import { fakeTerminal } from '../terminals.ts';

function approval(kind: ApprovalKind): Approval {
  return { kind, profile: 'minikube', subject: '10.96.0.0/12', why: 'because' };
}

function failureOf(action: () => void): Failure {
  try {
    action();
  } catch (thrown) {
    if (thrown instanceof Failure) return thrown;
    throw thrown;
  }
  throw new Error('nothing was thrown');
}

describe('approvals', () => {
  const plan = planOf({ approvals: [approval('wide'), approval('covers'), approval('wide')] });

  it('names each kind that is missing once', () => {
    expect(missingApprovals(plan, [])).toEqual(['wide', 'covers']);
    expect(missingApprovals(plan, ['wide'])).toEqual(['covers']);
  });

  it('refuses as a conflict, with every flag that is needed', () => {
    const failure = unapproved(plan, ['wide']);
    expect(failure?.kind).toBe('conflict');
    expect(failure?.diagnostics[0]?.fix).toContain('--allow wide,covers');
  });

  it('lets a plan pass whose approvals are all given', () => {
    expect(unapproved(plan, ['covers', 'wide'])).toBeNull();
  });
});

const outputOf = (form: FormName, isTTY: boolean) =>
  new Output(fakeTerminal({ isTTY }).terminal, { form, color: false });

describe('requirePrompt', () => {
  it('is a usage error where standard input is no terminal', () => {
    expect(failureOf(() => requirePrompt(outputOf('text', false), 'apply')).kind).toBe('usage');
  });

  it('is a usage error with --json, which has nobody to ask', () => {
    expect(failureOf(() => requirePrompt(outputOf('json', true), 'apply')).kind).toBe('usage');
  });

  it('passes on a terminal', () => {
    expect(() => requirePrompt(outputOf('text', true), 'apply')).not.toThrow();
  });
});

describe('advice', () => {
  it.each([
    ['apply', '`mkplan plan --out FILE`'],
    ['destroy', '`mkplan plan --destroy --out FILE`'],
  ])('to save the plan is given to %s by its own command', (verb, command) => {
    const { diagnostics } = failureOf(() => requirePrompt(outputOf('text', false), verb));
    expect(diagnostics[0]?.fix).toContain(command);
  });

  it.each(['watch', 'cleanup', 'import'])(
    'to save the plan is not given to %s, which applies none',
    (verb) => {
      const { diagnostics } = failureOf(() => requirePrompt(outputOf('text', false), verb));
      expect(diagnostics[0]?.fix).toBe('add --auto-approve');
    },
  );

  it('to allow a program repeats the words of the command line, each as a shell takes it', () => {
    const { command } = approvedBy(['import', '10.96.0.0/12', 'my spec.yaml', '--all'], ['wide'], null);
    expect(command).toBe("mkplan import 10.96.0.0/12 'my spec.yaml' --all --allow wide,credentials");
  });
});

describe('ask', () => {
  async function answer(text: string): Promise<boolean> {
    const stdin = new PassThrough();
    stdin.end(text);
    const { terminal } = fakeTerminal({ stdin });
    return ask(terminal, 'Apply?', new AbortController().signal);
  }

  it.each([
    ['yes\n', true],
    ['  yes  \n', true],
    ['y\n', false],
    ['YES\n', false],
    ['\n', false],
    ['', false],
  ])('takes %j for %s', async (text, expected) => {
    expect(await answer(text)).toBe(expected);
  });

  it('asks on stderr, so that stdout holds the plan alone', async () => {
    const stdin = new PassThrough();
    stdin.end('no\n');
    const fake = fakeTerminal({ stdin });
    await ask(fake.terminal, 'Apply?', new AbortController().signal);
    expect(fake.stderr()).toContain('Apply?');
    expect(fake.stdout()).toBe('');
  });

  it('ends with the reason of a signal that comes while it waits', async () => {
    const controller = new AbortController();
    const answered = ask(fakeTerminal({ stdin: new PassThrough() }).terminal, 'Apply?', controller.signal);
    const reason = new Error('SIGINT');
    controller.abort(reason);
    await expect(answered).rejects.toBe(reason);
  });
});
