import { createSecureContext } from 'node:tls';
import { Failure, messageOf } from '../../model/diagnostic.ts';
import { printableLine } from '../../model/text/printable.ts';
import type { CommandResult, CommandRunner } from '../../platform/command.ts';
import type { CredentialSource, Credentials } from '../client/link.ts';
import { readCredentialFile } from './credential-files.ts';
import { type CredentialProgram, programText } from './credential-program.ts';
import type { KubeContext } from './kubeconfig.ts';

export interface ProgramOptions {
  readonly runner: CommandRunner;
  /** Milliseconds until the program is killed. */
  readonly timeoutMs: number;
}

/** What a program made, and until when it is good: milliseconds since 1970, or null for as long as it works. */
interface Made {
  readonly credentials: Credentials;
  readonly endsAt: number | null;
}

interface Status {
  readonly token?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly endsAt: number | null;
}

type Entry = Readonly<Record<string, unknown>>;

const STDERR_SHOWN = 1000;
const CLUSTER_EXTENSION = 'client.authentication.k8s.io/exec';

function entryOf(value: unknown): Entry {
  return typeof value === 'object' && value !== null ? (value as Entry) : {};
}

/** A text that is there and not empty, as the entry of an object; else nothing. */
function textAs<K extends string>(key: K, value: unknown): Partial<Record<K, string>> {
  return typeof value === 'string' && value !== '' ? ({ [key]: value } as Record<K, string>) : {};
}

/**
 * Credentials that a program makes, by the ExecCredential protocol
 * (https://kubernetes.io/docs/reference/config-api/client-authentication.v1/). It is run when the first call needs it,
 * again when what it made has expired, and once for each call that the server refused for its credentials.
 */
export class ProgramCredentials implements CredentialSource {
  readonly #context: KubeContext;
  readonly #program: CredentialProgram;
  readonly #base: Credentials;
  readonly #options: ProgramOptions;
  readonly #closed = new AbortController();
  #made: Made | null = null;
  #running: Promise<Credentials> | null = null;

  /** `base` is what the kubeconfig itself says of the cluster and the user. */
  constructor(context: KubeContext, program: CredentialProgram, base: Credentials, options: ProgramOptions) {
    this.#context = context;
    this.#program = program;
    this.#base = base;
    this.#options = options;
  }

  async current(): Promise<Credentials> {
    const made = this.#made;
    if (made === null || (made.endsAt !== null && made.endsAt <= Date.now())) return await this.#make();
    return made.credentials;
  }

  async renew(refused: Credentials): Promise<Credentials> {
    const made = this.#made?.credentials;
    // Another call, refused for the same, came first.
    return made !== undefined && made !== refused ? made : await this.#make();
  }

  close(): void {
    this.#closed.abort(new Error('the client was closed'));
  }

  /** Run once for all that wait for it. */
  #make(): Promise<Credentials> {
    this.#running ??= this.#run().finally(() => {
      this.#running = null;
    });
    return this.#running;
  }

  async #run(): Promise<Credentials> {
    const { token, cert, key, endsAt } = this.#read(await this.#output());
    const { tls, headers } = this.#base;
    const credentials = {
      tls: cert === undefined || key === undefined ? tls : { ...tls, cert, key },
      // What the kubeconfig itself gives goes before, as with kubectl.
      headers: { ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }), ...headers },
    };
    this.#made = { credentials, endsAt };
    return credentials;
  }

  async #output(): Promise<string> {
    const { argv, env, installHint } = this.#program;
    const info = JSON.stringify(await this.#info());
    const { runner, timeoutMs } = this.#options;
    let result: CommandResult;
    try {
      result = await runner.run(argv, {
        env: { ...env, KUBERNETES_EXEC_INFO: info },
        timeoutMs,
        signal: this.#closed.signal,
      });
    } catch (error) {
      this.#closed.signal.throwIfAborted();
      if (error instanceof Failure) throw error;
      const fix = installHint === '' ? 'Install it, or correct the kubeconfig.' : installHint;
      const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
      const what = isMissing ? `${argv[0]} was not found` : messageOf(error);
      throw this.#failure(what, 'The program could not be started.', fix, error);
    }
    const lines = result.stderr.trim().slice(-STDERR_SHOWN).split('\n');
    const said = lines.map(printableLine).join('\n');
    const cause = said === '' ? 'It said nothing on standard error.' : `It said: ${said}`;
    if (result.timedOut) throw this.#failure(`it was not done within ${timeoutMs / 1000} s`, cause);
    if (result.code !== 0) {
      const last = said.split('\n').at(-1) ?? '';
      const why = last === '' ? '' : `: ${last}`;
      throw this.#failure(`it ended with exit code ${result.code ?? 'none'}${why}`, cause);
    }
    return result.stdout;
  }

  /** What KUBERNETES_EXEC_INFO tells the program. */
  async #info(): Promise<Entry> {
    const { apiVersion, takesCluster } = this.#program;
    const cluster = takesCluster ? { cluster: await this.#clusterInfo() } : {};
    return { apiVersion, kind: 'ExecCredential', spec: { interactive: false, ...cluster } };
  }

  async #clusterInfo(): Promise<Entry> {
    const { cluster } = this.#context;
    const file = cluster['certificate-authority'];
    const data = cluster['certificate-authority-data'];
    const ca =
      data ?? (typeof file === 'string' ? (await readCredentialFile(file)).toString('base64') : undefined);
    const extensions = Array.isArray(cluster['extensions']) ? cluster['extensions'].map(entryOf) : [];
    return {
      server: cluster['server'],
      ...textAs('tls-server-name', cluster['tls-server-name']),
      ...(cluster['insecure-skip-tls-verify'] === true ? { 'insecure-skip-tls-verify': true } : {}),
      ...textAs('certificate-authority-data', ca),
      config: extensions.find(({ name }) => name === CLUSTER_EXTENSION)?.['extension'] ?? null,
    };
  }

  /** Reads an ExecCredential. What was printed is never shown: there may be a secret in it. */
  #read(output: string): Status {
    const wrong = 'It has to print an ExecCredential on standard output, and nothing else.';
    let printed: Entry;
    try {
      printed = entryOf(JSON.parse(output));
    } catch {
      throw this.#failure('what it printed is not JSON', wrong);
    }
    const { apiVersion } = this.#program;
    if (printed['kind'] !== 'ExecCredential') throw this.#failure('it printed no ExecCredential', wrong);
    if (printed['apiVersion'] !== apiVersion) {
      const answered = printed['apiVersion'];
      const version = typeof answered === 'string' ? answered.slice(0, 100) : 'none';
      throw this.#failure(`it answered with apiVersion ${version}`, `The kubeconfig asks for ${apiVersion}.`);
    }
    const status = entryOf(printed['status']);
    const read = {
      ...textAs('token', status['token']),
      ...textAs('cert', status['clientCertificateData']),
      ...textAs('key', status['clientKeyData']),
      endsAt: this.#endOf(status['expirationTimestamp']),
    };
    if ((read.cert === undefined) !== (read.key === undefined) || (read.token ?? read.cert) === undefined) {
      throw this.#failure('it gave neither a token nor a certificate with its key', wrong);
    }
    this.#checkCertificate(read);
    return read;
  }

  #endOf(timestamp: unknown): number | null {
    if (timestamp === undefined || timestamp === null) return null;
    const endsAt = typeof timestamp === 'string' ? Date.parse(timestamp) : Number.NaN;
    if (Number.isNaN(endsAt))
      throw this.#failure('its expirationTimestamp is not a time', 'RFC 3339 says how a time is written.');
    return endsAt;
  }

  #checkCertificate({ cert, key }: Status): void {
    if (cert === undefined) return;
    try {
      createSecureContext({ cert, key });
    } catch (error) {
      throw this.#failure(
        `its certificate or key cannot be read: ${messageOf(error)}`,
        'Both have to be PEM.',
        undefined,
        error,
      );
    }
  }

  #failure(
    what: string,
    cause: string,
    fix = 'Run it by hand, and see what is wrong.',
    error?: unknown,
  ): Failure {
    const program = programText(this.#program);
    return new Failure(
      'error',
      [
        {
          code: 'credentials-program',
          severity: 'error',
          summary: `context "${this.#context.name}": the program that makes its credentials failed: ${what}`,
          cause,
          fix,
          command: program,
        },
      ],
      { cause: error },
    );
  }
}
