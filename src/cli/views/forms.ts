import type { View } from './finding.ts';
import { JsonView } from './json/json-view.ts';
import type { Streams } from './streams.ts';
import { TextView } from './text/text-view.ts';

/** A form of output, as `-o` names it. */
export interface Form {
  /** Whether programs read it: then nobody is asked anything, and a last line tells the exit code. */
  readonly isForPrograms: boolean;
  /** Whether only commands that print tables have it. */
  readonly isOfTables: boolean;
  readonly open: (streams: Streams) => View;
}

/** Every form of output, in the order in which help lists them. */
export const FORMS = {
  text: { isForPrograms: false, isOfTables: false, open: (streams) => new TextView(streams, false) },
  wide: { isForPrograms: false, isOfTables: true, open: (streams) => new TextView(streams, true) },
  json: { isForPrograms: true, isOfTables: false, open: (streams) => new JsonView(streams) },
} as const satisfies Readonly<Record<string, Form>>;

export type FormName = keyof typeof FORMS;

function isFormName(word: string): word is FormName {
  return Object.hasOwn(FORMS, word);
}

/** The names of all forms, in that order. */
export const FORM_NAMES: readonly FormName[] = Object.keys(FORMS).filter(isFormName);

/** The option that asks for a form, as people write it. */
export function optionOf(form: FormName): string {
  return form === 'json' ? '--json' : `-o ${form}`;
}
