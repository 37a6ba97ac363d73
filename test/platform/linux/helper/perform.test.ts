import { describe, expect, test } from 'vitest';
import type { Argv, CommandOptions, CommandResult } from '../../../../src/platform/command.ts';
import { prepare } from '../../../helper/on-linux.ts';
import { add, ours, remove } from '../../../helper/routes.ts';

/** An `ip` that answers as told; keeps what it was given. */
function ip(answer: Partial<CommandResult>) {
  const runs: { argv: Argv; options: CommandOptions }[] = [];
  const runner = {
    run: async (argv: Argv, options: CommandOptions): Promise<CommandResult> => {
      runs.push({ argv, options });
      return { code: 1, stdout: '', stderr: '', timedOut: false, ...answer };
    },
  };
  return { runs, options: { runner, ip: '/sbin/ip', lock: async () => 9 } };
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

describe('a plain route that is to be deleted', () => {
  const plain = (octet: number) => ours({ destination: `10.200.0.${octet}/32`, protocol: 3, metric: 0 });
  const row = (octet: number, more: object = {}) => ({
    type: '1',
    dst: `10.200.0.${octet}`,
    gateway: '192.168.39.10',
    dev: 'virbr0',
    scope: '0',
    flags: [],
    ...more,
  });

  /** An `ip` that shows these routes, and works off every batch but one that has a line of `fails`. */
  function kernel(show: Partial<CommandResult>, fails: RegExp | null = null) {
    const did: string[] = [];
    const runner = {
      run: async (argv: Argv, { input, ...options }: CommandOptions): Promise<CommandResult> => {
        expect(options).toMatchObject({ detached: true, descriptors: [9], timeoutMs: 20_000 });
        const fine = { code: 0, stdout: '', stderr: '', timedOut: false };
        if (argv.includes('show')) {
          did.push(argv.slice(1).join(' '));
          return { ...fine, ...show };
        }
        const lines = (input ?? '').trim().split('\n');
        did.push(...lines.slice(0, -1).map((line) => line.replace(/ proto.* /, ' ')));
        if (fails?.test(input ?? '')) return { ...fine, code: null, timedOut: true };
        return { ...fine, code: 1, stderr: ended(lines.length) };
      },
    };
    return { did, options: { runner, ip: '/sbin/ip', lock: async () => 9 } };
  }
  const SHOW = '-N -json -details -4 route show table 254 proto 3';
  const showing = (...rows: readonly object[]) => ({ stdout: JSON.stringify(rows) });

  test('is read just before it, once for those that follow each other, and in its order among the others', async () => {
    const { did, options } = kernel(showing(row(2), row(3), row(5)));
    const changes = [add(at(1)), remove(plain(2)), remove(plain(3)), add(at(4)), remove(plain(5))];
    expect(await prepare(changes, options)()).toEqual([]);
    expect(did).toEqual([
      'route add "10.200.0.1/32"',
      SHOW,
      'route del "10.200.0.2/32"',
      'route del "10.200.0.3/32"',
      'route add "10.200.0.4/32"',
      SHOW,
      'route del "10.200.0.5/32"',
    ]);
  });

  test('is refused alone when the kernel could take another for it', async () => {
    const { did, options } = kernel(showing(row(1, { metric: 100 }), row(2)));
    expect(await prepare([remove(plain(1)), remove(plain(2)), remove(plain(3))], options)()).toEqual([
      { index: 0, message: expect.stringMatching(/^the helper refuses: .*metric 100$/) },
      { index: 2, message: expect.stringMatching(/^the helper refuses: .*no such route/) },
    ]);
    expect(did).toEqual([SHOW, 'route del "10.200.0.2/32"']);
  });

  test.each<[string, Partial<CommandResult>, string]>([
    ['fails', { code: 2, stderr: 'Cannot open netlink socket' }, 'Cannot open netlink socket'],
    ['was interrupted', { ...showing(row(1)), stderr: 'Dump was interrupted' }, 'Dump was interrupted'],
    ['takes too long', { code: null, timedOut: true }, 'ip did not end within 20 s'],
    ['is not JSON', { stdout: '10.200.0.1 via' }, ''],
    ['has a row without destination', showing(row(1), { type: '1' }), ''],
  ])('is refused when what is read %s, and what follows is not', async (_, show, why) => {
    const { did, options } = kernel(show);
    expect(await prepare([remove(plain(1)), add(at(2))], options)()).toEqual([
      { index: 0, message: expect.stringContaining(`the routes that stand could not be read: ${why}`) },
    ]);
    expect(did).toEqual([SHOW, 'route add "10.200.0.2/32"']);
  });

  test('is not tried after an ip that hung', async () => {
    const { did, options } = kernel(showing(row(2)), /10\.200\.0\.1/);
    expect(await prepare([add(at(1)), remove(plain(2)), add(at(3))], options)()).toEqual([
      { index: 0, message: expect.stringMatching(/^not known whether/) },
      { index: 1, message: 'not tried: ip did not end within 20 s' },
      { index: 2, message: 'not tried: ip did not end within 20 s' },
    ]);
    expect(did).toEqual(['route add "10.200.0.1/32"']);
  });
});
