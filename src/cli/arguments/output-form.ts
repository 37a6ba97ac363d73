import { type Command, InvalidArgumentError, Option } from 'commander';

/** A form of output: `wide` is text with all columns, `json` one object a line. */
type Form = 'text' | 'wide' | 'json' | 'yaml';

const TABLES: readonly Form[] = ['text', 'wide', 'json'];
const LINES: readonly Form[] = ['text', 'json'];

/** The forms that the output of each command has; the first one is its usual form. */
const FORMS: Readonly<Record<string, readonly Form[]>> = {
  init: LINES,
  validate: LINES,
  plan: TABLES,
  apply: TABLES,
  confirm: LINES,
  watch: TABLES,
  destroy: TABLES,
  status: TABLES,
  cleanup: TABLES,
  import: LINES,
  show: TABLES,
  observe: ['yaml', 'json'],
  version: LINES,
};

/** With its value in the same word. */
const FORM_OPTION = /^(-o.+|--output=.*|--wide)$/;

/** A command line with the form of output behind the command, where each command knows the forms that it has. */
export function formBehindCommand(argv: readonly string[]): string[] {
  const before: string[] = [];
  const form: string[] = [];
  let at = 0;
  for (; argv[at]?.startsWith('-') === true && argv[at] !== '--'; at++) {
    const word = argv[at] ?? '';
    if (word === '-o' || word === '--output') form.push(...argv.slice(at, ++at + 1));
    else (FORM_OPTION.test(word) ? form : before).push(word);
  }
  return [...before, ...argv.slice(at, at + 1), ...form, ...argv.slice(at + 1)];
}

/** Whether a command line asks for lines of JSON, be it one that can be run or not. */
export function asksForJson(argv: readonly string[]): boolean {
  const end = argv.indexOf('--');
  return argv
    .slice(0, end === -1 ? argv.length : end)
    .some((word, index, all) =>
      word === 'json'
        ? ['-o', '--output'].includes(all[index - 1] ?? '')
        : ['--json', '-ojson', '--output=json'].includes(word),
    );
}

/** Adds `--output`, and its short form `--wide`, to a command as far as it has forms to choose from. */
export function addFormOptions(command: Command): void {
  const forms = FORMS[command.name()];
  if (forms === undefined) return;
  const list = forms.join(', ');
  const isFiled = command.options.some(({ long }) => long === '--out');
  command.addOption(
    new Option('-o, --output <form>', `the form of what is printed: ${list}`).argParser(
      (text, previous?: string) => {
        if (!forms.some((form) => form === text)) {
          throw new InvalidArgumentError(
            `It is one of ${list}.${isFiled ? ' A file is named with --out FILE.' : ''}`,
          );
        }
        if (previous !== undefined && previous !== text) {
          throw new InvalidArgumentError(`It was ${previous} before.`);
        }
        return text;
      },
    ),
  );
  if (forms.includes('wide')) command.option('--wide', 'show every column; short for -o wide');
}

/** The form that a command line asks for. Ends it as a usage error where that is two forms at once. */
export function formOf(command: Command): { readonly json: boolean; readonly wide: boolean } {
  const { json, wide, output } = command.optsWithGlobals<{ json?: true; wide?: true; output?: string }>();
  const asked = [
    ...(json === true ? [['json', '--json'] as const] : []),
    ...(wide === true ? [['wide', '--wide'] as const] : []),
    ...(output === undefined ? [] : [[output, `-o ${output}`] as const]),
  ];
  const forms = new Set(asked.map(([form]) => form));
  if (forms.size > 1) {
    const options = asked.map(([, option]) => option).join(' and ');
    command.error(`error: ${options} ask for different forms of output`);
  }
  return { json: forms.has('json'), wide: forms.has('wide') };
}
