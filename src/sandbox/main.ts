import { Socket } from 'node:net';
import { ProcessRunner } from '../platform/process.ts';
import { TerminalRunner } from './foreground.ts';
import { runSandboxHost } from './host.ts';
import { runSandboxNode } from './node.ts';

/** The processes inside a sandbox, started by `runSandbox` alone: `sandbox.js host DIRECTORY` and `sandbox.js node`. */

/** The descriptor on which the process that started the sandbox talks to its host. */
const CHANNEL = 3;

async function main(part: string | undefined, directory: string | undefined): Promise<number> {
  const runner = new ProcessRunner();
  if (part === 'node') {
    const tell = (message: object): void => void process.stdout.write(`${JSON.stringify(message)}\n`);
    await runSandboxNode(process.stdin, tell, runner);
    return 0;
  }
  if (part !== 'host' || directory === undefined) {
    process.stderr.write('sandbox.js is run by `mkplan sandbox`\n');
    return 64;
  }
  // Signals of the terminal are for the command; what ends the host is the command's end, or the channel's.
  for (const signal of ['SIGINT', 'SIGQUIT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(signal, () => undefined);
  const channel = new Socket({ fd: CHANNEL, readable: true, writable: true });
  return runSandboxHost(directory, channel, { runner, foreground: new TerminalRunner(), env: process.env });
}

const [part, directory] = process.argv.slice(2);
void main(part, directory).then((code) => process.exit(code));
