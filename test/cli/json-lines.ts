import { StringDecoder } from 'node:string_decoder';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import eventsSchema from '../../schema/events.schema.json' with { type: 'json' };
import planSchema from '../../schema/plan.schema.json' with { type: 'json' };
import { specNames } from '../../src/cli/arguments/paths.ts';
import { NEW_SESSION } from '../../src/cli/session/session-state.ts';
import { type JsonLine, linesOf } from '../../src/cli/views/json/json-lines.ts';
import { Output } from '../../src/cli/views/output.ts';
import type { WatchEvent } from '../../src/model/event.ts';
import type { StatusReport } from '../../src/planner/status/report.ts';
import { fakeTerminal } from './terminals.ts';

/** One line, as far as every line is alike. */
export interface Line {
  readonly type: string;
  readonly seq: number;
  readonly time: string;
  readonly [field: string]: unknown;
}

/** Categories of Unicode whose characters a terminal acts on or does not show; those outside the BMP apart. */
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;

const ajv = new Ajv2020({ strict: true, allowUnionTypes: true, schemas: [planSchema] });
const validators = new Map<string, ValidateFunction>();

/** The schema narrowed to the lines of one type: what it then reports is not about all the others. */
function validatorOf(type: string): ValidateFunction {
  const known = validators.get(type);
  if (known !== undefined) return known;
  const oneOf = eventsSchema.oneOf.filter((line) => line.properties.type.const === type);
  if (oneOf.length === 0) throw new Error(`no line of type ${type} is in schema/events.schema.json`);
  const compiled = ajv.compile({ ...eventsSchema, $id: `${eventsSchema.$id}:${type}`, oneOf });
  validators.set(type, compiled);
  return compiled;
}

/** Whether an argv runs mkplan with `--json`. What stands after `--` belongs to another program; a shell may send the lines elsewhere. */
export function asksForLines(argv: readonly string[]): boolean {
  const program = argv.findIndex((word) => word.endsWith('/main.js'));
  if (program < 0 || argv.slice(0, program).includes('sh')) return false;
  const [own = ''] = argv.slice(program).join('\0').split('\0--\0');
  return own.split('\0').includes('--json');
}

/** Holds what a run with `--json` prints to schema/events.schema.json, line by line, as it comes. */
export class LineCheck {
  readonly #decoder = new StringDecoder('utf8');
  #rest = '';
  #count = 0;
  #last: Line | null = null;
  readonly #faults: unknown[] = [];

  /** Throws at the first line that is not as it should be; what comes after that one is no longer looked at. */
  take(chunk: Buffer | string): void {
    if (this.#faults.length > 0) return;
    this.#rest += typeof chunk === 'string' ? chunk : this.#decoder.write(chunk);
    const lines = this.#rest.split('\n');
    this.#rest = lines.pop() ?? '';
    try {
      for (const line of lines) this.#check(line);
    } catch (fault) {
      this.#faults.push(fault);
      throw fault;
    }
  }

  /** Throws unless the last line is a summary with this exit code. */
  end(exitCode: number): void {
    if (this.#faults.length > 0) return;
    if (this.#rest !== '') throw new Error(`--json: a line is cut: ${this.#rest}`);
    if (this.#last?.type !== 'summary')
      throw new Error(`--json: the last line is no summary: ${JSON.stringify(this.#last)}`);
    if (this.#last['exitCode'] !== exitCode)
      throw new Error(`--json: the summary says ${this.#last['exitCode']}, the process ${exitCode}`);
  }

  #check(text: string): void {
    const invisible = INVISIBLE.exec(text);
    if (invisible !== null) throw new Error(`--json: U+${hexOf(invisible[0])} stands in ${text}`);
    const line: Line = JSON.parse(text);
    const isValid = validatorOf(line.type);
    if (!isValid(line)) throw new Error(`--json: ${ajv.errorsText(isValid.errors)} in ${text}`);
    if (line.seq !== this.#count) throw new Error(`--json: ${this.#count} lines came before ${text}`);
    if ((line.type === 'version') !== (this.#count === 0))
      throw new Error(`--json: the version line is the first one, and no other: ${text}`);
    if (this.#last?.type === 'summary') throw new Error(`--json: after the summary came ${text}`);
    this.#count++;
    this.#last = line;
  }
}

function hexOf(character: string): string {
  return (character.codePointAt(0) ?? 0).toString(16);
}

/** Checks the whole of what a run with `--json` printed, and returns its lines; `exitCode` is null for one that was killed. */
export function checkedLines(stdout: string, exitCode: number | null): Line[] {
  const check = new LineCheck();
  check.take(stdout);
  if (exitCode !== null) check.end(exitCode);
  return stdout
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line));
}

/** Holds the events of a session to the schema: each is told by `--json` as a line. Returns what hears them. */
export function checkingEvents(): (event: WatchEvent) => void {
  const check = new LineCheck();
  const { terminal, stdout } = fakeTerminal();
  const output = new Output(terminal, { form: 'json', color: false });
  const names = specNames('tunnel.yaml', '/nowhere');
  let checked = 0;
  return (event) => {
    output.tell({ type: 'session', event, session: NEW_SESSION, names });
    // Not within the write: who writes need not care what becomes of it.
    const told = stdout();
    check.take(told.slice(checked));
    checked = told.length;
  };
}

/** A status report as lines. `answers`: by `endpointKey`, whether a TCP connection was taken. */
export function statusLines(
  report: StatusReport,
  spec: string,
  answers: ReadonlyMap<string, boolean>,
): readonly JsonLine[] {
  return linesOf({ type: 'status', report, spec, answers, tunnel: 'dev', hasSpec: true, session: null });
}
