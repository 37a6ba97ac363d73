import { type Diagnostic, Failure, messageOf } from '../model/diagnostic.ts';
import { Interruption } from './apply.ts';

/** The plan under the lock is not the one that was shown. */
export function stale(): Failure {
  return new Failure('stale', [
    {
      code: 'stale-plan',
      severity: 'error',
      summary: 'the plan is stale: what it rests on has changed since it was made',
      cause: 'Routes, claims, the cluster or the spec are not what they were when the plan was made.',
      fix: 'Make a new plan, look at it, and apply that.',
      command: 'mkplan plan',
    },
  ]);
}

/** Under our Lease, or the word that it leaves, the plan is not the one that was made before that. */
export function participantsChanged(): Failure {
  return new Failure('stale', [
    {
      code: 'participants-changed',
      severity: 'error',
      summary: 'another mkplan joined or left the cluster meanwhile',
      cause:
        'Which Services are cleared depends on who else uses them, and that changed while the plan was made.',
      fix: 'Run the command again: it plans from what is there now.',
    },
  ]);
}

/** The plan as a whole may not be carried out, for what `summary` says. */
export function refused(summary: string): Failure {
  return new Failure('conflict', [
    {
      code: 'plan-refused',
      severity: 'error',
      summary: 'the plan is refused, and nothing was changed',
      cause: summary,
      fix: 'resolve what the plan marks with `!`',
      command: 'mkplan plan',
    },
  ]);
}

/** What a command that was told to stop says. */
export function interruption(): Diagnostic {
  return {
    code: 'interrupted',
    severity: 'error',
    summary: 'interrupted',
    cause: 'The command was told to stop.',
    fix: 'Run the command again.',
  };
}

/** Registry or journal could not be written once the plan was decided; what stood in the way is told beside it. */
export function uncommitted(thrown: unknown): Diagnostic {
  return {
    code: 'commit-incomplete',
    severity: 'error',
    summary: 'the plan was applied and verified, but not all of that could be written down',
    cause: messageOf(thrown),
    fix: 'Put that right and run any mkplan command that changes something: it finishes the transaction first.',
    command: 'mkplan cleanup',
  };
}

/** DECIDED may be on disk although its fsync failed: then the next command writes claims for routes that are gone. */
export function mayBeDecided(thrown: unknown): Diagnostic {
  return {
    code: 'residue-journal',
    severity: 'error',
    summary: 'the journal could not be told that the plan was undone',
    cause: messageOf(thrown),
    fix: 'Put that right, then run `mkplan cleanup` and look at `mkplan plan`: it shows what is really there.',
    command: 'mkplan cleanup',
  };
}

/** A session could not take away what it made; its claims are there still, and whoever comes next removes it by them. */
export function sessionLeft(): Diagnostic {
  return {
    code: 'session-left',
    severity: 'error',
    summary: 'what this session made is there still',
    cause: 'Taking it away failed, and that was undone.',
    fix: 'Run `mkplan cleanup`: it removes what a session that has ended has left.',
    command: 'mkplan cleanup',
  };
}

/** What anything that was thrown has to say to a person. */
export function diagnosticsOf(thrown: unknown): readonly Diagnostic[] {
  if (thrown instanceof Interruption) return [interruption()];
  if (thrown instanceof Failure) return thrown.diagnostics;
  return [
    {
      code: 'unexpected',
      severity: 'error',
      summary: messageOf(thrown),
      cause: 'mkplan met something that it did not expect.',
      fix: 'Please report it, with the output of `mkplan observe`.',
    },
  ];
}
