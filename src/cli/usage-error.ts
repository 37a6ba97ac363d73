import type { CommanderError } from 'commander';
import type { Diagnostic } from '../model/diagnostic.ts';
import { DEFAULT_SPEC, specNames } from './arguments/paths.ts';
import { EXIT } from './exit-code.ts';
import type { Terminal } from './terminal.ts';
import { FORMS, type FormName } from './views/forms.ts';
import { Streams } from './views/streams.ts';

/**
 * Tells programs of a command line that cannot be run, in the form that it asks for: what commander wrote to stderr, in its
 * words. `help`: the command line that helps.
 */
export function tellUsageError(
  terminal: Terminal,
  form: FormName,
  thrown: CommanderError,
  help: string,
): void {
  const names = specNames(DEFAULT_SPEC, terminal.cwd);
  const view = FORMS[form].open(new Streams(terminal, false, true));
  view.tell({ type: 'diagnostic', diagnostic: usageError(thrown, help), names });
  view.tell({ type: 'summary', exitCode: EXIT.usage });
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
