// `npm run testbed`: builds the programs of the cluster tier (kube-apiserver, kube-proxy, kubectl, etcd) once, outside the checkout.
// `--where`: says as JSON where they are and why one is missing, and builds nothing.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { root } from './setup.mjs';

const modules = join(root, 'testbed');
const kubernetes = /^\s*k8s\.io\/kubernetes (v1\.(\d+)\.\d+)/m.exec(
  readFileSync(join(modules, 'go.mod'), 'utf8'),
);
const [, version, minor] = kubernetes ?? [];

// kube-apiserver tells its version from these, and refuses to start without.
const STAMP = [
  '-s -w',
  `-X k8s.io/component-base/version.gitVersion=${version}`,
  '-X k8s.io/component-base/version.gitMajor=1',
  `-X k8s.io/component-base/version.gitMinor=${minor}`,
].join(' ');

const PROGRAMS = [
  { name: 'etcd', module: join(modules, 'etcd'), path: 'go.etcd.io/etcd/server/v3', ldflags: '-s -w' },
  { name: 'kube-apiserver', module: modules, path: 'k8s.io/kubernetes/cmd/kube-apiserver', ldflags: STAMP },
  { name: 'kube-proxy', module: modules, path: 'k8s.io/kubernetes/cmd/kube-proxy', ldflags: STAMP },
  { name: 'kubectl', module: modules, path: 'k8s.io/kubernetes/cmd/kubectl', ldflags: STAMP },
];

/** Where this checkout's programs are kept: other pins, another folder. */
function cache() {
  const hash = createHash('sha256').update(
    JSON.stringify([PROGRAMS.map(({ ldflags }) => ldflags), process.arch]),
  );
  for (const folder of [modules, join(modules, 'etcd')]) {
    for (const file of ['go.mod', 'go.sum']) hash.update(readFileSync(join(folder, file)));
  }
  const base = process.env.XDG_CACHE_HOME || join(homedir(), '.cache');
  return join(base, 'mkplan-testbed', hash.digest('hex').slice(0, 16));
}

/** Where a program is: given by $KUBEBUILDER_ASSETS, or built before; null when neither. */
function find(name) {
  const given = process.env.KUBEBUILDER_ASSETS;
  const places = [...(given ? [resolve(given, name)] : []), join(cache(), name)];
  return places.find((place) => existsSync(place)) ?? null;
}

/** Why none of it can be built here; null when it can. */
function buildRefused() {
  if (process.platform !== 'linux')
    return `this is ${process.platform}, and the test bed is made of Linux namespaces`;
  return spawnSync('go', ['version']).error
    ? 'Go is not installed (go.dev/dl), and KUBEBUILDER_ASSETS does not name it all'
    : null;
}

/** Where the programs are, by name, and why the cluster tier cannot run; null when it can. */
export function testbed() {
  const programs = Object.fromEntries(PROGRAMS.map(({ name }) => [name, find(name)]));
  const absent = PROGRAMS.map(({ name }) => name).filter((name) => programs[name] === null);
  const missing =
    absent.length === 0
      ? null
      : `${absent.join(', ')} not built yet; ${buildRefused() ?? 'run `npm run testbed` once (minutes, and 3 GB of Go modules and cache)'}`;
  return { programs, missing };
}

/** Builds one program; it appears whole or not at all. */
function build({ name, module, path, ldflags }) {
  const target = join(cache(), name);
  const unfinished = `${target}.${process.pid}`;
  const began = Date.now();
  process.stdout.write(`building ${name} …\n`);
  mkdirSync(cache(), { recursive: true });
  const { status, error } = spawnSync('go', ['build', '-ldflags', ldflags, '-o', unfinished, path], {
    cwd: module,
    stdio: 'inherit',
    env: { ...process.env, CGO_ENABLED: '0', GOFLAGS: '-mod=readonly -buildvcs=false', GOWORK: 'off' },
  });
  if (error || status !== 0) {
    process.stderr.write(`building ${name} failed: ${error?.message ?? `exit ${status}`}\n`);
    process.exit(1);
  }
  renameSync(unfinished, target);
  process.stdout.write(`built ${name} in ${Math.round((Date.now() - began) / 1000)} s: ${target}\n`);
}

function main() {
  if (process.argv.includes('--where')) {
    process.stdout.write(`${JSON.stringify(testbed())}\n`);
    return;
  }
  const absent = PROGRAMS.filter(({ name }) => find(name) === null);
  const refused = absent.length === 0 ? null : buildRefused();
  if (refused !== null) {
    process.stderr.write(`no test bed: ${refused}\n`);
    process.exit(1);
  }
  for (const program of absent) build(program);
  for (const { name } of PROGRAMS) process.stdout.write(`${name}: ${find(name)}\n`);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) main();
