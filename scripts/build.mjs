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
  plugins: [nativeUrl],
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
