import { execFile } from 'node:child_process';
import { access, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** The last commit whose formats had no numbers but the registry's and the journal's. */
const COMMIT = '7c242fa';

const run = promisify(execFile);

/** Why the older build cannot be made here; null where it can. */
export async function requireHistory(): Promise<string | null> {
  try {
    await run('git', ['cat-file', '-e', `${COMMIT}^{commit}`], { cwd: root });
    return null;
  } catch {
    // Git's own words are of no help: a tarball and a shallow clone have no history.
    return `this is not a clone with commit ${COMMIT}; a shallow clone does not have it`;
  }
}

/** The older build, made of its commit with the packages of this checkout. */
export interface OlderBuild {
  /** Its program. */
  readonly main: string;
  remove(): Promise<void>;
}

export async function buildOlder(): Promise<OlderBuild> {
  const directory = await mkdtemp(join(tmpdir(), 'mkplan-older-'));
  const remove = async () => await rm(directory, { recursive: true });
  try {
    await run('git', ['archive', '--output', join(directory, 'older.tar'), COMMIT], { cwd: root });
    await run('tar', ['-xf', 'older.tar'], { cwd: directory });
    await symlink(join(root, 'node_modules'), join(directory, 'node_modules'));
    await run(process.execPath, ['scripts/generate.mjs'], { cwd: directory });
    await run(process.execPath, ['scripts/build.mjs'], { cwd: directory });
    const main = join(directory, 'dist', 'main.js');
    await access(main);
    return { main, remove };
  } catch (error) {
    await remove();
    throw error;
  }
}
