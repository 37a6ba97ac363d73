import { type Diagnostic, messageOf, type Unanswered } from '../../model/diagnostic.ts';
import { shellWord } from '../../model/shell-word.ts';
import { LostConnection } from './answer.ts';

/** Why a call got no answer: each kind has its own code, cause and fix. */
export interface Fault extends Pick<Diagnostic, 'cause' | 'fix' | 'command'> {
  readonly code: Unanswered;
}

/** No answer came in time. */
export class DeadlineExceeded extends Error {
  /** Whether the server took the connection. */
  readonly isConnected: boolean;

  constructor(deadlineMs: number, isConnected: boolean) {
    super(`no answer within ${deadlineMs} ms`);
    this.isConnected = isConnected;
  }
}

/** The server that was asked, and the context that names it. */
interface Asked {
  readonly context: string;
  readonly server: URL;
}

interface Kind {
  readonly code: Unanswered;
  /** A sentence that follows the server's host and port. */
  readonly cause: string;
  readonly fix: string;
  /** What the command shows: the server of the context, or the API server's own answer. */
  readonly shows: 'context' | 'version';
}

const SILENT: Kind = {
  code: 'cluster-silent',
  cause: 'took the connection and sent no answer: its API server is paused, starting or overloaded.',
  fix: 'Resume the cluster if it is paused, or wait until its API server answers.',
  shows: 'version',
};

const UNREACHABLE: Kind = {
  code: 'cluster-unreachable',
  cause: 'takes no connection: its machine is off, or no network leads there.',
  fix: 'Start the machine of the cluster, or connect this host to its network.',
  shows: 'version',
};

const REFUSED: Kind = {
  code: 'cluster-refused',
  cause: 'refuses connections: the API server does not run there, or listens on another port.',
  fix: 'Start the cluster’s API server, or correct the server of this context in the kubeconfig.',
  shows: 'context',
};

const UNRESOLVED: Kind = {
  code: 'cluster-unresolved',
  cause: 'has a name that this host cannot resolve.',
  fix: 'Correct the server of this context in the kubeconfig, or add the name to DNS or the hosts file.',
  shows: 'context',
};

const CUT: Kind = {
  code: 'cluster-cut',
  cause: 'ended the connection before it answered, as an API server does that starts or stops.',
  fix: 'Wait until the API server is ready, then run the command again.',
  shows: 'version',
};

const AUTHORITY: Kind = {
  code: 'certificate-authority',
  cause:
    'has a certificate that the certificate authority of the kubeconfig did not issue: another server has this address, or the cluster was created anew.',
  fix: 'Correct the server or the certificate authority of this context in the kubeconfig.',
  shows: 'context',
};

const EXPIRED: Kind = {
  code: 'certificate-expired',
  cause: 'has a certificate that is not valid at the time that the clock of this host shows.',
  fix: 'Correct the clock of this host if it is wrong; otherwise renew the certificates of the cluster.',
  shows: 'version',
};

const NAME: Kind = {
  code: 'certificate-name',
  cause: 'has a certificate for other names and addresses.',
  fix: 'Let the kubeconfig name a server that the certificate covers, or set its `tls-server-name` to such a name.',
  shows: 'context',
};

const CLIENT: Kind = {
  code: 'client-certificate',
  cause: 'does not accept the client certificate of this context.',
  fix: 'Renew the client certificate of this context: it has expired, or another authority issued it.',
  shows: 'context',
};

const NO_TLS: Kind = {
  code: 'cluster-not-tls',
  cause: 'does not speak TLS, so what answers there is not an API server.',
  fix: 'Correct the server of this context in the kubeconfig: another program has this port.',
  shows: 'context',
};

const OTHER: Kind = {
  code: 'cluster-unreachable',
  cause: 'was not reached.',
  fix: 'Correct what the message names, then run the command again.',
  shows: 'version',
};

/** By `code` of the error: errno(3), getaddrinfo(3), X509_STORE_CTX_get_error(3ssl), and Node's own. */
const BY_CODE: ReadonlyMap<string, Kind> = new Map(
  (
    [
      [REFUSED, ['ECONNREFUSED']],
      [UNREACHABLE, ['EHOSTUNREACH', 'EHOSTDOWN', 'ENETUNREACH', 'ENETDOWN', 'ETIMEDOUT']],
      [UNRESOLVED, ['ENOTFOUND', 'EAI_AGAIN']],
      [CUT, ['ECONNRESET', 'EPIPE']],
      [EXPIRED, ['CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID']],
      [NAME, ['ERR_TLS_CERT_ALTNAME_INVALID']],
      [AUTHORITY, ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'UNABLE_TO_GET_ISSUER_CERT']],
      [AUTHORITY, ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'SELF_SIGNED_CERT_IN_CHAIN']],
      [AUTHORITY, ['DEPTH_ZERO_SELF_SIGNED_CERT', 'CERT_SIGNATURE_FAILURE', 'CERT_UNTRUSTED']],
      [AUTHORITY, ['INVALID_CA', 'INVALID_PURPOSE']],
    ] as const
  ).flatMap(([kind, codes]) => codes.map((code) => [code, kind] as const)),
);

/** What OpenSSL says of a failed handshake, in a code (`ERR_SSL_…`) or, with EPROTO, in the message alone. */
const BY_WORDS: readonly (readonly [RegExp, Kind])[] = [
  // Alerts by which a server refuses the client's certificate (RFC 8446, section 6.2).
  [
    /ALERT_(BAD|UNSUPPORTED)_CERTIFICATE|ALERT_CERTIFICATE_(REVOKED|EXPIRED|UNKNOWN|REQUIRED)|ALERT_UNKNOWN_CA/,
    CLIENT,
  ],
  [/WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|HTTP_REQUEST|BAD_RECORD_TYPE|RECORD_LAYER_FAILURE/, NO_TLS],
];

function kindOf(error: unknown): Kind {
  if (error instanceof DeadlineExceeded) return error.isConnected ? SILENT : UNREACHABLE;
  if (error instanceof LostConnection) return CUT;
  // Of several addresses that were tried, the first that failed says it.
  if (error instanceof AggregateError && error.errors.length > 0) return kindOf(error.errors[0]);
  const code = String((error as NodeJS.ErrnoException | null)?.code);
  const words = `${code} ${messageOf(error)}`.toUpperCase().replaceAll(' ', '_');
  return BY_CODE.get(code) ?? BY_WORDS.find(([pattern]) => pattern.test(words))?.[1] ?? OTHER;
}

/** Why a call to a server got no answer. */
export function faultOf(error: unknown, { context, server }: Asked): Fault {
  const { code, cause, fix, shows } = kindOf(error);
  const name = `--context=${shellWord(context)}`;
  return {
    code,
    cause: `${server.host} ${cause}`,
    fix,
    command:
      shows === 'context' ? `kubectl config view --minify ${name}` : `kubectl ${name} get --raw /version`,
  };
}
