import type { ApplyOutcome } from '../../machine/apply-ports.ts';
import type { Diagnostic } from '../../model/diagnostic.ts';
import type { RunEvent, WatchEvent } from '../../model/event.ts';
import type { Plan, RememberedApproval, Unproven } from '../../model/plan.ts';
import type { ObservedDocument } from '../../observe/document.ts';
import type { Importable } from '../../planner/import.ts';
import type { StatusReport } from '../../planner/status/report.ts';
import type { TransactionEnd } from '../../registry/registry.ts';
import type { FileNames } from '../arguments/paths.ts';
import type { SessionStatus } from '../commands/session-status.ts';
import type { SessionState } from '../session/session-state.ts';

/** How a command ended that changes something; `watchedBy`: the process of the session that watches the spec, if one does. */
export type Applied = ApplyOutcome & { readonly watchedBy: number | null };

/** What each kind of finding has. Files and specs are named as the user would type them. */
interface Findings {
  plan: { plan: Plan; names: FileNames };
  /** `sourceOf`: the text that it is about, for the excerpt; that of its file where this is not given. */
  diagnostic: {
    diagnostic: Diagnostic;
    names: FileNames;
    sourceOf?: ((file: string) => string | null) | undefined;
  };
  /** Something happens while a plan is applied. */
  event: { event: RunEvent };
  /** How an apply ended; null where nobody agreed to its plan. */
  applied: { outcome: Applied | null };
  /** A plan was carried out that may set profiles aside. */
  'carried-out': { plan: Plan };
  /** How a transaction ended that needed confirmation; null where that is not known here. */
  confirmed: { end: TransactionEnd | null };
  /** A session begins to watch a tunnel; people have seen `shown` by then. */
  'session.begun': { tunnel: string; names: FileNames; shown: Plan };
  /** Something happens while a tunnel is watched, and this is what the session is at by then. */
  session: { event: WatchEvent; session: SessionState; names: FileNames };
  'session.ended': object;
  /** What a session could not remove when it left; `isClean`: whether all else went well, too. */
  'session.left': { left: readonly string[]; isClean: boolean };
  /** `isOneOfMany`: whether sessions of other specs are shown, too. */
  'session.status': { session: SessionStatus; spec: string; isOneOfMany: boolean };
  /** An apply waits to be confirmed. */
  awaiting: { txid: string; spec: string; secondsLeft: number };
  /** The last apply was not confirmed. */
  unconfirmed: { end: TransactionEnd };
  status: {
    report: StatusReport;
    /** The tunnel's name; null where it is not known. */
    tunnel: string | null;
    spec: string;
    hasSpec: boolean;
    /** The session of the spec, whether it lives or not. */
    session: SessionStatus | null;
    /** By `endpointKey`: whether a TCP connection was taken. */
    answers: ReadonlyMap<string, boolean>;
  };
  /** There is neither a spec nor anything that was applied. */
  nothing: { spec: string };
  /** Routes with mkplan's protocol that no spec has recorded. */
  unclaimed: { unclaimed: readonly Unproven[] };
  valid: { name: string; spec: string };
  /** A plan was saved. */
  saved: { file: string };
  /** `document`: the same as text, which may be long and so is made only where it is printed. */
  observed: { observation: ObservedDocument; document: () => string };
  /** An observation was saved. */
  recorded: { file: string };
  /** `foreignContext`: the profile's context, where minikube did not write it. */
  written: { spec: string; profile: string; pool: string; foreignContext: string | null };
  /** A spec that is not written to a file. */
  printed: { profile: string; pool: string; text: string };
  remembered: { approvals: readonly RememberedApproval[]; names: FileNames };
  approvals: { approvals: readonly RememberedApproval[] };
  revoked: { spec: string; approvals: number };
  /** `fate`: why it can be adopted, and what becomes of it then; for people. */
  importable: { found: readonly (Importable & { readonly fate: string })[]; spec: string };
  runtime: { version: string; node: string; platform: NodeJS.Platform };
  summary: { exitCode: number };
}

export type Kind = keyof Findings;

/** Something that a command tells: a value or an event, which every form of output tells in its own way. */
export type Finding<K extends Kind = Kind> = { [T in K]: { readonly type: T } & Readonly<Findings[T]> }[K];

/** What a form makes of each kind of finding. */
export type Table<Made, Rest extends readonly unknown[] = []> = {
  readonly [K in Kind]: (finding: Finding<K>, ...rest: Rest) => Made;
};

/** One form of what is printed on stdout. */
export interface View {
  tell(finding: Finding): void;
}
