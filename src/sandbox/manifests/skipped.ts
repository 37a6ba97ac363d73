/** What a directory of manifests holds that the sandbox has no use for, counted for one line. */

/** One object, document or file that is left aside. */
export interface Skipped {
  /** What it is, in the singular: the kind of an object, or words whose first is the noun. */
  readonly what: string;
  /** Where it stands. */
  readonly file: string;
}

/** A file that is a manifest only once it is rendered. */
export const TEMPLATE = 'template';
/** A file that is larger than what is read of one. */
export const LARGE_FILE = 'file over 1 MiB';
/** An object whose kind, namespace and name an earlier one has: an overlay of it, or a patch. */
export const DUPLICATE = 'duplicate';
/** Values of a Helm chart, a list of patches, and whatever else is not an object of a cluster. */
export const KINDLESS = 'document without a kind';

/** Those of which the line names one: their count alone says too little. */
const NAMED: readonly string[] = [TEMPLATE, LARGE_FILE, DUPLICATE];

/** How many groups the line counts each by itself. */
const MAX_GROUPS = 8;

/** `Ingresses`, `NetworkPolicies`, `documents without a kind`. */
function plural(what: string): string {
  const [noun = '', ...rest] = what.split(' ');
  const many = /(s|x|ch|sh)$/.test(noun)
    ? `${noun}es`
    : /[^aeiou]y$/.test(noun)
      ? `${noun.slice(0, -1)}ies`
      : `${noun}s`;
  return [many, ...rest].join(' ');
}

function describeGroup([what, files]: readonly [string, readonly string[]]): string {
  const count = files.length === 1 ? `1 ${what}` : `${files.length} ${plural(what)}`;
  if (!NAMED.includes(what)) return count;
  return `${count} (${files.length === 1 ? '' : 'such as '}${files[0] ?? ''})`;
}

/** `14 objects: 9 Deployments, 3 ConfigMaps, …`, the most numerous first; null where nothing was skipped. */
export function describeSkipped(skipped: readonly Skipped[]): string | null {
  if (skipped.length === 0) return null;
  const groups = new Map<string, string[]>();
  for (const { what, file } of skipped) groups.set(what, [...(groups.get(what) ?? []), file]);
  const sorted = [...groups].sort(([a, x], [b, y]) => y.length - x.length || (a < b ? -1 : 1));
  const rest = sorted.slice(MAX_GROUPS).reduce((sum, [, files]) => sum + files.length, 0);
  const listed = sorted.slice(0, MAX_GROUPS).map(describeGroup);
  const total = skipped.length === 1 ? '1 object' : `${skipped.length} objects`;
  return `${total}: ${[...listed, ...(rest === 0 ? [] : [`${rest} of other kinds`])].join(', ')}`;
}
