import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The checkout that these scripts belong to. */
export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** The built command line. */
export const mkplan = join(root, 'dist', 'main.js');

/**
 * Runs a program with this terminal and returns its exit code.
 * @param {string[]} argv
 * @param {import('node:child_process').SpawnSyncOptions} [options]
 */
export function run([program, ...args], options = {}) {
  const { status, signal, error } = spawnSync(program, args, { cwd: root, stdio: 'inherit', ...options });
  if (error) throw error;
  if (signal) process.stderr.write(`${program} was ended by ${signal}\n`);
  return status ?? 1;
}

/** Runs a program and ends this script with its exit code when it fails. */
export function must(argv, options) {
  const code = run(argv, options);
  if (code !== 0) {
    process.stderr.write(`failed (exit ${code}): ${argv.join(' ')}\n`);
    process.exit(code);
  }
}

/** The npm that called this, or the one on the PATH. */
export function npm(...args) {
  const cli = process.env.npm_execpath;
  return cli?.endsWith('.js') ? [process.execPath, cli, ...args] : ['npm', ...args];
}

/** Installs what package-lock.json names, unless that is what node_modules holds already. */
export function install() {
  const marker = join(root, 'node_modules', '.package-lock.json');
  const lock = join(root, 'package-lock.json');
  if (existsSync(marker) && statSync(marker).mtimeMs >= statSync(lock).mtimeMs && holdsAll(lock, marker))
    return;
  process.stdout.write('installing dependencies …\n');
  // No package's own scripts, all of what builds, and really: whatever the caller's npm is set to or was called with.
  const always = ['--ignore-scripts', '--include=dev', '--dry-run=false'];
  must(npm('ci', ...always, '--no-audit', '--no-fund', '--loglevel=error'));
}

/** Whether every package that the lock file wants on this platform is there in the same version. */
function holdsAll(lock, marker) {
  const wanted = JSON.parse(readFileSync(lock, 'utf8')).packages;
  const held = JSON.parse(readFileSync(marker, 'utf8')).packages;
  return Object.entries(wanted).every(
    ([path, { version, optional }]) => path === '' || optional || held[path]?.version === version,
  );
}

/** Builds dist/. */
export function build() {
  must([process.execPath, join(root, 'scripts', 'generate.mjs')]);
  must([process.execPath, join(root, 'scripts', 'build.mjs')]);
}

/**
 * Bundles sources of this checkout as programs for Node, one file each.
 * @param {import('esbuild').BuildOptions} options
 */
export async function bundle(options) {
  // Only after the installation: a fresh clone has no esbuild.
  const { build: bundled } = await import('esbuild');
  await bundled({
    absWorkingDir: root,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    logLevel: 'warning',
    // Bundled CommonJS packages still call require for Node's own modules, which ESM does not have.
    banner: {
      js: "import { createRequire as createBundleRequire } from 'node:module'; const require = createBundleRequire(import.meta.url);",
    },
    ...options,
  });
}

/** Why network namespaces cannot be made here; null when they can. */
export function namespacesRefused() {
  if (process.platform !== 'linux')
    return `this is ${process.platform}, and network namespaces are a Linux thing`;
  for (const [program, args, what] of [
    ['ip', ['-V'], 'ip (iproute2) is not installed'],
    ['unshare', ['--version'], 'unshare (util-linux) is not installed'],
  ]) {
    if (spawnSync(program, args).error) return what;
  }
  const probe = spawnSync('unshare', ['--user', '--map-root-user', '--net', 'true'], { encoding: 'utf8' });
  return probe.status === 0 ? null : `unprivileged user namespaces are refused here: ${probe.stderr.trim()}`;
}

/** Why no user for whom sudo works can be made here; null when one can: in namespaces with an /etc of their own. */
export function sudoRefused() {
  if (process.getuid?.() !== 0) return 'only root can make a user for whom sudo works';
  for (const program of ['sudo', 'visudo', 'useradd', 'chpasswd', 'setpriv', 'script']) {
    if (spawnSync(program, ['--help']).error) return `${program} is not installed`;
  }
  const probe = spawnSync('unshare', ['--net', '--mount', 'mount', '-t', 'tmpfs', 'none', '/mnt'], {
    encoding: 'utf8',
  });
  return probe.status === 0 ? null : `root may not mount here: ${probe.stderr.trim()}`;
}
