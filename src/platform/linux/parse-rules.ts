import type { Rule } from '../../model/observed.ts';
import type { Family } from '../../model/prefix.ts';
import { isCount, parseRows, typeOf, unreadable } from './rows.ts';

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

/** Rules of one family, from `ip -N -json -4|-6 rule`, in the order in which they are asked. */
export function parseRules(text: string, family: Family): Rule[] {
  const command = `ip -N -json -${family} rule`;
  return parseRows(text, command).map((row) => {
    const rule = readRule(row, family);
    if (rule === null) throw unreadable(command, JSON.stringify(row));
    return rule;
  });
}

function readRule(row: unknown, family: Family): Rule | null {
  if (typeof row !== 'object' || row === null) return null;
  const fields = new Map<string, unknown>(Object.entries(row));
  const priority = fields.get('priority');
  const table = fields.has('table') ? Number(fields.get('table')) : null;
  const suppress = fields.has('suppress_prefixlen') ? Number(fields.get('suppress_prefixlen')) : null;
  if (
    !isCount(priority) ||
    !(table === null || isCount(table)) ||
    !(suppress === null || isCount(suppress))
  ) {
    return null;
  }
  return { family, priority, table, suppressPrefixLength: suppress, selector: selectorOf(fields) };
}

/**
 * Everything of a rule that the model has no field for, as text: what it matches, and what it does where that is no
 * lookup (unreachable, goto, nop …), so that such a rule is never taken for one that always answers.
 */
function selectorOf(fields: ReadonlyMap<string, unknown>): string {
  const words: string[] = [];
  // It turns the meaning of all the others round, so it leads.
  if (fields.has('not')) words.push('not');
  if ((fields.get('src') ?? 'all') !== 'all') words.push(`from ${withLength(fields, 'src')}`);
  for (const [key, value] of fields) {
    if (RULE_FIELDS.has(key)) continue;
    if (key === 'dst') words.push(`to ${withLength(fields, 'dst')}`);
    else if (key === 'action') words.push(actionOf(String(value)));
    else words.push(value === null ? key : `${key} ${String(value)}`);
  }
  return words.join(' ');
}

function withLength(fields: ReadonlyMap<string, unknown>, key: 'src' | 'dst'): string {
  const length = fields.get(`${key}len`);
  return length === undefined ? String(fields.get(key)) : `${fields.get(key)}/${length}`;
}

function actionOf(action: string): string {
  const type = typeOf(action);
  return type === 'other' ? `action ${action}` : type;
}
