import type { Claim } from '../model/claim.ts';
import { type DesiredProfile, type DesiredState, specProfiles } from '../model/desired.ts';
import type { Diagnostic } from '../model/diagnostic.ts';
import type { ObservedProfile, ObservedService, ObservedState } from '../model/observed.ts';
import type { AllocationChange, Approval, Conflict, Plan, ServiceSummary, Step } from '../model/plan.ts';
import { serviceName } from '../model/plan.ts';
import { contains, formatPrefix, parseAddress } from '../model/prefix.ts';
import { serviceReports } from './addresses/conditions.ts';
import { endpointDiagnostics } from './addresses/endpoints.ts';
import { leftByMinikube, takingApprovals } from './addresses/left-by-minikube.ts';
import { leaseChange, participantDiagnostics } from './addresses/participants.ts';
import { checkPool } from './addresses/pool-check.ts';
import { requestDiagnostic } from './addresses/requests.ts';
import { NONE_LEFT, routedAddresses } from './addresses/served.ts';
import { holders, isOurIngress, usersOf } from './addresses/sharing.ts';
import { leftUnclassed, settleUnclassed } from './addresses/unclassed.ts';
import { judgeAside, leaveAlone } from './aside.ts';
import { type Admission, admit } from './conflicts/admit.ts';
import { ConflictCheck } from './conflicts/conflict.ts';
import { foreignRoutes, tellApart } from './conflicts/foreign.ts';
import { policyRanges, withPolicy } from './conflicts/policy.ts';
import { RouteDiff, serviceSteps } from './diff.ts';
import { fingerprintOf } from './fingerprint.ts';
import { type Identified, identify } from './identity.ts';
import { doubtfulGateways } from './networks/doubtful-gateways.ts';
import { tunnelDiagnostics, unknownOfHost } from './networks/minikube.ts';
import { networksOnThisHost, poolsOnThisHost } from './networks/pools-here.ts';
import { type WantedProfile, wantedOf } from './networks/wanted.ts';
import { wavesOf } from './order.ts';
import { mayRecord, rightsDiagnostics, unservedDiagnostics } from './rights.ts';
import { inSameCluster, type SeenProfile, sharedClusters } from './same-cluster.ts';
import { stepOrder } from './step.ts';

/**
 * The planner: a pure function without clock, I/O, randomness or mutation of its input; equal input gives an equal
 * plan, byte for byte, and a converged input one without changes.
 *
 * 1. `wanted`  what each profile asks for: gateways, networks, LoadBalancer addresses, guards
 * 2. `admit`   which of it may be made, held against foreign routes (case table in `conflict.ts`)
 * 3. `diff`    what has to be done, held against what is owned (case table in `diff.ts`)
 * 4. `order`   in which order (waves in `order.ts`)
 *
 * `lost`: destinations, as CIDR, whose routes are not made for now, and why. Where such a route is missing, Services that
 * only it leads to have no address meanwhile.
 */
export function plan(
  desired: DesiredState,
  observed: ObservedState,
  lost: ReadonlyMap<string, string> = new Map(),
): Plan {
  const asked = desired.profiles.map((profile) => profileOf(desired, profile, observed));
  const asking =
    desired.mode === 'absent'
      ? []
      : asked.map(({ profile, seen, routed, left }) => wantedOf(profile, seen, observed.host, routed, left));
  const { aside, wanted, isLeft, blind } = judgeAside(desired, asked, asking);
  const profiles = asked.filter(({ profile }) => !isLeft(profile.name));
  const destinations = wanted.flatMap((one) => one.routes.map((route) => route.destination));
  const { ownership, standing } = leaveAlone(tellApart(observed, desired.spec, desired.protocol), isLeft);
  const foreign = foreignRoutes(observed.host, desired.spec, ownership, destinations);
  const admission = admit(
    wanted.map((one) => one.routes),
    new ConflictCheck(observed.host, ownership, foreign),
    standing,
  );
  const made = new Set([...ownership.owned.values()].map(({ route }) => formatPrefix(route.destination)));
  const missing = new Map([...lost].filter(([destination]) => !made.has(destination)));
  const services = wanted.flatMap((one) =>
    announceable(one, admission, seenOf(observed, one.summary.name), missing),
  );

  const ofServices = serviceSteps(profiles, services);
  const reports = serviceReports(profiles, services, ofServices);
  const clusters =
    desired.mode === 'absent' ? [] : profiles.flatMap(({ identified }) => identified.cluster ?? []);
  const allocations = wanted.flatMap((one) => allocationChange(one, services, observed));
  const spec = specProfiles(desired).map(
    (profile) =>
      asked.find((one) => one.profile.name === profile.name) ?? {
        profile,
        seen: seenOf(observed, profile.name),
        claimed: claimedCluster(observed, desired.spec, profile.name),
      },
  );
  const leases = profiles.flatMap((one) =>
    leaseChange(desired, one.profile, one.seen, {
      services,
      steps: ofServices,
      together: inSameCluster(one, spec).map((profile) => settleUnclassed(profile, one.seen)),
    }),
  );
  const isUnsure = ({ profile, purpose }: Claim) =>
    wanted.some(({ summary, unsure }) => summary.name === profile && unsure.has(purpose));
  const steps: Step[] = [
    ...new RouteDiff(ownership, protocolOf(desired, observed), isUnsure).steps(
      admission.admitted,
      admission.refused,
    ),
    ...ofServices,
  ].sort(stepOrder(desired.profiles.map((profile) => profile.name)));
  const conflicts = [...admission.conflicts];
  const body: Omit<Plan, 'fingerprint'> = {
    name: desired.name,
    spec: desired.spec,
    mode: desired.mode,
    platform: observed.host.platform,
    only: desired.only?.names ?? null,
    profiles: wanted.map((one) => one.summary),
    clusters,
    aside,
    services,
    allocations,
    leases,
    steps,
    reports,
    waves: wavesOf(steps),
    conflicts,
    approvals: withPolicy(
      needed(
        [
          ...profiles.flatMap(({ identified }) => identified.approvals),
          ...wanted.flatMap((one) => one.approvals),
          ...doubtfulGateways(wanted, observed.host),
          ...coverApprovals(conflicts),
          ...takingApprovals(ofServices),
        ],
        { allocations, clusters, leases, reports, steps },
      ),
      observed.host.policy,
    ),
    unproven: ownership.unproven.map(({ route, reason }) => ({ route, reason })),
    diagnostics: [
      ...tunnelDiagnostics(desired, observed.host),
      ...observed.host.problems.map(unknownOfHost),
      ...(desired.mode === 'absent' ? [] : sharedClusters(profiles)),
      ...profiles.flatMap(({ profile, identified }) => about(profile.name, identified.diagnostics)),
      ...asked.flatMap(({ profile }) => about(profile.name, blind.get(profile.name) ?? [])),
      ...profiles.flatMap(({ profile, seen }) =>
        about(profile.name, rightsDiagnostics(desired, profile, seen, observed.registry.claims)),
      ),
      ...profiles.flatMap(({ profile, seen }) => about(profile.name, unservedDiagnostics(profile, seen))),
      ...profiles.flatMap(({ profile, seen }) =>
        about(profile.name, participantDiagnostics(desired, profile, seen, ofServices)),
      ),
      ...wanted.flatMap(({ summary: { name }, diagnostics }) => about(name, diagnostics)),
      ...wanted.flatMap((one) => about(one.summary.name, policyRanges(one.routes, observed.host.policy))),
      ...poolDiagnostics(desired, observed, wanted),
      ...poolsOnThisHost(desired, wanted, observed.host, ownership),
      ...networksOnThisHost(wanted),
      ...profiles.flatMap(({ profile, seen }) => about(profile.name, leftUnclassed(profile, seen, services))),
      ...services.flatMap((service) => about(service.profile, requestDiagnostic(service))),
      ...profiles.flatMap(({ profile, seen }) =>
        about(profile.name, endpointDiagnostics(profile, seen.cluster, services)),
      ),
    ],
    localOverrides: desired.localOverrides,
  };
  return { ...body, fingerprint: fingerprintOf(body, observed.host) };
}

/** What is known of a profile. */
interface KnownProfile extends SeenProfile {
  /** The LoadBalancer addresses that this spec has routes to, in the cluster that answers. */
  readonly routed: ReadonlySet<string>;
  /** The Services there whose ingress an ended `minikube tunnel` left. */
  readonly left: ReadonlySet<ObservedService>;
  readonly identified: Identified;
}

function profileOf(desired: DesiredState, profile: DesiredProfile, observed: ObservedState): KnownProfile {
  const seen = seenOf(observed, profile.name);
  const identified = identify(desired, profile, seen, observed);
  return {
    profile: settleUnclassed(profile, seen),
    seen: identified.isLeftAlone ? { ...seen, cluster: null } : seen,
    left: desired.mode === 'absent' ? NONE_LEFT : leftByMinikube(profile, seen.cluster, observed.host),
    routed: identified.isSame
      ? routedAddresses(observed.registry.claims, desired.spec, profile.name)
      : new Set<string>(),
    identified,
  };
}

/** UID of the cluster that the claims of a profile are of. */
function claimedCluster({ registry }: ObservedState, spec: string, name: string): string | undefined {
  return registry.claims.find(({ owner, profile }) => owner.spec === spec && profile === name)?.cluster;
}

function about(profile: string, diagnostics: readonly Diagnostic[]): Diagnostic[] {
  return diagnostics.map((diagnostic) => ({ ...diagnostic, profile }));
}

/** The protocol of new routes; 0 on a system whose routes have none. */
function protocolOf(desired: DesiredState, { host }: ObservedState): number {
  return host.capabilities.protocols ? desired.protocol : 0;
}

function seenOf(observed: ObservedState, name: string): ObservedProfile {
  return (
    observed.profiles.find((profile) => profile.name === name) ?? {
      name,
      config: null,
      minikubeIp: null,
      context: null,
      cluster: null,
      problems: [],
    }
  );
}

/**
 * Services whose address has no way to them are not told that they have it. That is a matter of this host alone: what other
 * tunnels use stays, or they would give it again.
 */
function announceable(
  wanted: WantedProfile,
  admission: Admission,
  { cluster }: ObservedProfile,
  missing: ReadonlyMap<string, string>,
): readonly ServiceSummary[] {
  if (wanted.summary.onThisHost === true) return wanted.services;
  const shown = new Map(cluster?.services.filter(isOurIngress).map((one) => [serviceName(one), one]));
  const ways = admission.admitted.filter(
    (one) =>
      one.wanted.profile === wanted.summary.name &&
      (one.satisfiedBy !== null || !missing.has(formatPrefix(one.wanted.destination))),
  );
  const addresses = new Set(ways.map((one) => formatPrefix(one.wanted.destination)));
  const networks = ways
    .filter((one) => one.wanted.purpose === 'services')
    .map((one) => one.wanted.destination);
  const hasWay = (text: string) => {
    const address = parseAddress(text);
    if (address === null) return false;
    return addresses.has(formatPrefix(address)) || networks.some((network) => contains(network, address));
  };
  return wanted.services.map((service) => {
    if (service.state !== 'served') return service;
    if (service.addresses.every(hasWay)) return service;
    const found = shown.get(serviceName(service));
    const users = found === undefined || cluster === null ? [] : usersOf(found, cluster);
    // Without the address: that may be another one once it is free.
    const why = service.addresses.flatMap((text) => whyMissing(text, missing))[0];
    const reason = `there is no way to the address that it would get: its route is ${why === undefined ? 'left out' : `set aside: ${why}`}`;
    if (users.length === 0) return { ...service, state: 'pending', addresses: [], reason };
    return {
      ...service,
      state: 'foreign',
      addresses: [],
      reason: `${reason}, and ${holders(users)} uses it`,
    };
  });
}

/** Why an address has no route of its own for now. */
function whyMissing(text: string, missing: ReadonlyMap<string, string>): string[] {
  const address = parseAddress(text);
  const why = address === null ? undefined : missing.get(formatPrefix(address));
  return why === undefined ? [] : [why];
}

/** The change of a cluster's record; a Service that is left pending, for want of a way to it, is not written there. */
function allocationChange(
  { summary, record }: WantedProfile,
  services: readonly ServiceSummary[],
  observed: ObservedState,
): AllocationChange[] {
  const { cluster } = seenOf(observed, summary.name);
  const before = cluster?.allocations ?? null;
  if (cluster === null || before === null || record === null || !mayRecord(cluster)) return [];
  const pending = new Set(
    services.filter((one) => one.profile === summary.name && one.state === 'pending').map(serviceName),
  );
  const known = new Set(before.allocations.map((one) => `${one.service} ${one.address}`));
  const after = record.filter(
    (one) => !pending.has(one.service) || known.has(`${one.service} ${one.address}`),
  );
  const unchanged =
    after.length === before.allocations.length &&
    after.every((one) => known.has(`${one.service} ${one.address}`));
  return unchanged ? [] : [{ profile: summary.name, before, after }];
}

function coverApprovals(conflicts: readonly Conflict[]): Approval[] {
  return conflicts
    .filter((conflict) => conflict.relation === 'covers')
    .map((conflict) => ({
      kind: 'covers',
      profile: conflict.profile,
      subject: formatPrefix(conflict.destination),
      why: conflict.summary,
    }));
}

/** Approvals are asked for what is about to be done, not for what stands already. */
function needed(
  approvals: readonly Approval[],
  changes: Pick<Plan, 'allocations' | 'clusters' | 'leases' | 'reports' | 'steps'>,
): Approval[] {
  const profiles = new Set<string>();
  const told = new Set(
    changes.reports.flatMap(({ profile, condition }) => (condition.after === null ? [] : [profile])),
  );
  const destinations = new Set<string>();
  for (const step of changes.steps) {
    if (step.action !== 'create' && step.action !== 'replace') continue;
    profiles.add(step.profile);
    if (step.kind === 'route' && step.after !== null) destinations.add(formatPrefix(step.after.destination));
  }
  const touched = touchedProfiles(changes);
  return approvals.filter(({ kind, profile, subject }) => {
    if (kind === 'identity') return touched.has(profile);
    // Of a step that is to be done, all of them.
    if (kind === 'minikube') return true;
    if (kind === 'context' || kind === 'credentials') return profiles.has(profile) || told.has(profile);
    return kind === 'gateway' ? profiles.has(profile) : destinations.has(subject);
  });
}

/** Profiles for which anything at all is done or recorded. */
function touchedProfiles({
  allocations,
  clusters,
  leases,
  reports,
  steps,
}: Parameters<typeof needed>[1]): ReadonlySet<string> {
  return new Set(
    [
      ...allocations,
      ...clusters.filter(({ former }) => former !== null),
      ...leases,
      ...reports,
      ...steps.filter(({ action }) => action !== 'none'),
    ].map(({ profile }) => profile),
  );
}

function poolDiagnostics(
  desired: DesiredState,
  observed: ObservedState,
  wanted: readonly WantedProfile[],
): Diagnostic[] {
  const reached = wanted.flatMap((one) => [...one.routes, ...one.here]);
  return desired.mode === 'absent'
    ? []
    : specProfiles(desired).flatMap((profile) =>
        about(profile.name, checkPool(profile, observed.profiles, reached)),
      );
}
