import type { Journal, TransactionEnd } from '../../registry/registry.ts';
import type { CommandContext } from '../run-command.ts';
import { columnsOf } from '../terminal.ts';
import { displayWidth } from '../views/text.ts';
import { linesOf } from './approval.ts';
import type { Guard } from './guard-process.ts';

export interface ConfirmPorts {
  readonly journal: Pick<Journal, 'open' | 'last'>;
  readonly guard: Pick<Guard, 'undo' | 'isAlive'>;
  /** Milliseconds since boot, suspended time included. */
  uptimeMs(): number;
  wait(ms: number): Promise<void>;
  confirm(): Promise<unknown>;
  /** Undoes it here: the guard is gone. */
  undo(): Promise<unknown>;
}

/** So often the journal is looked at, and the time that is left drawn: milliseconds. */
const TICK_MS = 250;

const QUESTION = "  Only 'yes' keeps it; 'no' undoes it now: ";

/** The prompt, under a line that counts down where the terminal can rewrite one. */
class Countdown {
  readonly #context: CommandContext;
  readonly #isLive: boolean;
  #shown = -1;

  constructor(context: CommandContext) {
    this.#context = context;
    this.#isLive = context.terminal.stderr.isTTY === true && context.terminal.env['TERM'] !== 'dumb';
  }

  ask(msLeft: number): void {
    this.#shown = Math.ceil(msLeft / 1000);
    this.#context.output.note(`${this.#text()}\n${QUESTION}`);
  }

  tick(msLeft: number): void {
    const seconds = Math.max(0, Math.ceil(msLeft / 1000));
    if (!this.#isLive || !this.#fits() || seconds === this.#shown) return;
    this.#shown = seconds;
    // Saves the cursor, rewrites the line above, and goes back: what is being typed stays (ECMA-48; DECSC, DECRC).
    this.#context.terminal.stderr.write(`\u001b7\u001b[1A\r\u001b[2K${this.#text()}\u001b8`);
  }

  /** Whether question and prompt take a row each: only then is it known where the question stands. */
  #fits(): boolean {
    const columns = columnsOf(this.#context.terminal.stderr);
    return [this.#text(), QUESTION].every((line) => displayWidth(line) <= (columns ?? 0));
  }

  #text(): string {
    return this.#context.output.noteColors.change(
      `Not final yet: it will be undone in ${this.#shown} s. Keep it?`,
    );
  }
}

/**
 * Asks whether to keep what was applied, until it is answered here or elsewhere or the time is over. Returns how the
 * transaction ended; null where the terminal is gone (SIGHUP), and the guard goes on alone, and where nobody can tell
 * because yet another transaction has begun. Throws the Failure of confirming.
 */
export async function promptForConfirmation(
  context: CommandContext,
  ports: ConfirmPorts,
  txid: string,
): Promise<TransactionEnd | null> {
  const countdown = new Countdown(context);
  const lines = linesOf(context.terminal.stdin);
  // As after an answer that is none: what it is about has yet to be said.
  let answer: string | null = '';
  lines.on('line', (line) => {
    answer = line.trim();
  });
  let undoing = false;
  try {
    for (;;) {
      const open = await ports.journal.open();
      if (open?.txid !== txid) return await endOf(ports, txid);
      if (context.receivedSignal() === 'SIGHUP') return null;
      const msLeft = (open.deadlineMs ?? 0) - ports.uptimeMs();
      const given = context.signal.aborted ? 'no' : answer;
      answer = null;
      if (undoing || msLeft <= 0) await undoneBy(ports);
      else undoing = await heed(given, msLeft, ports, countdown);
      await ports.wait(TICK_MS);
    }
  } finally {
    lines.close();
    context.output.note('\n');
  }
}

/** Waits for the guard, whose matter it is to undo, as long as it lives. */
async function undoneBy({ guard, undo }: ConfirmPorts): Promise<void> {
  if (!guard.isAlive()) await undo();
}

/** Does what an answer says, in time; null where there is none yet. Returns whether it is being undone. */
async function heed(
  answer: string | null,
  msLeft: number,
  ports: ConfirmPorts,
  countdown: Countdown,
): Promise<boolean> {
  if (answer === 'yes') await ports.confirm();
  else if (answer === 'no') ports.guard.undo();
  else if (answer === null) countdown.tick(msLeft);
  else countdown.ask(msLeft);
  return answer === 'no';
}

async function endOf(ports: ConfirmPorts, txid: string): Promise<TransactionEnd | null> {
  const end = await ports.journal.last();
  return end?.txid === txid ? end : null;
}
