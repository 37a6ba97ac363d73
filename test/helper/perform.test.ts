import { expect, test } from 'vitest';
import { prepare } from '../../src/helper/perform.ts';
import type { Argv, CommandOptions, CommandResult } from '../../src/platform/command.ts';
import { add, ours, remove } from './routes.ts';

/** An `ip` that answers as told; keeps what it was given. */
function ip(answer: Partial<CommandResult>) {
  const runs: { argv: Argv; options: CommandOptions }[] = [];
  const runner = {
    run: async (argv: Argv, options: CommandOptions): Promise<CommandResult> => {
      runs.push({ argv, options });
      return { code: 1, stdout: '', stderr: '', timedOut: false, ...answer };
    },
  };
  return { runs, options: { runner, ip: '/sbin/ip', lock: async () => 9, allowed: [] } };
}

const at = (octet: number) => ours({ destination: `10.200.0.${octet}/32` });
const public_ = ours({ destination: '8.8.8.8/32' });
const ended = (line: number) => `Object "end" is unknown, try "ip help".\nCommand failed -:${line}\n`;

test('one detached child that holds the lock is given one line a change, and the end', async () => {
  const { runs, options } = ip({ stderr: ended(3) });
  expect(await prepare([add(at(1)), remove(at(2))], options)()).toEqual([]);
  expect(runs).toEqual([
    {
      argv: ['/sbin/ip', '-force', '-batch', '-'],
      options: expect.objectContaining({ detached: true, descriptors: [9], timeoutMs: expect.any(Number) }),
    },
  ]);
  expect(runs[0]?.options.input?.split('\n')).toEqual([
    expect.stringMatching(/^route add .*"10\.200\.0\.1\/32"$/),
    expect.stringMatching(/^route del .*"10\.200\.0\.2\/32"$/),
    'end',
    '',
  ]);
});

test('refusals of the kernel and of the guard fall on their own index', async () => {
  const { options } = ip({
    stderr: `RTNETLINK answers: File exists\nCommand failed -:2\n${ended(4)}`,
  });
  expect(await prepare([add(at(1)), add(public_), add(at(2)), add(at(3))], options)()).toEqual([
    { index: 1, message: 'the helper refuses: 8.8.8.8/32 is public' },
    { index: 2, message: 'RTNETLINK answers: File exists' },
  ]);
});

test('nothing but refused changes starts nothing', async () => {
  const { runs, options } = ip({});
  expect(await prepare([add(public_)], options)()).toHaveLength(1);
  expect(runs).toEqual([]);
});

test('a child that hangs leaves every change that it said nothing about unknown', async () => {
  const { options } = ip({
    code: null,
    timedOut: true,
    stderr: 'RTNETLINK answers: File exists\nCommand failed -:1\n',
  });
  expect(await prepare([add(at(1)), add(at(2))], options)()).toEqual([
    { index: 0, message: 'RTNETLINK answers: File exists' },
    { index: 1, message: expect.stringMatching(/^not known whether it was done: .* 20 s$/) },
  ]);
});

test('a child that leaves early is not taken for a success', async () => {
  const { options } = ip({ stderr: 'Error: any valid prefix is expected rather than "x".\n' });
  expect(await prepare([add(at(1))], options)()).toEqual([
    { index: 0, message: expect.stringContaining('any valid prefix') },
  ]);
  expect(await prepare([add(at(1))], ip({ code: 0 }).options)()).toHaveLength(1);
});
