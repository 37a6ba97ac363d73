// `npm run bench [-- [--check] NAME…]`: installs, builds, and measures mkplan against the floors of bench/.
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { build as buildProgram, install, mkplan, root, run } from './setup.mjs';

install();
buildProgram();

// Only after the installation: a fresh clone has no esbuild.
const { build: bundle } = await import('esbuild');
// Beside the sources: what starts a cluster finds its parts by where it stands.
const outdir = mkdtempSync(join(root, 'bench', '.out-'));
let code = 1;
try {
  await bundle({
    absWorkingDir: root,
    entryPoints: {
      main: 'bench/main.ts',
      api: 'bench/api.ts',
      load: 'bench/load.ts',
      'churn-load': 'bench/churn-load.ts',
      'floor-list': 'bench/floors/list.ts',
      'floor-large': 'bench/floors/large.ts',
      'floor-apply': 'bench/floors/apply.ts',
      'floor-serve': 'bench/floors/serve.ts',
      'floor-restore': 'bench/floors/restore.ts',
    },
    outdir,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    logLevel: 'warning',
    // Bundled CommonJS packages still call require for Node's own modules, which ESM does not have.
    banner: {
      js: "import { createRequire as createBundleRequire } from 'node:module'; const require = createBundleRequire(import.meta.url);",
    },
  });
  cpSync(join(root, 'test', 'cluster', 'relay.mjs'), join(outdir, 'relay.mjs'));
  cpSync(join(root, 'test', 'kernel', 'probe.mjs'), join(outdir, 'probe.mjs'));
  code = run([process.execPath, join(outdir, 'main.mjs'), '--mkplan', mkplan, ...process.argv.slice(2)]);
} finally {
  rmSync(outdir, { recursive: true });
}
process.exit(code);
