import { type Command, InvalidArgumentError, Option } from 'commander';
import { FORM_NAMES, FORMS, type FormName } from '../views/forms.ts';

/** The commands whose output has tables. */
const TABLES: ReadonlySet<string> = new Set([
  'plan',
  'apply',
  'watch',
  'destroy',
  'status',
  'cleanup',
  'show',
]);

/** The commands whose output has none. */
const LINES: ReadonlySet<string> = new Set(['init', 'validate', 'confirm', 'import', 'version', 'observe']);

/** What the text of a command is called that prints a document. */
const DOCUMENTS: Readonly<Record<string, string>> = { observe: 'yaml' };

/** The forms that the output of a command has, by the names that it has for them; the first one is its usual form. */
function formsOf(command: string): ReadonlyMap<string, FormName> {
  const hasTables = TABLES.has(command);
  if (!hasTables && !LINES.has(command)) return new Map();
  const { [command]: document = 'text' } = DOCUMENTS;
  const others = FORM_NAMES.filter((name) => name !== 'text' && name !== document);
  const forms = others.filter((name) => hasTables || !FORMS[name].isOfTables);
  return new Map([[document, 'text'], ...forms.map((name) => [name, name] as const)]);
}

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

/** The form for programs that a command line asks for, be it one that can be run or not; null where it asks for none. */
export function programFormOf(argv: readonly string[]): FormName | null {
  const end = argv.indexOf('--');
  const words = argv.slice(0, end === -1 ? argv.length : end);
  const asked = words.map((word, index) => {
    if (word === '--json') return 'json';
    if (['-o', '--output'].includes(words[index - 1] ?? '')) return word;
    return /^(?:-o|--output=)(.+)$/.exec(word)?.[1];
  });
  return FORM_NAMES.find((name) => FORMS[name].isForPrograms && asked.includes(name)) ?? null;
}

/** Adds `--output`, and its short form `--wide`, to a command as far as it has forms to choose from. */
export function addFormOptions(command: Command): void {
  const forms = formsOf(command.name());
  if (forms.size === 0) return;
  const list = [...forms.keys()].join(', ');
  const isFiled = command.options.some(({ long }) => long === '--out');
  command.addOption(
    new Option('-o, --output <form>', `the form of what is printed: ${list}`).argParser(
      (text, previous?: string) => {
        if (!forms.has(text)) {
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
  if (forms.has('wide')) command.option('--wide', 'show every column; short for -o wide');
}

/** The form that a command line asks for. Ends it as a usage error where that is two forms at once. */
export function formOf(command: Command): FormName {
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
  const [form = 'text'] = forms;
  return form === 'json' ? 'json' : (formsOf(command.name()).get(form) ?? 'text');
}
