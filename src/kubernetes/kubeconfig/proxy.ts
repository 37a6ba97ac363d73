import { Failure } from '../../model/diagnostic.ts';
import type { KubeContext } from './kubeconfig.ts';
import { isUnproxied } from './no-proxy.ts';

/** A proxy to reach a cluster through. */
export interface NamedProxy {
  /** Of scheme http, https or socks5; it may hold a name and a password. */
  readonly url: URL;
  /** The variable that names it; null where `proxy-url` of the cluster does. */
  readonly variable: string | null;
}

const SCHEMES = ['http:', 'https:', 'socks5:'];
/** Of https servers; HTTP_PROXY is for others, and Go's programs read no ALL_PROXY. */
const PROXY_VARIABLES = ['HTTPS_PROXY', 'https_proxy'];
const NO_PROXY_VARIABLES = ['NO_PROXY', 'no_proxy'];

function unusable(context: string, variable: string | null, why: string): Failure {
  const where = variable ?? 'proxy-url';
  return new Failure('error', [
    {
      code: 'kubeconfig-proxy',
      severity: 'error',
      summary: `context "${context}": the proxy that ${where} names cannot be used: ${why}`,
      cause:
        variable === null
          ? 'The kubeconfig says that its cluster is reached through that proxy.'
          : `${variable} is set in the environment, and NO_PROXY does not except the server.`,
      fix: `Write it as http://host:port, https://host:port or socks5://host:port, or remove ${where}.`,
    },
  ]);
}

/** What is written is not shown: it may hold a password. */
function checked(context: string, variable: string | null, url: URL | null): NamedProxy {
  if (url === null) throw unusable(context, variable, 'it is not a URL');
  if (!SCHEMES.includes(url.protocol)) {
    throw unusable(context, variable, `${url.protocol.slice(0, -1)} is not a scheme of proxies`);
  }
  if (url.hostname === '') throw unusable(context, variable, 'it names no host');
  try {
    decodeURIComponent(url.username + url.password);
  } catch {
    throw unusable(context, variable, 'a % of its name or password has to be written as %25');
  }
  return { url, variable };
}

function parsed(text: string): URL | null {
  return URL.canParse(text) ? new URL(text) : null;
}

/** As Go's programs read it: `host:port` is an http proxy; to them socks5 and socks5h are the same. */
function ofVariable(text: string): URL | null {
  const asIs = parsed(text.replace(/^socks5h:/i, 'socks5:'));
  return asIs === null || asIs.hostname === '' ? parsed(`http://${text}`) : asIs;
}

function firstSet(env: NodeJS.ProcessEnv, names: readonly string[]): string | null {
  return names.find((name) => (env[name] ?? '') !== '') ?? null;
}

/**
 * The proxy to reach a context's cluster through, as kubectl finds it: `proxy-url`, which no exception counts for; else
 * HTTPS_PROXY, but for what NO_PROXY excepts. `isOwnNode` tells of a minikube profile's node, which no proxy of the
 * environment can reach: it is asked only where there is one. Null for none. Throws a Failure where it cannot be used.
 */
export async function findProxy(
  { name, cluster, server }: KubeContext,
  env: NodeJS.ProcessEnv,
  isOwnNode: () => Promise<boolean>,
): Promise<NamedProxy | null> {
  const own = cluster['proxy-url'];
  if (typeof own === 'string') return checked(name, null, parsed(own));
  const variable = firstSet(env, PROXY_VARIABLES);
  if (variable === null) return null;
  const exceptions = env[firstSet(env, NO_PROXY_VARIABLES) ?? ''] ?? '';
  const host = server.hostname.replace(/^\[(.*)\]$/, '$1');
  if (isUnproxied({ host, port: Number(server.port || 443) }, exceptions)) return null;
  if (await isOwnNode()) return null;
  return checked(name, variable, ofVariable(env[variable] ?? ''));
}
