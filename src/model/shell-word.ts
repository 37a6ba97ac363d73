/** One word of a command for people to copy, quoted for sh(1): a spec names contexts, and a spec is not trusted. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
