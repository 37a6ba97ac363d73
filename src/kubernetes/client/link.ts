import { X509Certificate } from 'node:crypto';
import { Agent, type AgentOptions } from 'node:https';
import { checkServerIdentity, createSecureContext, type PeerCertificate } from 'node:tls';

/** What proves the server to us, and us to the server. */
export interface Credentials {
  readonly tls: {
    readonly ca?: string | Buffer;
    readonly cert?: string | Buffer;
    readonly key?: string | Buffer;
    readonly servername?: string;
    readonly rejectUnauthorized: boolean;
  };
  /** Sent with every call. */
  readonly headers: Readonly<Record<string, string>>;
}

/** Credentials that end. Throws a Failure where none can be had. */
export interface CredentialSource {
  /** Those to call with now; the same object as long as they are the same. */
  current(): Promise<Credentials>;
  /** Others than those, which the server refused. */
  renew(refused: Credentials): Promise<Credentials>;
  /** What is under way fails. */
  close(): void;
}

/** As Node does it (RFC 6125), but that Node 22.23 takes an IPv6 address for a name, which no certificate has. */
function checkIdentity(host: string, certificate: PeerCertificate): Error | undefined {
  // No name has a colon (RFC 3986, section 3.2.2); Node's own test takes 5 ms the first time.
  if (host.includes(':') && new X509Certificate(certificate.raw).checkIP(host) !== undefined)
    return undefined;
  return checkServerIdentity(host, certificate);
}

/** The connections of one client with one set of credentials: kept ones for calls, and one of its own for each stream. */
export class Link {
  readonly credentials: Credentials;
  readonly calls: Agent;
  readonly streams: Agent;

  /** Throws when certificate or key are none. */
  constructor(credentials: Credentials) {
    this.credentials = credentials;
    const { ca, cert, key, ...verification } = credentials.tls;
    // Made once: the agent would read certificates and key again for each connection.
    const options: AgentOptions = {
      secureContext: createSecureContext({ ca, cert, key }),
      checkServerIdentity: checkIdentity,
      ...verification,
    };
    this.calls = new Agent({ ...options, keepAlive: true });
    this.streams = new Agent(options);
  }

  /** Closes connections that carry no call now. */
  dropIdle(): void {
    for (const sockets of Object.values(this.calls.freeSockets)) {
      for (const socket of sockets ?? []) socket.destroy();
    }
  }

  close(): void {
    this.calls.destroy();
    this.streams.destroy();
  }
}
