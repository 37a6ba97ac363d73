import { Failure } from '../../model/diagnostic.ts';
import { formatPrefix, type Prefix, parseAddress, parsePrefix } from '../../model/prefix.ts';
import { freePool } from '../arguments/pool.ts';
import { EXIT } from '../exit-code.ts';
import type { CommandContext } from '../run-command.ts';
import { writeNewFile } from '../transaction/plan-file.ts';
import { composeReading, type ReadAdapters } from '../wiring/compose.ts';

/** kubeadm's service network and kindnet's pod network, where a profile's own config names none. */
const USUAL_NETWORKS = ['10.96.0.0/12', '10.244.0.0/16'];

/** `minikube profile` reads one file. */
const MINIKUBE_TIMEOUT_MS = 20_000;

/** `mkplan init`: writes the shortest spec for the current profile, with a pool that collides with nothing here. */
export async function init({ terminal, output, names }: CommandContext): Promise<number> {
  const adapters = composeReading(terminal, { kinds: [], command: 'mkplan init' });
  try {
    const profile = await currentProfile(adapters);
    const pool = freePool(await usedPrefixes(adapters, profile));
    if (pool === null) throw noPool();
    const text = specText(profile, formatPrefix(pool));
    await writeNewFile({ path: names.absolute, shown: names.spec, text, what: 'spec', mode: 0o644 });
    output.print(
      `Wrote ${names.spec} for profile ${profile}, with the pool ${formatPrefix(pool)}.\nNext: \`mkplan plan\`. For completion in an editor: \`mkplan schema > tunnel.schema.json\`.\n`,
    );
    output.line({ type: 'written', spec: names.spec, profile, pool: formatPrefix(pool) });
    return EXIT.ok;
  } finally {
    await adapters.close();
  }
}

function specText(profile: string, pool: string): string {
  return `# yaml-language-server: $schema=tunnel.schema.json
apiVersion: mkplan/v1alpha1
kind: Tunnel
metadata:
  name: ${tunnelName(profile)}
spec:
  profiles:
    - name: ${JSON.stringify(profile)}
      loadBalancer:
        pool: [${pool}]
`;
}

/** A tunnel's name is a DNS label (RFC 1123); a profile's may have more in it. */
function tunnelName(profile: string): string {
  const label = profile
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .slice(0, 63)
    .replaceAll(/^-+|-+$/g, '');
  return label === '' ? 'tunnel' : label;
}

/** The only profile that there is, else the one that minikube calls current. */
async function currentProfile({ profiles, runner }: ReadAdapters): Promise<string> {
  const names = await profiles.list();
  const [first, ...others] = names;
  if (first === undefined) {
    throw failure(
      'profile-missing',
      'there is no minikube profile',
      'a spec says how the cluster of a profile is reached',
      'start one',
      'minikube start',
    );
  }
  if (others.length === 0) return first;
  const current = await askMinikube(runner);
  if (current !== null && names.includes(current)) return current;
  throw failure(
    'profile-ambiguous',
    `there are ${names.length} minikube profiles: ${names.join(', ')}`,
    'minikube does not say which of them is the current one',
    'choose one',
    `minikube profile ${first}`,
  );
}

async function askMinikube(runner: ReadAdapters['runner']): Promise<string | null> {
  try {
    const { code, stdout } = await runner.run(['minikube', 'profile'], { timeoutMs: MINIKUBE_TIMEOUT_MS });
    return code === 0 ? stdout.trim() : null;
  } catch (thrown) {
    // No such program: the profiles are all that is known.
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT') return null;
    throw thrown;
  }
}

/** Everything on this host that a pool could collide with, the profile's own networks included. */
async function usedPrefixes(adapters: ReadAdapters, profile: string): Promise<Prefix[]> {
  const [network, claims, config] = await Promise.all([
    adapters.routeTable.snapshot(),
    adapters.registry.read(),
    adapters.profiles.config(profile),
  ]);
  const cidrs = [...USUAL_NETWORKS, ...(config?.serviceCidr?.split(',') ?? [])];
  return [
    ...network.routes.map((route) => route.destination),
    ...network.addresses.map((address) => address.network),
    ...claims.map((claim) => claim.route.destination),
    ...cidrs.map((cidr) => parsePrefix(cidr.trim())).filter((prefix) => prefix !== null),
    ...(config?.nodes ?? []).map((node) => parseAddress(node.ip)).filter((address) => address !== null),
  ];
}

function noPool(): Failure {
  return failure(
    'pool-missing',
    'no private /24 was found that collides with nothing on this host',
    'routes of this host (a VPN, perhaps) cover every range that was tried',
    'write the pool yourself, once you know a range that may be taken',
    'ip route',
  );
}

function failure(code: string, summary: string, cause: string, fix: string, command: string): Failure {
  return new Failure('error', [{ code, severity: 'error', summary, cause, fix, command }]);
}
