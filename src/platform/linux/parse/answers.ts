import type { Answer } from '../../../model/observed.ts';
import type { RouteType } from '../../../model/route.ts';
import { Addresses } from './addresses.ts';
import { parseBatchErrors } from './batch-errors.ts';
import { isRow, isTextOrAbsent, parseRows, tableOf, typeOf, unreadable } from './rows.ts';

const COMMAND = 'ip -N -json -details -force -batch - (route get)';

/**
 * The errors by which `ip route get` tells of a route without next hop, as glibc and musl word them under LC_ALL=C
 * (tried: EHOSTUNREACH, EINVAL, EACCES; with `fibmatch` as well). ENETUNREACH is no route, `throw`, or an IPv4 rule
 * `unreachable`; EACCES and EINVAL come from rules too.
 */
const REJECTED: readonly [RegExp, RouteType][] = [
  [/No route to host|Host is unreachable/, 'unreachable'],
  [/Invalid argument/, 'blackhole'],
  [/Permission denied/, 'prohibit'],
];

interface AnswerRow {
  readonly type?: unknown;
  readonly dst?: unknown;
  readonly gateway?: unknown;
  readonly via?: unknown;
  readonly dev?: unknown;
  readonly table?: unknown;
}

/**
 * What the kernel answered, in the order asked; null where it has no route. `addresses` are canonical, one a line of
 * the batch, which ends with `END_OF_BATCH`.
 */
export function parseAnswers(
  addresses: readonly string[],
  output: { readonly stdout: string; readonly stderr: string },
): (Answer | null)[] {
  const failed = new Map(parseBatchErrors(output.stderr).map(({ line, message }) => [line, message]));
  if (!failed.has(addresses.length + 1)) {
    throw unreadable(COMMAND, `ended early: ${output.stderr.trim().slice(-200)}`);
  }
  const canonical = new Addresses();
  const documents = output.stdout.split('\n').filter((line) => line.trim() !== '');
  let next = 0;
  const answers = addresses.map((address, index) => {
    const message = failed.get(index + 1);
    if (message !== undefined) return rejected(address, message);
    const document = documents[next++] ?? '';
    const [row, ...rest] = parseRows(document, COMMAND);
    const isAnswer = isRow(row) && typeof row['dst'] === 'string' && rest.length === 0;
    if (!isAnswer || canonical.canonical(String(row['dst'])) !== address) {
      throw unreadable(COMMAND, `no answer for ${address}: ${document.slice(0, 200)}`);
    }
    return readAnswer(address, row, canonical);
  });
  if (next !== documents.length) throw unreadable(COMMAND, `an answer too many: ${documents[next] ?? ''}`);
  return answers;
}

function rejected(address: string, message: string): Answer | null {
  const type = REJECTED.find(([pattern]) => pattern.test(message))?.[1];
  return type === undefined ? null : { address, table: null, type, gateway: null, device: null };
}

function readAnswer(address: string, row: AnswerRow, addresses: Addresses): Answer {
  const { type, dev = null } = row;
  const via = row.gateway ?? (isRow(row.via) ? row.via['host'] : row.via);
  const gateway = typeof via === 'string' ? addresses.canonical(via) : null;
  const table = row.table === undefined ? null : tableOf(row.table);
  if (
    (via !== undefined && gateway === null) ||
    table === undefined ||
    !isTextOrAbsent(type) ||
    !(dev === null || typeof dev === 'string')
  ) {
    throw unreadable(COMMAND, JSON.stringify(row));
  }
  return { address, table, type: typeOf(type), gateway, device: dev };
}
