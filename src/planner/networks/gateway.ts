import type { DesiredProfile } from '../../model/desired.ts';
import type { Diagnostic } from '../../model/diagnostic.ts';
import { type ObservedNode, type ObservedProfile, unobservedOf } from '../../model/observed.ts';
import type { Approval } from '../../model/plan.ts';
import { type Family, parseAddress } from '../../model/prefix.ts';
import { isMinikube } from '../addresses/unclassed.ts';
import { obstacleDiagnostic } from '../obstacles.ts';
import type { Reach } from './reach.ts';
import type { ThisHost } from './this-host.ts';

/** The address that a profile's routes go through, in one family. */
export interface Gateway {
  /** Canonical text. */
  readonly address: string;
  readonly source: string;
}

export interface GatewayChoice {
  readonly ipv4: Gateway | null;
  readonly ipv6: Gateway | null;
  /** This host's own address, where the cluster runs on it: nothing is routed then, and both families have no gateway. */
  readonly here: Gateway | null;
  readonly diagnostics: readonly Diagnostic[];
  readonly approvals: readonly Approval[];
}

interface Candidate extends Gateway {
  readonly family: Family;
  /** Node whose address it is said to be; null where the source does not say, and means the first control plane. */
  readonly node: string | null;
}

/** The gateway of the family; null when there is none. */
export function gatewayFor(choice: GatewayChoice, family: Family): Gateway | null {
  return family === 4 ? choice.ipv4 : choice.ipv6;
}

function candidate(address: string, source: string, node: string | null = null): Candidate[] {
  const parsed = parseAddress(address);
  return parsed === null ? [] : [{ address, source, family: parsed.family, node }];
}

function controlPlanes(nodes: readonly ObservedNode[]): ObservedNode[] {
  return nodes.filter((node) => node.controlPlane && node.ready).sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Every address that is known to be one of the profile's own machines. */
function machineAddresses(observed: ObservedProfile): Set<string> {
  return new Set([
    ...(observed.cluster?.nodes.flatMap((node) => node.internalIps) ?? []),
    ...(observed.config?.nodes.map((node) => node.ip) ?? []),
    ...(observed.minikubeIp === null ? [] : [observed.minikubeIp]),
  ]);
}

/**
 * What each source says, the most trustworthy first. config.json is a witness for disagreements and for whose
 * address the API server's is, but never chosen: it is stale as soon as the VM moves.
 */
function candidates(observed: ObservedProfile): Candidate[] {
  const answered = observed.context?.answeredAt ?? null;
  const own = machineAddresses(observed);
  return [
    ...(answered !== null && own.has(answered)
      ? candidate(answered, 'the API server answered there with a valid certificate')
      : []),
    ...controlPlanes(observed.cluster?.nodes ?? []).flatMap((node) =>
      node.internalIps.flatMap((ip) =>
        candidate(ip, `InternalIP of the Ready control-plane Node ${node.name}`, node.name),
      ),
    ),
    ...(observed.minikubeIp === null
      ? []
      : candidate(observed.minikubeIp, `minikube ip -p ${observed.name}`)),
  ];
}

/** Every name of the Node that has an address, by its InternalIPs and by config.json. */
function nodesAt(address: string, { cluster, config }: ObservedProfile): Set<string> {
  return new Set([
    ...(cluster?.nodes ?? [])
      .filter(({ internalIps }) => internalIps.includes(address))
      .map(({ name }) => name),
    ...(config?.nodes ?? []).filter(({ ip }) => ip === address).map(({ name }) => name),
  ]);
}

/**
 * Sources that name another address for the same Node. Another control plane's address is none, nor is an InternalIP that
 * this host does not reach, such as that of a NAT inside the VM.
 */
function disagreements(
  chosen: Gateway,
  family: Family,
  observed: ObservedProfile,
  reach: Reach,
): Diagnostic[] {
  const own = nodesAt(chosen.address, observed);
  const { cluster, config } = observed;
  const nodes = (cluster?.nodes.length ?? 0) > 0 ? cluster?.nodes : config?.nodes;
  const others = new Set((nodes ?? []).map(({ name }) => name).filter((name) => !own.has(name)));
  const isOfAnother = ({ node, address }: Candidate) =>
    own.size > 0 &&
    [...(node === null ? [] : [node]), ...nodesAt(address, observed)].some((name) => others.has(name));
  const witnesses: Candidate[] = [
    ...candidates(observed).filter(
      ({ node, address }) => node === null || reach.deviceTowards(address) !== null,
    ),
    ...(observed.config?.nodes ?? [])
      .filter((node) => node.controlPlane)
      .flatMap((node) => candidate(node.ip, `config.json of profile ${observed.name}`, node.name)),
  ];
  const differing = witnesses.filter(
    (other) => other.family === family && other.address !== chosen.address && !isOfAnother(other),
  );
  if (differing.length === 0) return [];
  const list = differing.map((other) => `${other.address} (${other.source})`).join(', ');
  return [
    {
      code: 'gateway-disagreement',
      severity: 'warning',
      summary: `profile ${observed.name}: the gateway is ${chosen.address}, but other sources say ${list}`,
      cause: 'the VM has more than one address, or it moved since some of these were written',
      fix: 'nothing, if the chosen address is right; else set spec.profiles[].gateway',
    },
  ];
}

/** The first that this host reaches: a neighbour, or else what a route makes on-link; or else the first of all. */
function firstReached(found: readonly Candidate[], reach: Reach): Candidate | undefined {
  return (
    found.find(({ address }) => reach.isNeighbour(address)) ??
    found.find(({ address }) => reach.deviceTowards(address) !== null) ??
    found[0]
  );
}

const NONE = { ipv4: null, ipv6: null, here: null, diagnostics: [], approvals: [] } as const;

function chooseAuto(profile: DesiredProfile, observed: ObservedProfile, grounds: Grounds): GatewayChoice {
  const { reach, thisHost } = grounds;
  const found = candidates(observed);
  const usable = found.filter(({ address }) => !reach.isOwn(address) || thisHost.isHere(address));
  const pick = (family: Family): Gateway | null => {
    const chosen = firstReached(
      usable.filter((one) => one.family === family),
      reach,
    );
    return chosen === undefined ? null : { address: chosen.address, source: chosen.source };
  };
  const [ipv4, ipv6] = [pick(4), pick(6)];
  const isHere = (one: Gateway | null) => one !== null && thisHost.isHere(one.address);
  const here = thisHost.node() ?? [ipv4, ipv6].find(isHere) ?? null;
  if (here !== null) return { ...NONE, here };
  if (ipv4 === null && ipv6 === null) {
    const [own] = found;
    const problem =
      own === undefined ? unknownGateway(profile, observed) : thisHost.elsewhere(own.address, profile);
    return { ...NONE, diagnostics: [problem] };
  }
  const diagnostics = [
    ...(ipv4 === null ? [] : disagreements(ipv4, 4, observed, reach)),
    ...(ipv6 === null ? [] : disagreements(ipv6, 6, observed, reach)),
  ];
  return { ...NONE, ipv4, ipv6, diagnostics };
}

/** What helps where no address is known: what brings the cluster back, or the address itself. */
function gatewayFix(profile: DesiredProfile, observed: ObservedProfile): Pick<Diagnostic, 'fix' | 'command'> {
  if (observed.cluster !== null) return { fix: 'Give the address as spec.profiles[].gateway.' };
  const { fix, command } = obstacleDiagnostic(profile, observed);
  return {
    fix: `${fix} Or give the address as spec.profiles[].gateway.`,
    ...(command === undefined ? {} : { command }),
  };
}

function unknownGateway(profile: DesiredProfile, observed: ObservedProfile): Diagnostic {
  const { name, config } = observed;
  const recorded = (config?.nodes ?? []).map(({ ip }) => ip);
  const stale =
    recorded.length === 0
      ? ''
      : `; what config.json says (${recorded.join(', ')}) may be old and is not taken`;
  const asked =
    config === null
      ? 'neither the API server nor a Ready control-plane Node gave one'
      : 'neither the API server, nor a Ready control-plane Node, nor `minikube ip` gave one';
  return {
    code: 'gateway-unknown',
    severity: 'error',
    summary: `profile ${name}: the address of its ${isMinikube(observed) ? 'VM' : 'node'} could not be determined`,
    cause: [`${asked}${stale}`, ...unobservedOf(observed)].join('\n'),
    ...gatewayFix(profile, observed),
  };
}

function chooseLiteral(
  profile: DesiredProfile,
  literal: { readonly ipv4: string | null; readonly ipv6: string | null },
  observed: ObservedProfile,
  { reach, thisHost }: Grounds,
): GatewayChoice {
  const source = 'tunnel.yaml';
  const own = machineAddresses(observed);
  const given = [literal.ipv4, literal.ipv6].filter((address) => address !== null);
  const mine = given.find((address) => reach.isOwn(address));
  if (mine !== undefined && thisHost.isHere(mine)) return { ...NONE, here: { address: mine, source } };
  if (mine !== undefined) return { ...NONE, diagnostics: [thisHost.elsewhere(mine, profile)] };
  const approvals: Approval[] = given
    .filter((address) => !own.has(address))
    .map((address) => ({
      kind: 'gateway',
      profile: profile.name,
      subject: address,
      why: 'the spec names a gateway that is not known to be a node of this profile',
    }));
  return {
    ipv4: literal.ipv4 === null ? null : { address: literal.ipv4, source },
    ipv6: literal.ipv6 === null ? null : { address: literal.ipv6, source },
    here: null,
    diagnostics: [],
    approvals,
  };
}

/** What the host says of addresses. */
interface Grounds {
  readonly reach: Reach;
  readonly thisHost: ThisHost;
}

/**
 * Decides through which address a profile is reached, per family: the spec's, or else the address on which the API
 * server answered if it is the VM's own, the Ready control-plane Node's InternalIP, what `minikube ip` says; of these, the
 * first on a network of this host. Where the cluster runs on this host, none is needed.
 */
export function chooseGateway(
  profile: DesiredProfile,
  observed: ObservedProfile,
  grounds: Grounds,
): GatewayChoice {
  const desired = profile.gateway.value;
  return desired === 'auto'
    ? chooseAuto(profile, observed, grounds)
    : chooseLiteral(profile, desired, observed, grounds);
}
