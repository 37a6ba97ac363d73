import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** Runs `ip -N -json -details` and returns what it prints. Throws unless it exits with 0. */
export async function ip(args: readonly string[], input?: string): Promise<string> {
  const stdin = input === undefined ? 'ignore' : 'pipe';
  const child = spawn('ip', ['-N', '-json', '-details', ...args], { stdio: [stdin, 'pipe', 'inherit'] });
  const chunks: Buffer[] = [];
  child.stdout?.on('data', (chunk: Buffer) => chunks.push(chunk));
  child.stdin?.end(input);
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`ip ${args.join(' ')}: exit ${code}`);
  return Buffer.concat(chunks).toString('utf8');
}

/** Every route of all tables and both families, parsed: the least that knowing the kernel's routes takes. */
export async function dumpRoutes(): Promise<unknown[]> {
  const families = await Promise.all(
    ['-4', '-6'].map(async (family): Promise<unknown[]> => {
      const text = await ip([family, 'route', 'show', 'table', 'all']);
      return JSON.parse(text === '' ? '[]' : text);
    }),
  );
  return families.flat();
}
