import packageJson from '../../package.json' with { type: 'json' };
import { EXIT } from './exit-code.ts';
import { loadProgram } from './load-program.ts';
import type { SignalSource, Terminal } from './terminal.ts';

/** A reader that went away (EPIPE), or a terminal (EIO), must not stop work that is half done: what follows is dropped. */
function outliveReaders(stream: NodeJS.WriteStream): void {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE' && error.code !== 'EIO') throw error;
  });
}

const signals: SignalSource = {
  on: (signal, listener) => process.on(signal, listener),
  off: (signal, listener) => process.off(signal, listener),
  exit: (code) => process.exit(code),
};

async function main(argv: readonly string[]): Promise<void> {
  outliveReaders(process.stdout);
  outliveReaders(process.stderr);
  if (argv.length === 1 && (argv[0] === '--version' || argv[0] === '-V')) {
    // Asked by scripts all the time: answered before the program is loaded.
    process.stdout.write(`${packageJson.version}\n`);
    process.exitCode = EXIT.ok;
    return;
  }
  const { program, keepCode } = loadProgram(argv);
  const terminal: Terminal = {
    env: process.env,
    cwd: process.cwd(),
    platform: process.platform,
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    signals,
  };
  const code = await program.run(argv, terminal);
  process.exitCode = code;
  // A command that failed has not used what it uses when it goes well.
  if (code !== EXIT.error && code !== EXIT.usage) keepCode();
}

void main(process.argv.slice(2));
