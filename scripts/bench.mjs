// `npm run bench [-- [--check] NAME…]`: installs, builds, and measures mkplan against the floors of bench/.
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { build as buildProgram, bundle, install, mkplan, root, run } from './setup.mjs';

install();
buildProgram();

// Beside the sources: what starts a cluster finds its parts by where it stands.
const outdir = mkdtempSync(join(root, 'bench', '.out-'));
let code = 1;
try {
  await bundle({
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
  });
  cpSync(join(root, 'test', 'cluster', 'relay.mjs'), join(outdir, 'relay.mjs'));
  cpSync(join(root, 'test', 'kernel', 'probe.mjs'), join(outdir, 'probe.mjs'));
  code = run([process.execPath, join(outdir, 'main.mjs'), '--mkplan', mkplan, ...process.argv.slice(2)]);
} finally {
  rmSync(outdir, { recursive: true });
}
process.exit(code);
