import { readdir, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { Failure, messageOf } from '../../model/diagnostic.ts';
import { readBounded, UnfitFile } from '../../platform/bounded-file.ts';

/** One file of manifests. */
export interface ManifestFile {
  readonly file: string;
  /** Null where the file is larger than what is read of one. */
  readonly text: string | null;
  /** Whether it is a template of a Helm chart, which is a manifest only once it is rendered; it is not read. */
  readonly isTemplate?: boolean;
}

/** The largest file that is read, in bytes. */
const MAX_FILE_BYTES = 1024 * 1024;
const MAX_FILES = 2000;
/** Bytes of all files together. */
const MAX_BYTES = 16 * 1024 * 1024;
/** Directory entries that are looked at before the directory is taken for the wrong one. */
const MAX_ENTRIES = 50_000;

const MANIFEST = /\.(ya?ml|json)$/;
/** Dependencies of JavaScript projects; no manifests of the repository's own are in there. */
const FOREIGN_DIRECTORY = 'node_modules';

function unreadable(path: string, error: unknown): Failure {
  return new Failure(
    'error',
    [
      {
        code: 'manifest-unreadable',
        severity: 'error',
        summary: `cannot read ${path}: ${messageOf(error)}`,
        cause: 'the sandbox is made of the manifests at that path',
        fix: 'Name a directory that holds *.yaml files, or one such file.',
      },
    ],
    { cause: error },
  );
}

interface FoundFile {
  readonly path: string;
  readonly isTemplate: boolean;
}

/** Finds the manifests of a directory and all below it, in the order of their paths. */
class Search {
  readonly found: FoundFile[] = [];
  #entries = 0;

  /** `chart` is the Helm chart that the directory belongs to, if any. Throws what reading a directory throws. */
  async directory(path: string, chart: string | null): Promise<void> {
    const entries = (await readdir(path, { withFileTypes: true })).sort((a, b) => (a.name < b.name ? -1 : 1));
    this.#entries += entries.length;
    if (this.#entries > MAX_ENTRIES) throw new RangeError(`more than ${MAX_ENTRIES} entries are below it`);
    const home = entries.some(({ name }) => name === 'Chart.yaml') ? path : chart;
    for (const entry of entries) {
      const child = join(path, entry.name);
      if (entry.isDirectory()) {
        const isHidden = entry.name.startsWith('.') || entry.name === FOREIGN_DIRECTORY;
        if (!isHidden) await this.directory(child, home);
      } else if (MANIFEST.test(entry.name) && !(entry.isSymbolicLink() && (await isLinkToDirectory(child)))) {
        const isTemplate = home !== null && child.startsWith(join(home, 'templates') + sep);
        this.found.push({ path: child, isTemplate });
        if (this.found.length > MAX_FILES) throw new RangeError(`more than ${MAX_FILES} files are below it`);
      }
    }
  }
}

/** A link to a directory is not followed: it leads out of what was named, or round in a circle. */
async function isLinkToDirectory(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch {
    // Reading the file says what is wrong with it.
    return false;
  }
}

/** The text of a file; null where it is too large. Throws an UnfitFile for what is not a file, and what reading it throws. */
async function readOne(path: string): Promise<string | null> {
  try {
    return (await readBounded(path, { maxBytes: MAX_FILE_BYTES })).toString('utf8');
  } catch (thrown) {
    if (thrown instanceof UnfitFile && thrown.why === 'size') return null;
    throw thrown;
  }
}

async function findFiles(path: string): Promise<FoundFile[]> {
  const stats = await stat(path);
  if (!stats.isDirectory()) return [{ path, isTemplate: false }];
  const search = new Search();
  await search.directory(path, null);
  if (search.found.length === 0) throw new Error('no *.yaml file is in it or below it');
  return search.found;
}

/**
 * Reads every *.yaml, *.yml and *.json file of a directory and of those below it, in the order of their paths, or the
 * one file that is named. Hidden directories, node_modules and links to directories are left aside. Throws a Failure.
 */
export async function readManifestFiles(path: string): Promise<ManifestFile[]> {
  let found: FoundFile[];
  try {
    found = await findFiles(path);
  } catch (error) {
    throw unreadable(path, error);
  }
  const files: ManifestFile[] = [];
  let bytes = 0;
  for (const { path: file, isTemplate } of found) {
    try {
      const text = isTemplate ? '' : await readOne(file);
      bytes += text?.length ?? 0;
      files.push({ file, text, isTemplate });
    } catch (error) {
      throw unreadable(file, error);
    }
    if (bytes > MAX_BYTES)
      throw unreadable(path, new RangeError(`more than ${MAX_BYTES} bytes are below it`));
  }
  return files;
}
