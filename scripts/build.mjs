// Bundles the program into dist/: three entries that share split chunks, so that a command loads only what it uses.
import { chmod, readdir, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const outdir = join(root, 'dist');

/** Node has had its own WHATWG URL since version 10; the package would add 290 KB to the cluster client. */
const nativeUrl = {
  name: 'native-url',
  setup(bundler) {
    bundler.onResolve({ filter: /^whatwg-url$/ }, () => ({ path: 'whatwg-url', namespace: 'native-url' }));
    bundler.onLoad({ filter: /.*/, namespace: 'native-url' }, () => ({
      contents:
        'export const { URL, URLSearchParams } = globalThis; export default { URL, URLSearchParams };',
    }));
  },
};

/**
 * The cluster client and what it rests on only declare things, but do not say so in their package.json: without this
 * every model of the Kubernetes API would be loaded for the few functions that are used.
 */
const pureClient = {
  name: 'pure-client',
  setup(bundler) {
    bundler.onResolve({ filter: /.*/ }, async (args) => {
      if (args.pluginData === pureClient) return undefined;
      const inside = args.importer.includes('/node_modules/@kubernetes/client-node/');
      if (!inside && args.path !== '@kubernetes/client-node') return undefined;
      const { path, importer, kind, resolveDir } = args;
      const found = await bundler.resolve(path, { importer, kind, resolveDir, pluginData: pureClient });
      return found.errors.length > 0 ? undefined : { ...found, sideEffects: false };
    });
  },
};

const result = await build({
  absWorkingDir: root,
  entryPoints: {
    main: 'src/cli/main.ts',
    helper: 'src/helper/main.ts',
    sandbox: 'src/sandbox/main.ts',
  },
  outdir,
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  chunkNames: '[name]-[hash]',
  legalComments: 'external',
  metafile: true,
  logLevel: 'warning',
  plugins: [nativeUrl, pureClient],
  // Bundled CommonJS packages still call require for Node's own modules, which ESM does not have.
  banner: {
    js: "import { createRequire as createBundleRequire } from 'node:module'; const require = createBundleRequire(import.meta.url);",
  },
});

// Chunks of earlier builds have other hashes in their names; they go only after the new ones are in place.
const written = new Set(Object.keys(result.metafile.outputs).map((path) => basename(path)));
for (const name of await readdir(outdir)) {
  if (!written.has(name)) await rm(join(outdir, name), { recursive: true });
}
await chmod(join(outdir, 'main.js'), 0o755);
