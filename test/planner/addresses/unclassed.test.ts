import { describe, expect, it } from 'vitest';
import type { DesiredLoadBalancer } from '../../../src/model/desired.ts';
import type { ObservedCluster, ObservedProfile, ObservedService } from '../../../src/model/observed.ts';
import { plan } from '../../../src/planner/plan.ts';
import * as build from '../build.ts';

const from = (provider: string) => build.node('minikube', [build.VM], ['10.244.0.0/24'], { provider });

/** A cluster that no minikube has to do with. */
const ELSEWHERE: Partial<ObservedProfile> = {
  config: null,
  context: {
    name: 'minikube',
    server: 'https://127.0.0.1:40123',
    fromMinikube: false,
    answeredAt: '127.0.0.1',
    program: null,
    proxy: null,
  },
};

function planned(
  cluster: Partial<ObservedCluster>,
  profile: Partial<ObservedProfile> = {},
  lb: Partial<DesiredLoadBalancer> = {},
) {
  const desired = build.desired([build.profile({ loadBalancer: build.loadBalancer(['10.200.0.0/29'], lb) })]);
  const seen = build.observedProfile({
    cluster: build.cluster({ services: [build.service('web')], ...cluster }),
    ...profile,
  });
  return plan(desired, build.observed({ profiles: [seen] }));
}

const stateOf = (of: ReturnType<typeof planned>) => of.services[0]?.state;
const reasonOf = (of: ReturnType<typeof planned>) => of.services[0]?.reason ?? '';
const warningsOf = (of: ReturnType<typeof planned>) =>
  of.diagnostics.filter(({ code }) => code === 'services-unclassed');

describe('whose cluster it is', () => {
  it.each<
    [what: string, cluster: Partial<ObservedCluster>, profile: Partial<ObservedProfile>, served: boolean]
  >([
    ['minikube has the profile', {}, {}, true],
    [
      'minikube labels its Nodes, and has no such profile here',
      { nodes: [from('minikube')] },
      ELSEWHERE,
      true,
    ],
    ['it is kubeadm’s: nothing says whose', {}, ELSEWHERE, false],
    ['it is kind’s', { nodes: [from('kind')] }, ELSEWHERE, false],
    ['it is k3s’', { nodes: [from('k3s')] }, ELSEWHERE, false],
    ['it is kind’s, and minikube has a profile of that name', { nodes: [from('kind')] }, {}, false],
    [
      'minikube’s, whose config.json cannot be read meanwhile',
      { nodes: [from('minikube')] },
      { config: null, problems: ['config.json: Unexpected end of JSON input'] },
      true,
    ],
  ])('decides about Services without a class: %s', (_what, cluster, profile, served) => {
    const found = planned(cluster, profile);
    expect(stateOf(found)).toBe(served ? 'served' : 'unclassed');
    expect(warningsOf(found)).toHaveLength(served ? 0 : 1);
  });

  it.each(['kind', 'k3s'])('does not decide about what the spec says itself: %s', (provider) => {
    const cluster = { nodes: [from(provider)] };
    expect(stateOf(planned(cluster, ELSEWHERE, { unclassed: true }))).toBe('served');
    const left = planned(cluster, ELSEWHERE, { unclassed: false });
    expect(stateOf(left)).toBe('unclassed');
    expect(reasonOf(left)).toContain('the spec says `unclassed: false`');
    expect(warningsOf(left)).toEqual([]);
  });

  it('does not decide about Services of our own class', () => {
    const services = [build.service('web', { loadBalancerClass: 'mkplan/tunnel' })];
    const found = planned({ services, nodes: [from('kind')] }, ELSEWHERE);
    expect(stateOf(found)).toBe('served');
    expect(warningsOf(found)).toEqual([]);
  });

  it('is told with the line of the spec that changes it', () => {
    const services = ['a', 'b', 'c', 'd', 'e', 'f', 'g'].map((name) => build.service(name));
    const [warning, ...more] = warningsOf(planned({ services }, ELSEWHERE));
    expect(more).toEqual([]);
    expect(warning).toMatchObject({ profile: 'minikube', at: build.AT });
    expect(warning?.summary).toContain('default/a, default/b, default/c, default/d, default/e, 2 more');
    expect(warning?.fix).toContain('`unclassed: true`');
    expect(warning?.fix).toContain('`loadBalancerClass: mkplan/tunnel`');
  });

  it('is told in the Lease, so that other tunnels know that these Services are not ours', () => {
    const services = [build.service('web'), build.service('own', { loadBalancerClass: 'mkplan/tunnel' })];
    const [join] = planned({ services, participants: [] }, ELSEWHERE).leases;
    expect(join?.serves).toMatchObject([{ class: 'mkplan/tunnel', unclassed: false }]);
  });
});

describe('another LoadBalancer implementation', () => {
  const controlled = (rest: Partial<ObservedService> = {}) => [
    build.service('web'),
    build.service('cloudy', { hasController: true, ...rest }),
  ];

  it.each<[what: string, cluster: Partial<ObservedCluster>, named: string]>([
    ['MetalLB has a pool', { otherLoadBalancers: ['MetalLB'] }, 'MetalLB serves'],
    ['kube-vip runs', { otherLoadBalancers: ['kube-vip'] }, 'kube-vip serves'],
    ['its Nodes are of a cloud', { nodes: [from('aws')] }, 'the cloud of its Nodes (aws)'],
    ['a controller keeps a Service', { services: controlled() }, 'the controller of Service default/cloudy'],
  ])('is left Services without a class, in minikube’s cluster and elsewhere: %s', (_what, cluster, named) => {
    for (const found of [planned(cluster), planned(cluster, ELSEWHERE)]) {
      const web = found.services.find(({ name }) => name === 'web');
      expect(web?.state).toBe('unclassed');
      expect(web?.reason).toContain(named);
      // It serves them: there is nothing to advise.
      expect(warningsOf(found)).toEqual([]);
    }
  });

  it.each<[what: string, cluster: Partial<ObservedCluster>]>([
    ['kind’s and k3s’ providerID are of no cloud', { nodes: [from('minikube'), from('kind'), from('k3s')] }],
    [
      'a controller that keeps a Service with a class',
      { services: controlled({ loadBalancerClass: 'a/b' }) },
    ],
    ['a Service that is no longer of type LoadBalancer', { services: controlled({ type: 'ClusterIP' }) }],
  ])('is not seen in %s', (_what, cluster) => {
    const web = planned(cluster).services.find(({ name }) => name === 'web');
    expect(web?.state).toBe('served');
  });
});
