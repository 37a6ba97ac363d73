/** Some releases of Node: those of one major from a minor on, and with `open` all later majors. */
interface Releases {
  readonly major: number;
  readonly minor: number;
  readonly open: boolean;
}

/** Oldest first; package.json's `engines` says the same to npm. */
export const SUPPORTED: readonly Releases[] = [
  { major: 20, minor: 19, open: false },
  { major: 22, minor: 12, open: false },
  { major: 24, minor: 0, open: true },
];

/**
 * One line that says why mkplan does not run on this Node (`process.versions.node`); null if it does. Very old Nodes
 * run this, so it calls nothing that is newer than ES2015.
 */
export function whyUnsupported(version: string): string | null {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const covers = (some: Releases) =>
    (major === some.major && minor >= some.minor) || (some.open && major > some.major);
  if (SUPPORTED.some(covers)) return null;
  const isOlder = (some: Releases) => major < some.major || (major === some.major && minor < some.minor);
  const needed = SUPPORTED.every(isOlder)
    ? SUPPORTED.slice(0, 1).map((least) => `Node ${least.major}.${least.minor} or later`)
    : SUPPORTED.map((some) =>
        some.open ? `or Node ${some.major} or later` : `Node ${some.major} from ${some.major}.${some.minor}`,
      );
  return `mkplan needs ${needed.join(', ')}; this is ${version}`;
}
