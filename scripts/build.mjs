// Bundles the program into dist/: its entries, the command line, and V8's code cache of that.
import { chmod, readdir, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { writeCodeCache } from './code-cache.mjs';
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
  legalComments: 'external',
  metafile: true,
  logLevel: 'warning',
  plugins: [kubeConfigOnly],
};

// The entries: what `node` is called with.
const entries = await build({
  ...common,
  entryPoints: {
    main: 'src/cli/main.ts',
    helper: 'src/helper/main.ts',
    sandbox: 'src/sandbox/main.ts',
  },
  outdir,
  format: 'esm',
  // Bundled CommonJS packages still call require for Node's own modules, which ESM does not have.
  banner: {
    js: "import { createRequire as createBundleRequire } from 'node:module'; const require = createBundleRequire(import.meta.url);",
  },
});

// The command line that `main` loads, as one function (src/cli/load-program.ts). What is imported lazily runs when it is first used.
const program = join(outdir, 'program.cjs');
const cache = join(outdir, 'program.cache');
// V8 tells a cache's script by its length alone: none may ever stand beside a script that it was not made of.
await rm(cache, { force: true });
const bundle = await build({
  ...common,
  entryPoints: ['src/cli/program.ts'],
  outfile: program,
  format: 'cjs',
  // It is read as Latin-1, which is quicker than UTF-8.
  charset: 'ascii',
  define: { 'import.meta.url': 'programUrl' },
  banner: { js: '(function (require, programUrl, module) {' },
  footer: { js: '})' },
});
await writeCodeCache(program, cache, join(root, 'examples', 'kvm'));

const notices = join(outdir, 'THIRD-PARTY.LEGAL.txt');
const metafiles = [entries.metafile, bundle.metafile, ...nested];
await writeFile(notices, noticesOf(metafiles, root));

// Chunks of earlier builds have other hashes in their names; they go only after the new ones are in place.
const outputs = [entries, bundle].flatMap(({ metafile }) => Object.keys(metafile.outputs));
const written = new Set([...outputs, cache, notices].map((path) => basename(path)));
for (const name of await readdir(outdir)) {
  if (!written.has(name)) await rm(join(outdir, name), { recursive: true });
}
await chmod(join(outdir, 'main.js'), 0o755);
