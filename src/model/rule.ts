import type { Rule } from './observed.ts';
import { MAIN_TABLE } from './route.ts';

/** Whether a rule discards what its table answers by a prefix of this length (ip-rule(8), `suppress_prefixlength`). */
export function isSuppressed(rule: Rule, length: number): boolean {
  return rule.suppressPrefixLength !== null && length <= rule.suppressPrefixLength;
}

/**
 * Of one family's rules, in the order in which they are asked: those that may decide before a route of this length in main
 * certainly is asked. What is before main for a length of 0 is so for every length, or more.
 */
export function rulesBeforeMain(rules: readonly Rule[], length: number): readonly Rule[] {
  const end = rules.findIndex(
    (rule) =>
      rule.table === MAIN_TABLE &&
      rule.applies === 'always' &&
      rule.to === null &&
      !rule.not &&
      !isSuppressed(rule, length),
  );
  return end < 0 ? rules : rules.slice(0, end);
}
