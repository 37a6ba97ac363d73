/**
 * Characters that a reader does not see, or that move what a reader sees: controls, format characters (bidi marks, joiners,
 * tags, the soft hyphen, the byte order mark), surrogates that stand alone, line and paragraph separators (Unicode
 * general categories Cc, Cf, Cs, Zl, Zp). Every text that comes from outside is rid of them by this one rule.
 */
export const INVISIBLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

/** Nearly every text is: told fast, since a plan has some for every route and Service. */
const PLAIN = /^[ -~]*$/;

/** One invisible character as JSON escapes it, so that an escape loses nothing where JSON is read: `\u202e`, `\udb40\udc01`. */
export function escapeInvisible(character: string): string {
  let escaped = '';
  for (let at = 0; at < character.length; at++) {
    escaped += `\\u${character.charCodeAt(at).toString(16).padStart(4, '0')}`;
  }
  return escaped;
}

/**
 * Text from a file, a cluster, the kernel or a command line, as a line or a part of one: what does not show becomes an
 * escape, line breaks too, which could forge the next line.
 */
export function printableLine(text: string): string {
  return PLAIN.test(text) ? text : text.replace(INVISIBLE, escapeInvisible);
}
