import { X509Certificate } from 'node:crypto';
import { Agent, type AgentOptions } from 'node:https';
import { isIP } from 'node:net';
import { checkServerIdentity, createSecureContext, type PeerCertificate } from 'node:tls';
import { type ApiProxy, TunnelAgent } from './tunnel.ts';

/** What proves the server to us, and us to the server. */
export interface Credentials {
  readonly tls: {
    /** Those that may vouch for the server; Node's own where none is named. */
    readonly ca?: string | readonly string[];
    readonly cert?: string | Buffer;
    readonly key?: string | Buffer;
    readonly servername?: string;
    readonly rejectUnauthorized: boolean;
  };
  /** Sent with every call; a list as one header for each of its values. */
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
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

/** An address is never sent as a server name (RFC 6066, section 3): the certificate is held against it, no more. */
function verificationOf({ servername, rejectUnauthorized }: Credentials['tls']): AgentOptions {
  if (servername === undefined || isIP(servername) === 0) {
    return {
      rejectUnauthorized,
      checkServerIdentity: checkIdentity,
      ...(servername === undefined ? {} : { servername }),
    };
  }
  return {
    rejectUnauthorized,
    checkServerIdentity: (_, certificate) => checkIdentity(servername, certificate),
    servername: '',
  };
}

/** The connections of one client with one set of credentials: kept ones for calls, and one of its own for each stream. */
export class Link {
  readonly credentials: Credentials;
  readonly calls: Agent;
  readonly streams: Agent;

  /** Through `proxy`, unless that is null. Throws when certificate or key are none. */
  constructor(credentials: Credentials, proxy: ApiProxy | null) {
    this.credentials = credentials;
    const { ca, cert, key } = credentials.tls;
    // Made once: the agent would read certificates and key again for each connection.
    const secureContext = createSecureContext({ ca: typeof ca === 'string' ? ca : ca?.slice(), cert, key });
    const options: AgentOptions = { secureContext, ...verificationOf(credentials.tls) };
    const agent = (more: AgentOptions) =>
      proxy === null ? new Agent({ ...options, ...more }) : new TunnelAgent(proxy, { ...options, ...more });
    this.calls = agent({ keepAlive: true });
    this.streams = agent({});
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
