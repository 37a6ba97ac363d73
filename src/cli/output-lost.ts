import type { Diagnostic } from '../model/diagnostic.ts';

/** That some of standard output reached nobody, and why. `changes`: whether the command is run for more than its output. */
export function outputLost(cause: string, changes: boolean): Diagnostic {
  return {
    code: 'output-lost',
    severity: changes ? 'warning' : 'error',
    summary: 'part of the output could not be written',
    cause,
    fix: changes
      ? 'The exit code says what was done all the same, and `mkplan status` shows it.'
      : 'Run the command again, and write its output to where there is room.',
  };
}
