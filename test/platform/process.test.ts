import { describe, expect, test } from 'vitest';
import type { Argv } from '../../src/platform/command.ts';
import { ProcessRunner } from '../../src/platform/process.ts';

const runner = new ProcessRunner();
const node = (script: string): Argv => [process.execPath, '-e', script];
const soon = { timeoutMs: 20_000 };

/** Whether a process is there, a zombie excepted. */
async function runs(pid: number): Promise<boolean> {
  const { stdout } = await runner.run(['ps', '-o', 'stat=', '-p', String(pid)], soon);
  return stdout.trim() !== '' && !stdout.startsWith('Z');
}

describe('run', () => {
  test('gives back exit code, standard output and standard error', async () => {
    const script = 'process.stdout.write("out"); process.stderr.write("err"); process.exitCode = 3';
    expect(await runner.run(node(script), soon)).toEqual({
      code: 3,
      stdout: 'out',
      stderr: 'err',
      timedOut: false,
    });
  });

  test('passes arguments as they are, through no shell', async () => {
    const { stdout } = await runner.run([...node('console.log(process.argv[1])'), '$(id); "x" *'], soon);
    expect(stdout).toBe('$(id); "x" *\n');
  });

  test('keeps the environment and sets LC_ALL to C', async () => {
    const { stdout } = await runner.run(node('console.log(process.env.LC_ALL, process.env.PATH)'), soon);
    expect(stdout).toBe(`C ${process.env['PATH']}\n`);
  });

  test('decodes characters that are split between two reads', async () => {
    const script = 'const b = Buffer.from("é".repeat(200000)); process.stdout.write(b)';
    expect((await runner.run(node(script), soon)).stdout).toBe('é'.repeat(200_000));
  });

  test('writes input to its end', async () => {
    const input = 'x'.repeat(5_000_000);
    const { stdout } = await runner.run(['wc', '-c'], { ...soon, input });
    expect(stdout.trim()).toBe('5000000');
  });

  test('a program that ends before it has read its input is a result', async () => {
    const result = await runner.run(['true'], { ...soon, input: 'x'.repeat(5_000_000) });
    expect(result.code).toBe(0);
  });

  test('without input, standard input is empty', async () => {
    expect((await runner.run(['cat'], soon)).code).toBe(0);
  });

  test('a program that does not exist rejects with ENOENT', async () => {
    await expect(runner.run(['no-such-program-here'], soon)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('a program that may not be run rejects with EACCES', async () => {
    await expect(runner.run(['/etc/passwd'], soon)).rejects.toMatchObject({ code: 'EACCES' });
  });

  test('a time-out kills, and says so', async () => {
    const result = await runner.run(['sleep', '600'], { timeoutMs: 50 });
    expect(result).toMatchObject({ code: null, timedOut: true });
  });

  test('a time-out does not wait for whoever inherited the output', async () => {
    const result = await runner.run(['sh', '-c', 'sleep 600 & echo $!; wait'], { timeoutMs: 1000 });
    expect(result.timedOut).toBe(true);
    const pid = Number(result.stdout);
    expect(await runs(pid)).toBe(true);
    process.kill(pid);
  });

  test('a time-out kills the whole group of a detached program', async () => {
    const result = await runner.run(['sh', '-c', 'sleep 600 & echo $!; wait'], {
      timeoutMs: 1000,
      detached: true,
    });
    expect(result.timedOut).toBe(true);
    const pid = Number(result.stdout);
    expect(pid).toBeGreaterThan(0);
    await expect.poll(() => runs(pid), { timeout: 4000 }).toBe(false);
  });

  test('an abort kills and rejects with its reason', async () => {
    const controller = new AbortController();
    const running = runner.run(['sleep', '600'], { timeoutMs: 60_000, signal: controller.signal });
    controller.abort(new Error('enough'));
    await expect(running).rejects.toThrow('enough');
    await expect(runner.run(['true'], { ...soon, signal: controller.signal })).rejects.toThrow('enough');
  });
});

describe('stream', () => {
  test('hears whole lines and says how it ended', async () => {
    const lines: string[] = [];
    const child = runner.stream(['sed', 's/^/</'], (line) => lines.push(line));
    child.write('one\ntw');
    child.write('o\nrest');
    child.end();
    expect(await child.exit).toEqual({ code: 0, stderr: '' });
    expect(lines).toEqual(['<one', '<two']);
  });

  test('writing to a program that has ended is no crash', async () => {
    const child = runner.stream(node('console.error("bye"); process.exit(2)'), () => undefined);
    expect(await child.exit).toEqual({ code: 2, stderr: 'bye\n' });
    child.write('too late\n');
    child.end();
  });

  test('a program that does not exist rejects', async () => {
    const child = runner.stream(['no-such-program-here'], () => undefined);
    child.write('x');
    await expect(child.exit).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
