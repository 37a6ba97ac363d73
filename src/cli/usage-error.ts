import type { CommanderError } from 'commander';
import type { Diagnostic } from '../model/diagnostic.ts';
import { specNames } from './arguments/paths.ts';
import { DEFAULT_SPEC } from './arguments/registration.ts';
import { EXIT } from './exit-code.ts';
import type { Terminal } from './terminal.ts';
import { diagnosticLine } from './views/json/json-lines.ts';
import { Output } from './views/output.ts';

/**
 * Tells programs of a command line that cannot be run: the lines of `--json` for what commander wrote to stderr, in
 * its words. `help`: the command line that helps.
 */
export function tellUsageError(terminal: Terminal, thrown: CommanderError, help: string): void {
  const output = new Output(terminal, { json: true, color: false });
  output.line(diagnosticLine(usageError(thrown, help), specNames(DEFAULT_SPEC, terminal.cwd)));
  output.finish(EXIT.usage);
}

function usageError({ code, message }: CommanderError, help: string): Diagnostic {
  const [, words = message, hint] = /^(?:error: )?(.*?)(?:\n\((.*)\))?$/s.exec(message) ?? [];
  return {
    code: 'usage',
    severity: 'error',
    // Commander shows its help instead where there is nothing but options.
    summary: code === 'commander.help' ? 'no command is named' : words,
    cause: 'mkplan cannot read this command line, and did nothing.',
    fix: hint ?? 'See what mkplan takes.',
    command: help,
  };
}
