import type { Rule } from '../../../model/observed.ts';
import type { Family, Prefix } from '../../../model/prefix.ts';
import { readDestination } from './read-prefix.ts';
import { isCount, isRow, parseRows, shown, tableOf, typeOf, unreadable } from './rows.ts';

type Row = Readonly<Record<string, unknown>>;

/** Keys that need no words of their own; `protocol` says who made the rule and decides nothing. */
const RULE_FIELDS: ReadonlySet<string> = new Set([
  'priority',
  'src',
  'srclen',
  'dstlen',
  'not',
  'table',
  'suppress_prefixlen',
  'protocol',
]);

/** Keys that neither have to hold nor are the action: where the packet goes, and realms (ip-rule(8)), which no route needs. */
const NO_CONDITIONS: ReadonlySet<string> = new Set([
  ...RULE_FIELDS,
  ...[
    'dst',
    'action',
    'goto',
    'unresolved',
    'flow_from',
    'flow_to',
    'fwmask',
    'iif_detached',
    'oif_detached',
  ],
]);

/** Rules of one family, from `ip -N -json -4|-6 rule`, in the order in which they are asked. */
export function parseRules(text: string, family: Family): Rule[] {
  const command = `ip -N -json -${family} rule`;
  return parseRows(text, command).map((row) => {
    if (!isRow(row)) throw unreadable(command, JSON.stringify(row));
    const rule = readRule(row, family);
    if (rule === null) throw unreadable(command, JSON.stringify(row));
    return rule;
  });
}

function readRule(row: Row, family: Family): Rule | null {
  const { priority, suppress_prefixlen: suppress = null } = row;
  const table = row['table'] === undefined ? null : tableOf(row['table']);
  const to = row['dst'] === undefined ? null : prefixOf(row, 'dst', family);
  const isFromAll = (row['src'] ?? 'all') === 'all';
  const from = isFromAll ? null : prefixOf(row, 'src', family);
  if (!isCount(priority) || !(suppress === null || isCount(suppress))) return null;
  if (table === undefined || to === undefined) return null;
  if (from === undefined) return null;
  const action = actionOf(row, table);
  return {
    family,
    priority,
    action,
    table: action === 'lookup' ? table : null,
    suppressPrefixLength: suppress,
    to: to?.length === 0 ? null : to,
    applies: appliesOf(row, from),
    not: row['not'] !== undefined,
    selector: selectorOf(row, isFromAll),
  };
}

/** Undefined where it is not a prefix of the family; a single address comes without its length. */
function prefixOf(row: Row, key: 'src' | 'dst', family: Family): Prefix | undefined {
  const { [key]: text, [`${key}len`]: length } = row;
  if (typeof text !== 'string' || text.includes('/') || !(length === undefined || isCount(length)))
    return undefined;
  return readDestination(length === undefined ? text : `${text}/${length}`, family) ?? undefined;
}

function actionOf(row: Row, table: number | null): Rule['action'] {
  if (row['action'] !== undefined) {
    const type = typeOf(shown(row['action']));
    return type === 'unreachable' || type === 'prohibit' || type === 'blackhole' ? type : 'other';
  }
  return table === null ? 'other' : 'lookup';
}

/**
 * Whether a rule applies to what this host itself sends with neither mark nor tos, and no source address chosen yet,
 * as ip-route(8) `get` asks: `from` a prefix does not, `iif lo` does (locally generated), and any other device does
 * not. A condition on the user, the port or anything that nobody knows yet may hold or not.
 */
function appliesOf(row: Row, from: Prefix | null): Rule['applies'] {
  const conditions = Object.entries(row)
    .filter(([key]) => !NO_CONDITIONS.has(key))
    .map(([key, value]) => holds(key, value, row['fwmask']));
  // Until a source is chosen, it is 0.0.0.0, and in IPv6 none at all (tried).
  if (from !== null && from.start !== 0) conditions.push('never');
  if (conditions.includes('never')) return 'never';
  return conditions.includes('unknown') ? 'unknown' : 'always';
}

function holds(key: string, value: unknown, mask: unknown): Rule['applies'] {
  switch (key) {
    case 'fwmark':
      if (Number.isNaN(bits(value)) || (mask !== undefined && Number.isNaN(bits(mask)))) return 'unknown';
      return isUnmarked(value, mask) ? 'always' : 'never';
    case 'iif':
      return value === 'lo' ? 'always' : 'never';
    case 'tos':
    case 'oif':
    case 'nop':
      return 'never';
    default:
      return 'unknown';
  }
}

/** A mark or mask as `ip` prints it; NaN for anything else. */
function bits(value: unknown): number {
  return typeof value === 'string' && /^(0x[0-9a-f]{1,8}|\d{1,10})$/.test(value) ? Number(value) : Number.NaN;
}

/** Whether a packet without a mark carries this one under this mask. */
function isUnmarked(mark: unknown, mask: unknown): boolean {
  return (bits(mark) & (mask === undefined ? 0xffff_ffff : bits(mask))) === 0;
}

/** Everything that a rule has besides its table, as text. */
function selectorOf(row: Row, isFromAll: boolean): string {
  const words: string[] = [];
  // It turns the meaning of all the others round, so it leads.
  if (row['not'] !== undefined) words.push('not');
  if (!isFromAll) words.push(`from ${withLength(row, 'src')}`);
  for (const [key, value] of Object.entries(row)) {
    if (RULE_FIELDS.has(key)) continue;
    if (key === 'dst') words.push(`to ${withLength(row, 'dst')}`);
    else if (key === 'action') words.push(wordOf(shown(value)));
    else words.push(value === null ? key : `${key} ${shown(value)}`);
  }
  return words.join(' ');
}

function withLength(row: Row, key: 'src' | 'dst'): string {
  const length = row[`${key}len`];
  return length === undefined ? shown(row[key]) : `${shown(row[key])}/${shown(length)}`;
}

function wordOf(action: string): string {
  const type = typeOf(action);
  return type === 'other' ? `action ${action}` : type;
}
