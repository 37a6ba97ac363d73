// Bundles the program into dist/: its entries, and the command line.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { chmod, readdir, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { noticesOf } from './notices.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const outdir = join(root, 'dist');

/** What the cluster client needs for proxies, logins and paths in JSON: src/kubernetes refuses contexts that ask for any of it. */
const REFUSED = /^(socks-proxy-agent|hpagent|openid-client|jsonpath-plus|node-fetch)$/;

/** Node has had its own WHATWG URL since version 10; the package would add 290 KB. */
const NATIVE = /^whatwg-url$/;

/** Of bundles inside of bundles, whose inputs the outer one does not list. */
const nested = [];

/**
 * Of the cluster client only KubeConfig is used. It is bundled by itself first, with everything that it imports marked
 * as free of side effects (true, but not declared), since inside a lazily loaded script nothing is left out: the models
 * of the whole Kubernetes API would come along.
 */
const kubeConfigOnly = {
  name: 'kube-config-only',
  setup(bundler) {
    bundler.onResolve({ filter: /^@kubernetes\/client-node$/ }, ({ path }) => ({
      path,
      namespace: 'kube-config',
    }));
    bundler.onLoad({ filter: /.*/, namespace: 'kube-config' }, async () => {
      const { outputFiles, metafile } = await build({
        absWorkingDir: root,
        stdin: { contents: "export { KubeConfig } from '@kubernetes/client-node';", resolveDir: root },
        bundle: true,
        write: false,
        metafile: true,
        platform: 'node',
        target: 'node20',
        format: 'esm',
        plugins: [leaner],
      });
      nested.push(metafile);
      return { contents: outputFiles[0].text, resolveDir: root };
    });
  },
};

const leaner = {
  name: 'leaner',
  setup(bundler) {
    bundler.onResolve({ filter: NATIVE }, ({ path }) => ({ path, namespace: 'native' }));
    bundler.onLoad({ filter: /.*/, namespace: 'native' }, () => ({
      contents:
        'export const { URL, URLSearchParams } = globalThis; export default { URL, URLSearchParams };',
    }));
    bundler.onResolve({ filter: REFUSED }, ({ path }) => ({
      path,
      namespace: 'refused',
      sideEffects: false,
    }));
    bundler.onLoad({ filter: /.*/, namespace: 'refused' }, () => ({ contents: 'module.exports = {};' }));
    bundler.onResolve({ filter: /.*/ }, async ({ path, importer, kind, resolveDir, pluginData }) => {
      if (pluginData === leaner || !importer.includes('/node_modules/@kubernetes/client-node/'))
        return undefined;
      const found = await bundler.resolve(path, { importer, kind, resolveDir, pluginData: leaner });
      return found.errors.length > 0 ? undefined : { ...found, sideEffects: false };
    });
  },
};

const common = {
  absWorkingDir: root,
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'cjs',
  legalComments: 'external',
  metafile: true,
  logLevel: 'warning',
  plugins: [kubeConfigOnly],
};

const digest = (path) => createHash('sha256').update(readFileSync(path)).digest('hex');

// The command line that `main` loads, as one function (src/cli/load-program.ts). What is imported lazily runs when it is first used.
const program = join(outdir, 'program.cjs');
// It knows the program by its hash: none may ever stand beside a program that it was not built with.
await rm(join(outdir, 'main.js'), { force: true });
const bundle = await build({
  ...common,
  entryPoints: ['src/cli/program.ts'],
  outfile: program,
  // It is read as Latin-1, which is quicker than UTF-8.
  charset: 'ascii',
  define: { 'import.meta.url': 'programUrl' },
  banner: { js: '(function (require, programUrl, module) {' },
  footer: { js: '})' },
});

// The entries: what `node` is called with. Scripts, too: Node starts them sooner than modules.
const entry = { ...common, outdir, define: { 'import.meta.filename': '__filename' } };
const entries = await build({
  ...entry,
  entryPoints: { helper: 'src/helper/entry.ts', sandbox: 'src/sandbox/entry.ts' },
});
const main = await build({
  ...entry,
  entryPoints: { main: 'src/cli/entry.ts' },
  // A Node that is too old reads it as well, to say so.
  target: 'es2015',
  define: { 'import.meta.dirname': '__dirname', PROGRAM_SHA256: JSON.stringify(digest(program)) },
});
await chmod(join(outdir, 'main.js'), 0o755);
// The package's own says that .js is a module.
const kind = join(outdir, 'package.json');
await writeFile(kind, '{ "type": "commonjs" }\n');

const notices = join(outdir, 'THIRD-PARTY.LEGAL.txt');
const metafiles = [bundle.metafile, entries.metafile, main.metafile, ...nested];
await writeFile(notices, noticesOf(metafiles, root));

// Chunks of earlier builds have other hashes in their names; they go only after the new ones are in place.
const outputs = [bundle, entries, main].flatMap(({ metafile }) => Object.keys(metafile.outputs));
const written = new Set([...outputs, kind, notices].map((path) => basename(path)));
for (const name of await readdir(outdir)) {
  if (!written.has(name)) await rm(join(outdir, name), { recursive: true });
}
