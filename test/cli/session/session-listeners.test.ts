import { afterEach, expect, it } from 'vitest';
import { specNames } from '../../../src/cli/arguments/paths.ts';
import { SessionFeed } from '../../../src/cli/session/session-feed.ts';
import { openListeners } from '../../../src/cli/session/session-listeners.ts';
import { FORM_NAMES } from '../../../src/cli/views/forms.ts';
import { Output } from '../../../src/cli/views/output.ts';
import { planOf } from '../../fakes/plans.ts';
import { desired } from '../../planner/build.ts';
import { fakeTerminal } from '../terminals.ts';
import { moment } from './sessions.ts';

let close: () => void = () => undefined;
afterEach(() => close());

it.each([...FORM_NAMES.map((form) => [form, false] as const), ['text', true] as const])(
  'what is wrong with the HTTP listener is told as it opens: %s, on a terminal: %s',
  async (form, isTTY) => {
    const { terminal, stdout, stderr } = fakeTerminal({ isTTY, columns: 200 });
    const output = new Output(terminal, { form, color: false });
    const names = specNames('tunnel.yaml', '/project');
    const http = { http: { host: '127.0.0.1', port: 0 }, httpHost: ['laptop'] };
    const context = {
      terminal,
      output,
      names,
      signal: new AbortController().signal,
      receivedSignal: () => null,
      onHangup: () => undefined,
    };
    const runner = { run: async () => ({ code: 0, stdout: '', stderr: '', timedOut: false }) };
    const processes = { descriptors: () => null };
    const feed = new SessionFeed(() => moment());
    close = await openListeners(context, desired([]), http, feed, { runner, processes, shown: planOf([]) });
    expect(stdout() + stderr()).toContain('--http-host');
  },
);
