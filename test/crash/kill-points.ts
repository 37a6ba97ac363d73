/** What a line of the trace means: the numbers are those of docs/internals/transaction.md. */
const LABELS = [
  'mkplan: 1 takes the lock',
  'mkplan: 2, 3 reads the journal and the host, plans',
  'mkplan: BEGIN written, synced',
  'mkplan: starts the helper',
  'mkplan: checks a wave',
  'mkplan: 4 INTENT written, synced',
  'mkplan: 5 change asked of the helper',
  'mkplan: 6 rereads',
  'mkplan: 7 DONE written, synced',
  'mkplan: 8 verifies',
  'mkplan: 8 DECIDED written, synced',
  'mkplan: 9 registry: temporary file made, written, synced',
  'mkplan: 9 registry: renamed',
  'mkplan: 9 registry: directory synced',
  'mkplan: 10 COMMIT written, synced',
  'mkplan: 11 journal emptied',
  'mkplan: lets the helper and the lock go',
  'mkplan undoing: inverse asked of the helper',
  'mkplan undoing: rereads',
  'mkplan undoing: UNDONE written, synced',
  'mkplan undoing: journal closed, emptied',
  'mkplan recovering: 1 takes the lock',
  'mkplan recovering: reads the journal and the kernel',
  'mkplan recovering: starts the helper',
  'mkplan recovering: inverse asked of the helper',
  'mkplan recovering: UNDONE written, synced',
  'mkplan recovering: 9 registry: written, renamed, synced',
  'mkplan recovering: journal closed, emptied',
  'helper: starts, takes its lock',
  'helper: greets',
  'helper: 5 runs ip',
  'helper: answers',
] as const;

export type Point = (typeof LABELS)[number];

/** The order of the rows. */
export function pointOrder(point: Point): number {
  return LABELS.indexOf(point);
}

interface Place {
  readonly point: Point;
  /** Whether the operation had been made when the process died. */
  readonly side: 'before' | 'after';
}

/** Where a process was when it died, by the lines that it wrote to its trace. */
export function pointOf(trace: readonly string[], victim: 'main' | 'helper', isRecovery: boolean): Place {
  const lines = trace.filter((line) => line.startsWith(`${victim} `));
  const [, , , side, ...words] = (lines.at(-1) ?? '').split(' ');
  const operation = words.join(' ');
  const place = { side: side === 'after' ? ('after' as const) : ('before' as const) };
  if (victim === 'helper') return { ...place, point: helperPoint(operation) };
  // Once the journal is emptied, that which was recovered is over.
  const over = isRecovery ? lines.findIndex((line) => line.endsWith('after journal: truncate')) : 0;
  if (over === -1 || (isRecovery && over === lines.length - 1)) {
    return { ...place, point: recoveryPoint(operation, lines.flatMap(markOf)) };
  }
  const marks = lines.slice(over).flatMap(markOf);
  return { ...place, point: mainPoint(operation, marks.slice(Math.max(0, marks.lastIndexOf('BEGIN')))) };
}

/** What tells how far a process came: the records that it wrote to the journal, and ASK where it had routes changed. */
function markOf(line: string): string[] {
  if (line.endsWith('before ask helper: change')) return ['ASK'];
  const record = /before journal: write (\w+)/.exec(line)?.[1];
  return record === undefined ? [] : [record];
}

function helperPoint(operation: string): Point {
  if (operation === 'run ip') return 'helper: 5 runs ip';
  if (operation === 'reply: hello') return 'helper: greets';
  return operation.startsWith('reply') ? 'helper: answers' : 'helper: starts, takes its lock';
}

function recoveryPoint(operation: string, marks: readonly string[]): Point {
  const last = marks.at(-1);
  if (operation.startsWith('registry') || operation.startsWith('state directory')) {
    return 'mkplan recovering: 9 registry: written, renamed, synced';
  }
  if (last === 'CLOSED') return 'mkplan recovering: journal closed, emptied';
  if (operation.startsWith('journal') && last === 'UNDONE')
    return 'mkplan recovering: UNDONE written, synced';
  if (operation === 'ask helper: change') return 'mkplan recovering: inverse asked of the helper';
  if (operation === 'run helper' || operation.startsWith('ask helper')) {
    return 'mkplan recovering: starts the helper';
  }
  return operation === 'run ip' || operation.startsWith('journal')
    ? 'mkplan recovering: reads the journal and the kernel'
    : 'mkplan recovering: 1 takes the lock';
}

/** `marks`: those from BEGIN on, or none before it. */
function mainPoint(operation: string, marks: readonly string[]): Point {
  const records = marks.filter((mark) => mark !== 'ASK');
  const last = records.at(-1);
  if (operation === 'ask helper: take') return 'mkplan: 1 takes the lock';
  if (operation === 'ask helper: release') return 'mkplan: lets the helper and the lock go';
  if (operation === 'run helper' || operation === 'ask helper: hello') return 'mkplan: starts the helper';
  if (operation.startsWith('lock') && last !== undefined) return 'mkplan: lets the helper and the lock go';
  if (isUndoing(marks)) return undoingPoint(operation, last);
  if (operation === 'ask helper: change') return 'mkplan: 5 change asked of the helper';
  if (operation.startsWith('registry: rename')) return 'mkplan: 9 registry: renamed';
  if (operation.startsWith('registry')) return 'mkplan: 9 registry: temporary file made, written, synced';
  if (operation.startsWith('state directory') && last === 'DECIDED') {
    return 'mkplan: 9 registry: directory synced';
  }
  if (operation.startsWith('journal')) return journalPoint(operation, last);
  if (operation === 'run ip') return readPoint(last);
  if (last === undefined) {
    return operation.startsWith('state directory')
      ? 'mkplan: BEGIN written, synced'
      : 'mkplan: 1 takes the lock';
  }
  return 'mkplan: lets the helper and the lock go';
}

/** What is asked for without a new INTENT is an inverse. */
function isUndoing(marks: readonly string[]): boolean {
  return marks.some((mark, at) => mark === 'UNDONE' || (mark === 'ASK' && marks[at - 1] !== 'INTENT'));
}

function undoingPoint(operation: string, last: string | undefined): Point {
  if (operation === 'ask helper: change') return 'mkplan undoing: inverse asked of the helper';
  if (operation === 'run ip') return 'mkplan undoing: rereads';
  return last === 'CLOSED'
    ? 'mkplan undoing: journal closed, emptied'
    : 'mkplan undoing: UNDONE written, synced';
}

function readPoint(last: string | undefined): Point {
  if (last === undefined || last === 'CLOSED') return 'mkplan: 2, 3 reads the journal and the host, plans';
  if (last === 'BEGIN') return 'mkplan: checks a wave';
  return last === 'DONE' ? 'mkplan: 8 verifies' : 'mkplan: 6 rereads';
}

/** The file is opened anew for each record, so an `open` belongs to the record that follows. */
function journalPoint(operation: string, last: string | undefined): Point {
  const isNext = operation.endsWith('open');
  switch (last) {
    case undefined:
      return 'mkplan: 2, 3 reads the journal and the host, plans';
    case 'BEGIN':
      return isNext ? 'mkplan: 4 INTENT written, synced' : 'mkplan: BEGIN written, synced';
    case 'INTENT':
      return isNext ? 'mkplan: 7 DONE written, synced' : 'mkplan: 4 INTENT written, synced';
    case 'DONE':
      return isNext ? 'mkplan: 8 DECIDED written, synced' : 'mkplan: 7 DONE written, synced';
    case 'DECIDED':
      return isNext ? 'mkplan: 10 COMMIT written, synced' : 'mkplan: 8 DECIDED written, synced';
    default:
      return operation.endsWith('truncate')
        ? 'mkplan: 11 journal emptied'
        : 'mkplan: 10 COMMIT written, synced';
  }
}
