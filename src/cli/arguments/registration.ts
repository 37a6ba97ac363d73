import { type Command, Help, Option } from 'commander';
import { OFFERED_APPROVALS } from '../../model/policy.ts';
import type { CommandContext } from '../run-command.ts';
import { collect, parseAllow, parseDuration } from './option-values.ts';

const DEFAULT_LOCK_TIMEOUT = '30s';

/** How a command is registered: what it may do decides how its signals and its user are treated. */
export interface Registration {
  /** What a signal makes it do. Null where it only reads; any other is refused under sudo. */
  readonly onSignal: string | null;
  /** The same before its transaction has begun, as at a prompt, where that differs. */
  readonly beforeChanges?: string;
  /** Whether SIGHUP asks it to look again where there is no terminal. */
  readonly rereads?: true;
}

/** Runs the work of a command and keeps its exit code. */
export type Act = (
  command: Command,
  spec: string,
  registration: Registration,
  work: (context: CommandContext) => Promise<number>,
) => Promise<void>;

/** Changes nothing of the host. */
export const READS: Registration = { onSignal: null };

/** Applies something. */
export const MUTATES: Registration = {
  onSignal: 'finishing what is under way, then rolling back',
  beforeChanges: 'stopping',
};

/** Lives on until it is ended. */
export const WATCHES: Registration = { onSignal: 'leaving', rereads: true };

/** Ends what another command has begun. */
export const CONFIRMS: Registration = { onSignal: 'stopping' };

/** `--allow`; `text` says what it is for. */
export function allowOption(text: string): Option {
  return new Option('--allow <kinds>', text).argParser(parseAllow).default([], 'none');
}

/**
 * Has a command refuse `--json`, and leave it out of its help: what it prints is a document already, or another
 * program's. `why` says so.
 */
export function withoutJson(command: Command, why: string): Command {
  return command
    .configureHelp({
      ...command.configureHelp(),
      visibleGlobalOptions(this: Help, shown: Command) {
        const all = Help.prototype.visibleGlobalOptions.call(this, shown);
        return all.filter(({ long }) => long !== '--json');
      },
    })
    .hook('preAction', () => {
      if (command.optsWithGlobals()['json'] !== true) return;
      command.error(`error: ${command.name()} does not take --json: ${why}`);
    });
}

/** The options of every command that only reads what a spec names. */
export function addReadOptions(command: Command): Command {
  const text =
    'as for apply; `credentials` lets mkplan run the program that supplies the credentials of a context';
  return command.addOption(allowOption(text));
}

/** `--profile`, of a command about a spec. */
export function profileOption(): Option {
  return new Option('-p, --profile <name>', 'only this profile of the spec; may be repeated')
    .argParser(collect)
    .default([], 'all');
}

/** `--strict`. */
export function strictOption(): Option {
  return new Option('--strict', 'refuse the plan (exit 4) if any profile is set aside');
}

/** `--lock-timeout`. */
export function lockTimeout(): Option {
  return new Option('--lock-timeout <duration>', 'how long to wait for another mkplan: 500ms, 30s, 2m')
    .argParser(parseDuration)
    .default(parseDuration(DEFAULT_LOCK_TIMEOUT), DEFAULT_LOCK_TIMEOUT);
}

/** The options of every command that changes something. */
export function addApplyOptions(command: Command): Command {
  return command
    .option('--auto-approve', 'do not ask; covers nothing that needs --allow')
    .addOption(allowOption(`approve what a spec may not do unasked: ${OFFERED_APPROVALS.join(',')}`))
    .addOption(lockTimeout());
}
