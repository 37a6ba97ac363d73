import packageJson from '../../package.json' with { type: 'json' };
import { EXIT } from './exit-code.ts';
import { endByLastResort } from './last-resort.ts';
import { loadProgram } from './load-program.ts';
import { openOutput } from './output-stream.ts';
import type { SignalSource, Terminal } from './terminal.ts';

const signals: SignalSource = {
  on: (signal, listener) => process.on(signal, listener),
  off: (signal, listener) => process.off(signal, listener),
  exit: (code) => process.exit(code),
};

async function main(argv: readonly string[]): Promise<void> {
  const stdout = openOutput(1, () => process.stdout);
  const stderr = openOutput(2, () => process.stderr);
  endByLastResort(stderr);
  if (argv.length === 1 && (argv[0] === '--version' || argv[0] === '-V')) {
    // Asked by scripts all the time: answered before the program is loaded.
    stdout.write(`${packageJson.version}\n`);
    // The program tells of what could not be written.
    if (stdout.loss?.() == null) {
      process.exitCode = EXIT.ok;
      return;
    }
  }
  const { program, keepCode } = loadProgram(argv, process.platform);
  const terminal: Terminal = {
    env: process.env,
    get cwd() {
      return process.cwd();
    },
    platform: process.platform,
    stdin: process.stdin,
    stdout,
    stderr,
    signals,
    now: () => new Date(),
  };
  const code = await program.run(argv, terminal);
  process.exitCode = code;
  // A command that failed has not used what it uses when it goes well.
  if (code !== EXIT.error && code !== EXIT.usage) keepCode();
}

void main(process.argv.slice(2));
