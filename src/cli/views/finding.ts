import type { ApplyOutcome } from '../../machine/apply-ports.ts';
import type { Diagnostic } from '../../model/diagnostic.ts';
import type { RunEvent, WatchEvent } from '../../model/event.ts';
import type { Plan, RememberedApproval, Unproven } from '../../model/plan.ts';
import type { ObservedDocument } from '../../observe/document.ts';
import type { Importable } from '../../planner/import.ts';
import type { TransactionEnd } from '../../registry/registry.ts';
import type { FileNames } from '../arguments/paths.ts';
import type { SessionStatus } from '../commands/session-status.ts';
import type { SessionState } from '../session/session-state.ts';
import type { StatusReport } from './status-report.ts';

/** What an apply, a destroy, a cleanup or an import came to; `watchedBy` is the process of the session that watches the spec. */
export type Applied = ApplyOutcome & { readonly watchedBy: number | null };

/** A route that can be adopted, and what becomes of it then. */
export type Found = Importable & { readonly fate: string };

/** Everything that a command tells: a value or an event each, which every form of output tells in its own way. */
export type Finding =
  | { readonly type: 'plan'; readonly plan: Plan; readonly names: FileNames }
  | {
      readonly type: 'diagnostic';
      readonly diagnostic: Diagnostic;
      readonly names: FileNames;
      /** The text that it is about, for the excerpt; that of its file where this is not given. */
      readonly sourceOf?: (file: string) => string | null;
    }
  /** Something happens while a plan is applied. */
  | { readonly type: 'event'; readonly event: RunEvent }
  /** How an apply ended; null where nobody agreed to its plan. */
  | { readonly type: 'applied'; readonly outcome: Applied | null }
  /** A plan was carried out that may set profiles aside. */
  | { readonly type: 'carried-out'; readonly plan: Plan }
  /** How a transaction ended that needed confirmation; null where that is not known here. */
  | { readonly type: 'confirmed'; readonly end: TransactionEnd | null }
  /** A session begins to watch a tunnel; people have seen `shown` by then. */
  | {
      readonly type: 'session.begun';
      readonly tunnel: string;
      readonly names: FileNames;
      readonly shown: Plan;
    }
  /** Something happens while a tunnel is watched, and this is what the session is at by then. */
  | {
      readonly type: 'session';
      readonly event: WatchEvent;
      readonly session: SessionState;
      readonly names: FileNames;
    }
  /** Nothing more is told of the session as it happens. */
  | { readonly type: 'session.ended' }
  /** What a session could not remove when it left; `isClean` where nothing went wrong either. */
  | { readonly type: 'session.left'; readonly left: readonly string[]; readonly isClean: boolean }
  /** An apply still waits to be confirmed. */
  | { readonly type: 'awaiting'; readonly txid: string; readonly spec: string; readonly secondsLeft: number }
  /** The last apply was not confirmed. */
  | { readonly type: 'unconfirmed'; readonly end: TransactionEnd }
  | {
      readonly type: 'session.status';
      readonly session: SessionStatus;
      /** As the user would type it. */
      readonly spec: string;
      /** Whether sessions of other specs are shown, too. */
      readonly isOneOfMany: boolean;
    }
  | {
      readonly type: 'status';
      readonly report: StatusReport;
      /** The tunnel's name; null where it is not known. */
      readonly tunnel: string | null;
      /** As the user would type it. */
      readonly spec: string;
      readonly hasSpec: boolean;
      /** The session of the spec, whether it lives or not. */
      readonly session: SessionStatus | null;
      /** By `endpointKey`: whether a TCP connection was taken. */
      readonly answers: ReadonlyMap<string, boolean>;
    }
  /** There is neither a spec nor anything that was applied. */
  | { readonly type: 'nothing'; readonly spec: string }
  /** Routes with mkplan's protocol that no spec has recorded. */
  | { readonly type: 'unclaimed'; readonly unclaimed: readonly Unproven[] }
  | { readonly type: 'valid'; readonly name: string; readonly spec: string }
  /** A plan was saved in a file, named as typed. */
  | { readonly type: 'saved'; readonly file: string }
  | {
      readonly type: 'observed';
      readonly observation: ObservedDocument;
      /** The same as a document. It may be long, so it is made only where it is printed. */
      readonly document: () => string;
    }
  /** An observation was written to a file, named as typed. */
  | { readonly type: 'recorded'; readonly file: string }
  | {
      readonly type: 'written';
      readonly spec: string;
      readonly profile: string;
      readonly pool: string;
      /** The profile's context, where somebody else than minikube wrote it. */
      readonly foreignContext: string | null;
    }
  | {
      readonly type: 'printed';
      readonly profile: string;
      readonly pool: string;
      readonly text: string;
    }
  | {
      readonly type: 'remembered';
      readonly approvals: readonly RememberedApproval[];
      readonly names: FileNames;
    }
  | { readonly type: 'approvals'; readonly approvals: readonly RememberedApproval[] }
  | { readonly type: 'revoked'; readonly spec: string; readonly approvals: number }
  | { readonly type: 'importable'; readonly found: readonly Found[]; readonly spec: string }
  | {
      readonly type: 'runtime';
      readonly version: string;
      readonly node: string;
      readonly platform: NodeJS.Platform;
    }
  | { readonly type: 'summary'; readonly exitCode: number };

/** One form of what is printed on stdout. */
export interface View {
  tell(finding: Finding): void;
}
