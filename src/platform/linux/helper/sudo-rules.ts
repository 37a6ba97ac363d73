/** One entry of a listing of `sudo -ll`: what sudo(8) lets a user run, and how. */
export interface SudoEntry {
  /** As sudoers(5) writes them: `ALL`, or a path with the arguments that it may have; without digests, and none that is excluded. */
  readonly commands: readonly string[];
  readonly asRoot: boolean;
  /** Whether a password is asked for; `unclear` where a default that is meant for some commands decides. */
  readonly password: 'needed' | 'unneeded' | 'unclear';
  /** A variable that the user may pass on, by which Node runs code of the user's; null where there is none. */
  readonly variable: string | null;
}

/** sudo breaks what is wider than a terminal, or than 80 columns, at its blanks; the rest is indented by eight. */
const BROKEN_LINE = /\n {8}/g;

/** Variables that have a Node of root, or its loader, run code that they name. */
const VARIABLES = ['NODE_OPTIONS', 'OPENSSL_CONF', 'LD_PRELOAD', 'LD_AUDIT', 'LD_LIBRARY_PATH'];

/** Digests before a command (sha256:…), which sudo compares with the program alone. */
const DIGESTS = /^(?:sha\d+:\S+ )+/;

/** Reads the listing of `sudo -ll -U USER`, which begins with the defaults that hold for the user and for commands. */
export function parseSudoEntries(listing: string): SudoEntry[] {
  const [head = '', ...entries] = listing.replace(BROKEN_LINE, ' ').split(/^Sudoers entry:/m);
  const [general = '', specific = ''] = head.split('Runas and Command-specific defaults');
  return entries.map((entry) => {
    const options = /^\s*Options: (.*)$/m.exec(entry)?.[1] ?? '';
    const users = /^\s*RunAsUsers: (.*)$/m.exec(entry)?.[1]?.split(', ') ?? ['root'];
    const [, commands = ''] = entry.split(/^\s*Commands:\n/m);
    const asks = setting(options, 'authenticate') ?? setting(general, 'authenticate') ?? true;
    const perhaps = setting(options, 'authenticate') === null && setting(specific, 'authenticate') === false;
    return {
      commands: commands
        .split('\n')
        .map((line) => line.trim().replace(DIGESTS, ''))
        .filter((line) => line !== '' && !line.startsWith('!')),
      asRoot: users.some((user) => ['root', 'ALL', '#0'].includes(user)) && !users.includes('!root'),
      password: !asks ? 'unneeded' : perhaps ? 'unclear' : 'needed',
      variable: passedVariable([general, specific, options]),
    };
  });
}

/** What the last mention of a flag sets it to; null where it is not mentioned. */
function setting(text: string, flag: string): boolean | null {
  const mentions = [...text.matchAll(new RegExp(`(?<=^|[\\s,])(!?)${flag}(?=$|[\\s,])`, 'g'))];
  const last = mentions.at(-1);
  return last === undefined ? null : last[1] === '';
}

function passedVariable(settings: readonly string[]): string | null {
  const any = settings.reduce<boolean>((before, text) => setting(text, 'setenv') ?? before, false);
  const all = settings.some((text) => setting(text, 'env_reset') === false);
  if (any || all) return 'NODE_OPTIONS';
  const kept = [...settings.join(' ').matchAll(/env_keep\s*\+?=\s*(?:"([^"]*)"|([^\s,]+))/g)];
  const patterns = kept.flatMap(([, quoted, plain]) => (quoted ?? plain ?? '').split(/\s+/));
  const names = patterns.map((pattern) => globExpression(pattern.split('=')[0] ?? ''));
  return VARIABLES.find((variable) => names.some((name) => name.test(variable))) ?? null;
}

/** A pattern of fnmatch(3), in which `*` stands for slashes and blanks too, as a regular expression for all of a text. */
export function globExpression(pattern: string): RegExp {
  const text = pattern
    .replaceAll(/[.+^${}()|\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  try {
    return new RegExp(`^${text.replaceAll('[!', '[^')}$`, 's');
  } catch {
    // Brackets that are not a set: such a pattern stands for itself.
    return new RegExp(`^${text.replaceAll(/[[\]]/g, '\\$&')}$`, 's');
  }
}
