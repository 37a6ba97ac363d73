import { setTimeout as sleep } from 'node:timers/promises';
import type { Confirmation } from '../../machine/apply-ports.ts';
import { butRecovered, confirm } from '../../machine/confirm.ts';
import { recover } from '../../machine/run.ts';
import type { DesiredState } from '../../model/desired.ts';
import type { EmitRunEvent } from '../../model/event.ts';
import { shellWord } from '../../model/shell-word.ts';
import type { TransactionEnd } from '../../registry/registry.ts';
import type { FileNames } from '../arguments/paths.ts';
import { EXIT, exitCodeOf } from '../exit-code.ts';
import type { CommandContext } from '../run-command.ts';
import type { Applied } from '../views/finding.ts';
import { printableLine } from '../views/text.ts';
import { type ChangeAdapters, composeChanging } from '../wiring/compose.ts';
import { concludeApply, type Guarding } from './apply-plan.ts';
import type { Approved } from './approval.ts';
import { promptForConfirmation } from './confirm-prompt.ts';
import type { Guard } from './guard-process.ts';
import { underLock } from './under-lock.ts';

/** How long another mkplan that holds the lock is waited for, so that an answer given in time counts: milliseconds. */
const LOCK_PATIENCE_MS = 30_000;

/** One `apply --confirm-within`. */
export class Confirming implements Guarding {
  readonly #context: CommandContext;
  readonly #names: FileNames;
  readonly #approved: Approved;
  readonly #withinMs: number;
  /** While it is applied. */
  #guard: Guard | null = null;
  /** The same one, once everything is applied. */
  #alone: Guard | null = null;

  constructor(context: CommandContext, names: FileNames, approved: Approved, withinMs: number) {
    this.#context = context;
    this.#names = names;
    this.#approved = approved;
    this.#withinMs = withinMs;
  }

  confirmation(adapters: ChangeAdapters, { profiles }: DesiredState): Confirmation {
    const contexts = new Map(profiles.map(({ name, context }) => [name, context]));
    return {
      withinMs: this.#withinMs,
      contextOf: (profile) => contexts.get(profile) ?? profile,
      guard: async (txid) => {
        this.#guard = await adapters.startGuard(txid);
      },
    };
  }

  async applied(): Promise<void> {
    this.#alone = this.#guard;
    this.#guard = null;
    await this.#alone?.handOver();
  }

  closed(): void {
    this.#guard?.leave();
  }

  /** Tells how the apply ended, has it confirmed where somebody can be asked, and returns the exit code. */
  async conclude(outcome: Applied | null): Promise<number> {
    const code = concludeApply(this.#context, outcome);
    const guard = this.#alone;
    if (outcome === null || outcome.txid === null || guard === null) return code;
    try {
      const end = await this.#confirmed(outcome.txid, guard);
      return end === EXIT.ok ? code : end;
    } finally {
      guard.leave();
    }
  }

  async #confirmed(txid: string, guard: Guard): Promise<number> {
    const { terminal, output } = this.#context;
    const command = printableLine(`mkplan confirm ${shellWord(this.#names.spec)}`);
    if (!output.canAsk) {
      const seconds = Math.floor(this.#withinMs / 1000);
      output.note(`Not final yet: it will be undone in ${seconds} s unless it is confirmed: ${command}\n`);
      return EXIT.ok;
    }
    output.note(`From elsewhere, \`${command}\` keeps it.\n`);
    const adapters = await composeChanging(terminal, this.#approved);
    const tell: EmitRunEvent = (event) => output.event(event);
    const locked = (work: () => Promise<unknown>) =>
      underLock(this.#context, adapters, `confirm ${this.#names.absolute}`, LOCK_PATIENCE_MS, work);
    try {
      const end = await promptForConfirmation(
        this.#context,
        {
          journal: adapters.journal,
          guard,
          uptimeMs: adapters.uptimeMs,
          wait: (ms) => sleep(ms),
          confirm: () => locked(() => confirm(adapters, null, tell)),
          undo: () => locked(() => recover(adapters, butRecovered(tell), { unconfirmed: true })),
        },
        txid,
      );
      return tellEnd(this.#context, end);
    } finally {
      await adapters.close();
    }
  }
}

/** Tells how a transaction ended that needed confirmation, and returns the exit code. */
export function tellEnd({ output, receivedSignal }: CommandContext, end: TransactionEnd | null): number {
  const signal = receivedSignal();
  output.tell({ type: 'confirmed', end });
  if (end?.outcome === 'committed') return EXIT.ok;
  if (end !== null && end.left.length > 0) return EXIT.residue;
  if (signal !== null) return exitCodeOf('interrupted', signal);
  return end === null ? EXIT.error : EXIT.rolledBack;
}
