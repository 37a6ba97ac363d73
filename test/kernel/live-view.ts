import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Terminal } from '@xterm/headless';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const PROGRAM = join(root, 'dist', 'main.js');

const SERVICES = 40;
/** Addresses of the pool: three fewer than there are Services. */
const POOL = '10.200.0.1-10.200.0.37';

const SPEC = `apiVersion: mkplan/v1alpha1
kind: Tunnel
metadata: { name: dev }
spec:
  profiles:
    - name: minikube
      loadBalancer: { pool: [${POOL}] }
`;

/** What someone deletes by hand once the session lives, one after the other, so that the order of what follows is known. */
export const DELETED = ['10.96.0.0/12', '10.244.0.0/24', '10.244.1.0/24'];

/**
 * Applies, watches, deletes routes, and lets the test change the size of the terminal: whoever writes `resize` finds it
 * carried out when the file is gone.
 */
const SCRIPT = `
mkplan apply --auto-approve >apply.log 2>&1 || exit 1
(
  until ls "$XDG_STATE_HOME"/mkplan/sessions/*.json >/dev/null 2>&1; do sleep 0.05; done
  for net in ${DELETED.join(' ')}; do
    ip route del $net
    until ip route show $net | grep -q .; do sleep 0.05; done
  done
  while sleep 0.05; do
    [ -f resize ] && stty $(cat resize) </dev/tty && rm resize
  done
) </dev/null >/dev/null 2>&1 &
mkplan watch --auto-approve
kill $!
`;

function serviceManifest(index: number): string {
  const name = `web-${String(index + 1).padStart(2, '0')}`;
  return `apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: default }
spec:
  type: LoadBalancer
  ports: [{ name: http, port: 80, targetPort: 80, protocol: TCP }]
`;
}

/** `mkplan watch` in a sandbox, in a terminal that is emulated: what it shows is what a person would see. */
export class WatchedTerminal {
  readonly #terminal: Terminal;
  readonly #child: ChildProcess;
  readonly #directory: string;

  private constructor(terminal: Terminal, child: ChildProcess, directory: string) {
    this.#terminal = terminal;
    this.#child = child;
    this.#directory = directory;
    child.stdout?.on('data', (chunk: Buffer) => terminal.write(chunk));
  }

  static async start(columns: number, rows: number): Promise<WatchedTerminal> {
    const directory = await mkdtemp(join(tmpdir(), 'mkplan-live-view-'));
    const manifests = join(directory, 'k8s');
    await mkdir(manifests);
    await copyFile(join(root, 'examples', 'sandbox', 'nodes.yaml'), join(manifests, 'nodes.yaml'));
    const services = Array.from({ length: SERVICES }, (_, index) => serviceManifest(index));
    await writeFile(join(manifests, 'services.yaml'), services.join('---\n'));
    await writeFile(join(directory, 'tunnel.yaml'), SPEC);
    await writeFile(join(directory, 'session.sh'), SCRIPT);
    const command = `stty cols ${columns} rows ${rows}; exec '${process.execPath}' '${PROGRAM}' sandbox --manifests k8s -- sh session.sh`;
    const child = spawn('script', ['-qefc', command, '/dev/null'], {
      cwd: directory,
      env: { ...process.env, NO_COLOR: '1', TERM: 'xterm', TZ: 'UTC' },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const terminal = new Terminal({ cols: columns, rows, allowProposedApi: true });
    return new WatchedTerminal(terminal, child, directory);
  }

  /** What is on the screen, without blanks at the ends of lines. */
  shown(): string {
    const { active } = this.#terminal.buffer;
    const lines = Array.from(
      { length: this.#terminal.rows },
      (_, index) => active.getLine(active.baseY + index)?.translateToString(true) ?? '',
    );
    return `${lines.join('\n').trimEnd()}\n`;
  }

  /** Changes the size as a terminal does: it breaks its lines anew, and tells the program. */
  async resize(columns: number, rows: number): Promise<void> {
    this.#terminal.resize(columns, rows);
    await writeFile(join(this.#directory, 'resize'), `cols ${columns} rows ${rows}`);
  }

  /** Presses Ctrl-C, and waits until everything has ended. */
  async interrupt(): Promise<void> {
    const exited = once(this.#child, 'exit');
    this.#child.stdin?.write('\u0003');
    await exited;
  }

  async close(): Promise<void> {
    if (this.#child.exitCode === null) {
      const exited = once(this.#child, 'exit');
      // Its terminal is gone with it, which ends everything in the sandbox.
      this.#child.kill('SIGKILL');
      await exited;
    }
    this.#terminal.dispose();
    await rm(this.#directory, { recursive: true, force: true });
  }
}
