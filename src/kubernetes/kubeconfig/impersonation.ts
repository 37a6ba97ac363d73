type Entry = Readonly<Record<string, unknown>>;

/** A header as it is sent; a list as one header for each of its values. */
export type SentHeaders = Readonly<Record<string, string | readonly string[]>>;

/** Characters that a header's name may have (RFC 9110, section 5.6.2), but for the % that escapes the others. */
const TOKEN = /[!#$&'*+.^_`|~0-9A-Za-z-]/;

/** Bytes beyond ASCII as they are: Node sends a text as Latin-1. Throws an Error where it cannot be sent. */
function encoded(key: string, text: string): string {
  for (const character of ['\r', '\n', '\0']) {
    if (text.includes(character)) throw new Error(`${key} has a line break, or a character of no text`);
  }
  return Buffer.from(text, 'utf8').toString('latin1');
}

function escapedName(name: string): string {
  const bytes = [...Buffer.from(name, 'utf8')];
  return bytes
    .map((byte) => {
      const character = String.fromCharCode(byte);
      return TOKEN.test(character) ? character : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
    })
    .join('');
}

function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.map((one) => String(one ?? '')) : [];
}

/**
 * The headers that have calls made as somebody else
 * (https://kubernetes.io/docs/reference/access-authn-authz/authentication/#user-impersonation). Throws an Error where
 * a value cannot be sent.
 */
export function impersonationHeaders(user: Entry): SentHeaders {
  const { as, 'as-uid': uid, 'as-groups': groups, 'as-user-extra': extra } = user;
  if (typeof as !== 'string') return {};
  const extras = Object.entries((extra ?? {}) as Entry).map(
    ([key, values]) => [`Impersonate-Extra-${escapedName(key)}`, 'as-user-extra', texts(values)] as const,
  );
  const named = [
    ['Impersonate-User', 'as', [as]] as const,
    ['Impersonate-Uid', 'as-uid', typeof uid === 'string' ? [uid] : []] as const,
    ['Impersonate-Group', 'as-groups', texts(groups)] as const,
    ...extras,
  ];
  return Object.fromEntries(
    named
      .filter(([, , values]) => values.length > 0)
      .map(([header, key, values]) => [header, values.map((value) => encoded(key, value))]),
  );
}
