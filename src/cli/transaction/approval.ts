import { createInterface, type Interface } from 'node:readline';
import { Failure } from '../../model/diagnostic.ts';
import type { Plan } from '../../model/plan.ts';
import type { ApprovalKind } from '../../model/policy.ts';
import { shellWord } from '../../model/shell-word.ts';
import { isOpen } from '../../planner/approvals.ts';
import { columnsOf, type Terminal } from '../terminal.ts';
import type { Output } from '../views/output.ts';
import { wrapText } from '../views/text.ts';

/** What the user approved on the command line. */
export interface Approved {
  readonly kinds: readonly ApprovalKind[];
  /** The same command line with programs that make credentials approved as well, for copying. */
  readonly command: string;
  /** The absolute path of the spec that what was approved before is looked up for; null where there is none. */
  readonly spec: string | null;
}

/** What a command line approved. `words`: what follows `mkplan` in one that does the same and takes `--allow`. */
export function approvedBy(
  words: readonly string[],
  kinds: readonly ApprovalKind[],
  spec: string | null,
): Approved {
  const all = [...new Set<ApprovalKind>([...kinds, 'credentials'])].join(',');
  return { kinds, command: `mkplan ${words.map(shellWord).join(' ')} --allow ${all}`, spec };
}

/** The words that choose profiles on a command line. */
export function profileWords(names: readonly string[]): string[] {
  return names.flatMap((name) => ['--profile', name]);
}

/** The kinds of approval that a plan needs and does not have, each once, in the plan's order. */
export function missingApprovals(plan: Plan, allowed: readonly ApprovalKind[]): ApprovalKind[] {
  const open = plan.approvals.filter(isOpen);
  const needed = new Set(open.map((approval) => approval.kind));
  return [...needed].filter((kind) => !allowed.includes(kind));
}

/** The Failure that names the flag to add; null where everything that the plan needs is allowed. */
export function unapproved(plan: Plan, allowed: readonly ApprovalKind[]): Failure | null {
  const missing = missingApprovals(plan, allowed);
  if (missing.length === 0) return null;
  const subjects = plan.approvals
    .filter((approval) => isOpen(approval) && missing.includes(approval.kind))
    .map((approval) => `${approval.kind} (${approval.profile}: ${approval.subject})`);
  return new Failure('conflict', [
    {
      code: 'approval-missing',
      severity: 'error',
      summary: `the plan needs approval: ${subjects.join(', ')}`,
      cause: 'a spec may not do this unasked, and --auto-approve does not cover it',
      fix: `look at the plan, then add --allow ${[...new Set([...allowed, ...missing])].join(',')}${orAllow(plan)}`,
    },
  ]);
}

/** What approves the same for good; a cleanup is of no spec, so that nothing of it is remembered. */
function orAllow({ spec }: Plan): string {
  return spec === '' ? '' : ', or approve it at a terminal with `mkplan allow`, which remembers it';
}

/** The command that saves what a command would apply, for those that have one. */
const SAVES: Readonly<Record<string, string>> = {
  apply: 'mkplan plan --out FILE',
  destroy: 'mkplan plan --destroy --out FILE',
};

/** Throws a usage Failure where nobody could answer a prompt. */
export function requirePrompt({ unasked }: Pick<Output, 'unasked'>, verb: string): void {
  if (unasked === null) return;
  const saves = SAVES[verb];
  throw new Failure('usage', [
    {
      code: 'approval-without-terminal',
      severity: 'error',
      summary: `${unasked} whether to apply the plan`,
      cause: 'a plan is applied only once it is approved',
      fix:
        saves === undefined
          ? 'add --auto-approve'
          : `add --auto-approve, or save the plan with \`${saves}\` and apply that file`,
    },
  ]);
}

/**
 * Asks on stderr whether to go on; only `yes` is a yes. An end of input is a no.
 * Throws the signal's reason when it is aborted meanwhile.
 */
export async function ask(terminal: Terminal, question: string, signal: AbortSignal): Promise<boolean> {
  const asked = wrapText(question, columnsOf(terminal.stderr));
  terminal.stderr.write(`${asked}\n  Only 'yes' will be accepted: `);
  const lines = linesOf(terminal.stdin);
  try {
    return (await firstLine(lines, signal))?.trim() === 'yes';
  } finally {
    lines.close();
  }
}

/** The lines of an input; one that cannot be read, such as a directory or a terminal that hung up, has ended. */
export function linesOf(input: NodeJS.ReadableStream): Interface {
  // Without `terminal`, the tty stays in its line mode and Ctrl-C stays a signal.
  const lines = createInterface({ input, terminal: false });
  input.on('error', () => lines.close());
  return lines;
}

function firstLine(lines: Interface, signal: AbortSignal): Promise<string | null> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    const settle = (line: string | null) => {
      signal.removeEventListener('abort', abort);
      resolve(line);
    };
    lines.once('line', settle);
    lines.once('close', () => settle(null));
  });
}
