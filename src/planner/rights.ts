import type { Claim } from '../model/claim.ts';
import type { DesiredProfile, DesiredState } from '../model/desired.ts';
import type { Diagnostic } from '../model/diagnostic.ts';
import type { ObservedCluster, ObservedProfile, ObservedService, Right } from '../model/observed.ts';
import type { Purpose, ServiceSummary } from '../model/plan.ts';
import { serviceName } from '../model/plan.ts';
import { shellWord } from '../model/shell-word.ts';
import { isOurIngress } from './addresses/sharing.ts';

/** What a missing right comes to. */
interface Feature {
  /** For people: what happens without it. */
  readonly without: string;
  /** Whether a profile makes use of it. */
  readonly isUsed: (profile: DesiredProfile) => boolean;
  /** Routes that would look unwanted without it, though nobody knows. */
  readonly hides?: Purpose;
}

const gives = (profile: DesiredProfile): boolean => profile.loadBalancer.assign !== 'none';
const givesFromPool = (profile: DesiredProfile): boolean => profile.loadBalancer.assign === 'pool';
const asksOthers = (profile: DesiredProfile): boolean =>
  gives(profile) && profile.loadBalancer.unclassed === 'auto';
const findsPods = (profile: DesiredProfile): boolean => profile.pods.value === 'auto';
const findsServices = (profile: DesiredProfile): boolean => profile.services.value === 'auto';

const UNRECORDED = 'addresses are given without a record: a Service that is made anew may get another one';

const POLLED = '`mkplan watch` reads them again every half minute, rather than being told of each change';
const UNANNOUNCED =
  'others cannot know that we are here: one that leaves may clear Services that are used here';

/** One feature each; docs/rights.md is the same table. */
const FEATURES: Readonly<Record<Right, Feature>> = {
  'list nodes': {
    without: 'the gateway comes from elsewhere, and `pods: auto` finds nothing',
    isUsed: () => true,
    hides: 'pods',
  },
  'watch nodes': { without: POLLED, isUsed: () => true },
  'list services': { without: 'no Service is given an address', isUsed: gives, hides: 'load-balancer' },
  'watch services': { without: POLLED, isUsed: gives },
  'list endpointslices': {
    without: '`externalTrafficPolicy: Local` goes through the gateway, and `status` cannot tell endpoints',
    isUsed: gives,
  },
  'watch endpointslices': { without: POLLED, isUsed: gives },
  'list pods': {
    without: 'pods outside the pod networks are not noticed, nor is kube-vip',
    isUsed: findsPods,
  },
  'list servicecidrs': { without: '`services: auto` asks kubeadm, then config.json', isUsed: findsServices },
  'list ipaddresspools': {
    without: 'MetalLB is taken to have a pool, so Services without a class are left to it',
    isUsed: asksOthers,
  },
  'list ciliumloadbalancerippools': {
    without: 'Cilium is taken to have a pool, so Services without a class are left to it',
    isUsed: asksOthers,
  },
  'get namespaces kube-system': {
    without: 'whether this is the cluster that was served before is not checked (identity not checked)',
    isUsed: () => true,
  },
  'get configmaps kube-system/kubeadm-config': {
    without: 'networks that are `auto` come from other sources',
    isUsed: (profile) => findsPods(profile) || findsServices(profile),
  },
  'get configmaps kube-system/mkplan-allocations': { without: UNRECORDED, isUsed: givesFromPool },
  'list configmaps kube-system/mkplan-allocations': { without: POLLED, isUsed: givesFromPool },
  'watch configmaps kube-system/mkplan-allocations': { without: POLLED, isUsed: givesFromPool },
  'create configmaps kube-system': { without: UNRECORDED, isUsed: givesFromPool },
  'update configmaps kube-system/mkplan-allocations': { without: UNRECORDED, isUsed: givesFromPool },
  'list leases kube-system': {
    without: 'who else serves this cluster is not known, so Services that are left keep their addresses',
    isUsed: gives,
  },
  'create leases kube-system': { without: UNANNOUNCED, isUsed: gives },
  'update leases kube-system': { without: UNANNOUNCED, isUsed: gives },
  'delete leases kube-system': {
    without: 'our Lease stays when we leave, so others will not clear the Services',
    isUsed: gives,
  },
  'patch services/status': { without: 'Services keep the addresses that they show', isUsed: gives },
  'create events': { without: 'no Events say what became of Services', isUsed: gives },
};

/** A cluster's rights that are missing, each with what that comes to for the profile. */
export function rightsDiagnostics(
  desired: DesiredState,
  profile: DesiredProfile,
  { cluster }: ObservedProfile,
  claims: readonly Claim[],
): Diagnostic[] {
  return (cluster?.missingRights ?? [])
    .filter((right) => FEATURES[right].isUsed(profile))
    .map((right): Diagnostic => {
      const { without, hides } = FEATURES[right];
      const [verb = '', resource = '', name = ''] = right.split(/ /);
      const held =
        desired.mode === 'present' && claims.some((claim) => isHidden(claim, desired, profile, hides));
      return {
        code: 'rights-missing',
        severity: held ? 'error' : 'warning',
        summary: `profile ${profile.name}: the user of context ${profile.context} may not ${right}`,
        cause: held ? `${without}; routes that stand for it would be taken away unseen` : without,
        fix: 'bind the roles of deploy/rbac.yaml to that user, or name a context that has the right',
        command: canI(profile.context, verb, resource, name),
        at: profile.at,
      };
    });
}

/** Versions of API groups that some servers do not serve, and what is not known without them. */
function unservedApis({ endpoints, participants, missingRights }: ObservedCluster): [string, string][] {
  const hasNoLeases = participants === null && !missingRights.includes('list leases kube-system');
  return [
    ...(endpoints === null
      ? [['discovery.k8s.io/v1', FEATURES['list endpointslices'].without] satisfies [string, string]]
      : []),
    ...(hasNoLeases
      ? [['coordination.k8s.io/v1', FEATURES['list leases kube-system'].without] satisfies [string, string]]
      : []),
  ];
}

/** What a cluster's API server does not serve, such as an old one, each with what that comes to for the profile. */
export function unservedDiagnostics(profile: DesiredProfile, { cluster }: ObservedProfile): Diagnostic[] {
  if (cluster === null || !gives(profile)) return [];
  return unservedApis(cluster).map(([groupVersion, without]) => ({
    code: 'api-not-served',
    severity: 'warning',
    summary: `profile ${profile.name}: its API server (${cluster.version}) does not serve ${groupVersion}`,
    cause: without,
    fix: 'upgrade the cluster, or go on without: docs/kubernetes.md says what needs which version',
    command: `kubectl --context=${shellWord(profile.context)} get --raw /apis/${groupVersion}`,
    at: profile.at,
  }));
}

/** What cannot be seen must not look like what is not there. */
function isHidden(claim: Claim, desired: DesiredState, profile: DesiredProfile, hides?: Purpose): boolean {
  const isOf = claim.owner.spec === desired.spec && claim.profile === profile.name && claim.purpose === hides;
  return isOf && (hides !== 'pods' || findsPods(profile));
}

function canI(context: string, verb: string, resource: string, name: string): string {
  // The one object here that is in no namespace is one itself.
  const [namespace = '', object = ''] = resource === 'namespaces' ? ['', name] : name.split('/');
  const [plural = '', subresource] = resource.split('/');
  const asked = object === '' ? plural : `${plural}/${object}`;
  const where = namespace === '' ? '-A' : `-n ${namespace}`;
  const part = subresource === undefined ? '' : ` --subresource=${subresource}`;
  return `kubectl --context=${shellWord(context)} auth can-i ${verb} ${asked}${part} ${where}`;
}

/** Services that would have to be told of an address, and cannot be, stay pending; those that show theirs are served. */
export function withoutPatch(
  summaries: readonly ServiceSummary[],
  cluster: ObservedCluster,
): readonly ServiceSummary[] {
  if (mayPatch(cluster)) return summaries;
  const services = new Map(cluster.services.map((service) => [serviceName(service), service]));
  return summaries.map((summary) => {
    const shows = shown(services.get(serviceName(summary)));
    if (summary.state !== 'served' || sameTexts(shows, summary.addresses)) return summary;
    return {
      ...summary,
      state: 'pending',
      addresses: [],
      reason: `${summary.addresses.join(', ')} cannot be written to it: the right to patch services/status is missing`,
    };
  });
}

/** Whether the status of Services can be written, as far as is known. */
export function mayPatch(cluster: ObservedCluster): boolean {
  return !cluster.missingRights.includes('patch services/status');
}

/** Whether Events can be written, as far as is known. */
export function mayEmit(cluster: ObservedCluster): boolean {
  return !cluster.missingRights.includes('create events');
}

/** Whether the record of allocations can be written, as far as is known. */
export function mayRecord({ missingRights }: ObservedCluster): boolean {
  return !missingRights.some(
    (right) =>
      right === 'create configmaps kube-system' ||
      right === 'update configmaps kube-system/mkplan-allocations',
  );
}

function shown(service: ObservedService | undefined): readonly string[] {
  return service !== undefined && isOurIngress(service) ? service.ingress : [];
}

function sameTexts(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((text, index) => text === b[index]);
}
