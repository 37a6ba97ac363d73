import type { Diagnostic, Unanswered } from '../../model/diagnostic.ts';
import { shellWord } from '../../model/shell-word.ts';
import { LostConnection } from './answer.ts';

/** What no answer came for, told apart: each has its own code, cause and fix. */
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

/** What a fix may name. */
interface Reached {
  readonly context: string;
  readonly server: URL;
}

type Explain = (reached: Reached) => Fault;

const hostOf = ({ hostname }: URL) => hostname.replace(/^\[(.*)\]$/, '$1');

const view = ({ context }: Reached) => `kubectl config view --minify --context=${shellWord(context)}`;

const version = ({ context }: Reached) => `kubectl --context=${shellWord(context)} get --raw /version`;

/** Shows the certificate that a server sends (openssl-s_client(1)). */
const certificate = ({ server }: Reached) =>
  `openssl s_client -connect ${shellWord(`${server.hostname}:${server.port || 443}`)} -showcerts`;

const SILENT: Explain = (reached) => ({
  code: 'cluster-silent',
  cause: `${reached.server.host} took the connection and sent no answer: its API server is paused, starting or overloaded.`,
  fix: 'Wait until the API server answers, then run the command again.',
  command: version(reached),
});

const UNREACHABLE: Explain = (reached) => ({
  code: 'cluster-unreachable',
  cause: `No connection to ${reached.server.host} came about: its machine is off, or no network leads there.`,
  fix: 'Start the machine of the cluster, or join the network that it is on.',
  command: `ip route get ${shellWord(hostOf(reached.server))}`,
});

const REFUSED: Explain = (reached) => ({
  code: 'cluster-refused',
  cause: `The machine of ${reached.server.host} runs, and nothing listens at that port: its API server does not run, or has another port.`,
  fix: 'Start the API server, or correct the server of this context in the kubeconfig.',
  command: view(reached),
});

const UNRESOLVED: Explain = (reached) => ({
  code: 'cluster-unresolved',
  cause: `The name ${hostOf(reached.server)} has no address here.`,
  fix: 'Correct the server of this context in the kubeconfig, or the name resolution of this host.',
  command: `getent hosts ${shellWord(hostOf(reached.server))}`,
});

const CUT: Explain = (reached) => ({
  code: 'cluster-cut',
  cause: `${reached.server.host} ended the connection before it had answered, as an API server does that starts or stops.`,
  fix: 'Wait until the API server is ready, then run the command again.',
  command: version(reached),
});

const AUTHORITY: Explain = (reached) => ({
  code: 'certificate-authority',
  cause: `The certificate of ${reached.server.host} was not issued by the certificate authority that the kubeconfig names: another cluster has that address, or this one was made anew.`,
  fix: 'Correct the server or the certificate authority of this context in the kubeconfig.',
  command: certificate(reached),
});

const EXPIRED: Explain = (reached) => ({
  code: 'certificate-expired',
  cause: `By the clock of this host, the certificate of ${reached.server.host} is not valid now.`,
  fix: 'Check the clock of this host, then have the cluster renew its certificates.',
  command: certificate(reached),
});

const NAME: Explain = (reached) => ({
  code: 'certificate-name',
  cause: `The certificate of ${reached.server.host} is for other names and addresses, which the summary lists.`,
  fix: 'Name in the kubeconfig a server that the certificate is for, or set its `tls-server-name` to one.',
  command: certificate(reached),
});

const CLIENT: Explain = (reached) => ({
  code: 'client-certificate',
  cause: `${reached.server.host} does not accept the client certificate of this context.`,
  fix: 'Renew the client certificate of this context: it has expired, or another authority issued it.',
  command: view(reached),
});

const NO_TLS: Explain = (reached) => ({
  code: 'cluster-not-tls',
  cause: `What answers at ${reached.server.host} does not speak TLS, so it is not the API server.`,
  fix: 'Correct the server of this context in the kubeconfig: its port belongs to something else.',
  command: view(reached),
});

const OTHER: Explain = (reached) => ({
  code: 'cluster-unreachable',
  cause: `The connection to ${reached.server.host} failed; the summary says how.`,
  fix: 'Correct what the summary says, then run the command again.',
  command: version(reached),
});

/** By `code` of the error: errno(3), getaddrinfo(3), X509_STORE_CTX_get_error(3ssl) and Node's own, as its docs list them. */
const BY_CODE: Readonly<Record<string, Explain>> = {
  ECONNREFUSED: REFUSED,
  EHOSTUNREACH: UNREACHABLE,
  EHOSTDOWN: UNREACHABLE,
  ENETUNREACH: UNREACHABLE,
  ENETDOWN: UNREACHABLE,
  ETIMEDOUT: UNREACHABLE,
  EADDRNOTAVAIL: UNREACHABLE,
  EINVAL: UNREACHABLE,
  ENOTFOUND: UNRESOLVED,
  EAI_AGAIN: UNRESOLVED,
  ECONNRESET: CUT,
  EPIPE: CUT,
  CERT_HAS_EXPIRED: EXPIRED,
  CERT_NOT_YET_VALID: EXPIRED,
  ERR_TLS_CERT_ALTNAME_INVALID: NAME,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: AUTHORITY,
  UNABLE_TO_GET_ISSUER_CERT: AUTHORITY,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: AUTHORITY,
  SELF_SIGNED_CERT_IN_CHAIN: AUTHORITY,
  DEPTH_ZERO_SELF_SIGNED_CERT: AUTHORITY,
  CERT_SIGNATURE_FAILURE: AUTHORITY,
  CERT_UNTRUSTED: AUTHORITY,
  INVALID_CA: AUTHORITY,
  INVALID_PURPOSE: AUTHORITY,
};

/** Alerts by which a server refuses who asks (RFC 8446, section 6.2), as OpenSSL words them. */
const CLIENT_ALERT =
  /ALERT_(BAD|UNSUPPORTED)_CERTIFICATE|ALERT_CERTIFICATE_(REVOKED|EXPIRED|UNKNOWN|REQUIRED)|ALERT_UNKNOWN_CA/;

function ofCode(code: string): Explain | undefined {
  if (Object.hasOwn(BY_CODE, code)) return BY_CODE[code];
  if (CLIENT_ALERT.test(code)) return CLIENT;
  return code === 'EPROTO' || code.startsWith('ERR_SSL_') ? NO_TLS : undefined;
}

/** Why no answer came. Of several addresses that were tried, the first that failed says it. */
export function faultOf(error: unknown, reached: Reached): Fault {
  if (error instanceof DeadlineExceeded) return (error.isConnected ? SILENT : UNREACHABLE)(reached);
  if (error instanceof LostConnection) return CUT(reached);
  if (error instanceof AggregateError && error.errors.length > 0) return faultOf(error.errors[0], reached);
  const code = (error as NodeJS.ErrnoException | null)?.code;
  return ((typeof code === 'string' ? ofCode(code) : undefined) ?? OTHER)(reached);
}
