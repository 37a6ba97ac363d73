import type { Diagnostic } from '../../model/diagnostic.ts';
import type { RunEvent } from '../../model/event.ts';
import type { Plan } from '../../model/plan.ts';
import type { FileNames } from '../arguments/paths.ts';
import type { Terminal } from '../terminal.ts';
import type { Palette } from './color.ts';
import type { Finding, View } from './finding.ts';
import { FORMS, type FormName, optionOf } from './forms.ts';
import { Streams } from './streams.ts';
import { noteOf } from './text/notes.ts';

/** The global options of a command line. */
export interface GlobalOptions {
  readonly form: FormName;
  readonly color: boolean;
}

/**
 * Where a command tells what it finds. stdout has the result alone, in the form that was asked for; stderr has prompts,
 * progress and diagnostics for people, whatever the form.
 */
export class Output {
  readonly #form: FormName;
  readonly #streams: Streams;
  readonly #view: View;
  #hasBegun = false;

  constructor(terminal: Terminal, { form, color }: GlobalOptions) {
    this.#form = form;
    this.#streams = new Streams(terminal, color, this.isForPrograms);
    this.#view = FORMS[form].open(this.#streams);
  }

  /** Whether programs read stdout, so that nobody is asked anything. */
  get isForPrograms(): boolean {
    return FORMS[this.#form].isForPrograms;
  }

  /** Of stderr. */
  get noteColors(): Palette {
    return this.#streams.noteColors;
  }

  /** Whether somebody can be asked something. */
  get canAsk(): boolean {
    return this.unasked === null;
  }

  /** Why nobody is asked anything, as the beginning of a sentence; null where somebody can be. */
  get unasked(): string | null {
    if (this.isForPrograms) return `with ${optionOf(this.#form)} nobody is asked`;
    const isTerminal = this.#streams.terminal.stdin.isTTY === true;
    return isTerminal ? null : 'standard input is not a terminal, so nobody can be asked';
  }

  /** Whether a transaction has begun. */
  get hasBegun(): boolean {
    return this.#hasBegun;
  }

  /** Tells people on stderr what they need to know, and then stdout what it is for. */
  tell(finding: Finding): void {
    if (finding.type === 'diagnostic')
      this.#streams.explain(finding.diagnostic, finding.names, finding.sourceOf);
    this.#streams.note(noteOf(finding));
    this.#view.tell(finding);
  }

  /** A document that is the same in every form, for stdout. */
  document(text: string): void {
    this.#streams.out(text);
  }

  /** Words for people, on stderr. */
  note(text: string): void {
    this.#streams.note(text);
  }

  plan(plan: Plan, names: FileNames): void {
    this.tell({ type: 'plan', plan, names });
  }

  /** What happens while a plan is applied. */
  event(event: RunEvent): void {
    if (event.type === 'transaction.started') this.#hasBegun = true;
    this.tell({ type: 'event', event });
  }

  /** A diagnostic; `sourceOf` gives the text that it is about, for the excerpt. */
  diagnostic(diagnostic: Diagnostic, names: FileNames, sourceOf?: (file: string) => string | null): void {
    this.tell({ type: 'diagnostic', diagnostic, names, sourceOf });
  }

  /** On a terminal: the profiles that have not answered yet, once that takes a while; none ends it. */
  waitFor(profiles: readonly string[]): void {
    this.#streams.waitFor(profiles);
  }

  /** The end, also of a run that had nothing else to say. */
  finish(exitCode: number): void {
    this.#streams.settle();
    this.tell({ type: 'summary', exitCode });
  }
}
