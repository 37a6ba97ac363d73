import type { Diagnostic } from './diagnostic.ts';
import type { Change, Step } from './plan.ts';

/** Everything that happens while a plan is applied. Emitted by executor and machine, printed by the CLI alone. */
export type RunEvent =
  | { readonly type: 'lock.waiting'; readonly holder: string }
  | { readonly type: 'lock.acquired' }
  | {
      readonly type: 'recovered';
      readonly txid: string;
      readonly direction: 'forward' | 'back';
      readonly changes: number;
      /** What was neither before nor after, and so was left. */
      readonly left: readonly string[];
    }
  | { readonly type: 'transaction.started'; readonly txid: string; readonly changes: number }
  | {
      readonly type: 'wave.started';
      readonly txid: string;
      readonly wave: number;
      readonly waves: number;
      readonly changes: number;
    }
  | { readonly type: 'change.done'; readonly txid: string; readonly change: Change; readonly step: Step }
  | {
      readonly type: 'change.failed';
      readonly txid: string;
      readonly change: Change;
      readonly step: Step;
      readonly diagnostic: Diagnostic;
    }
  | { readonly type: 'verifying'; readonly txid: string; readonly routes: number }
  | { readonly type: 'rollback.started'; readonly txid: string; readonly changes: number }
  | { readonly type: 'rollback.done'; readonly txid: string; readonly left: readonly string[] }
  | { readonly type: 'committed'; readonly txid: string };

/** Where events go. */
export type EmitRunEvent = (event: RunEvent) => void;
