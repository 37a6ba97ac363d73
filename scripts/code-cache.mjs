import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Script } from 'node:vm';

/** JSON is YAML. Nothing listens on port 1, so planning goes as far as a plan without a cluster goes. */
const SPEC = {
  apiVersion: 'mkplan/v1alpha1',
  kind: 'Tunnel',
  metadata: { name: 'warm' },
  spec: { profiles: [{ name: 'warm', gateway: '192.168.39.2', loadBalancer: { pool: ['10.200.0.0/24'] } }] },
};
const KUBECONFIG = {
  clusters: [{ name: 'warm', cluster: { server: 'https://127.0.0.1:1' } }],
  contexts: [{ name: 'warm', context: { cluster: 'warm', user: 'warm' } }],
};

/** A terminal that shows nothing, in a directory that holds all that a plan looks for. */
function terminalIn(directory) {
  const silent = { write: () => true };
  return {
    env: {
      HOME: directory,
      KUBECONFIG: join(directory, 'kubeconfig'),
      MINIKUBE_HOME: directory,
      XDG_STATE_HOME: directory,
    },
    cwd: directory,
    platform: process.platform,
    stdin: process.stdin,
    stdout: silent,
    stderr: silent,
    signals: { on: () => undefined, off: () => undefined, exit: () => undefined },
  };
}

/**
 * Has V8 compile what commands use, and keeps that beside the program: V8 compiles a function when it is first called,
 * so a plan is made, of this host and of a recorded one. Whatever does not get far here is compiled later, by whoever
 * runs it. Nothing is changed.
 */
export async function writeCodeCache(program, cache, example) {
  const script = new Script(readFileSync(program, 'latin1'), { filename: program });
  const module = { exports: {} };
  script.runInThisContext()(createRequire(program), pathToFileURL(program).href, module);
  const directory = mkdtempSync(join(tmpdir(), 'mkplan-build-'));
  try {
    writeFileSync(join(directory, 'tunnel.yaml'), JSON.stringify(SPEC));
    writeFileSync(join(directory, 'kubeconfig'), JSON.stringify(KUBECONFIG));
    const { run } = module.exports;
    await run(['plan'], terminalIn(directory));
    const recorded = ['plan', join(example, 'tunnel.yaml'), '--observed', join(example, 'observed.yaml')];
    await run(recorded, terminalIn(directory));
    writeFileSync(cache, script.createCachedData());
  } finally {
    rmSync(directory, { recursive: true });
  }
}
