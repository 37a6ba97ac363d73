import { describe, expect, it } from 'vitest';
import type { ObservedCluster } from '../../../src/model/observed.ts';
import { fingerprintOf } from '../../../src/planner/fingerprint.ts';
import { plan } from '../../../src/planner/plan.ts';
import { differenceFromShown } from '../../../src/planner/shown.ts';
import * as build from '../build.ts';

function planned(cluster: Partial<ObservedCluster>) {
  const desired = build.desired([build.profile({ loadBalancer: build.loadBalancer(['10.200.0.0/24']) })]);
  return plan(
    desired,
    build.observed({ profiles: [build.observedProfile({ cluster: build.cluster(cluster) })] }),
  );
}

const told = (cluster: Partial<ObservedCluster>) =>
  planned(cluster).diagnostics.filter(({ code }) => code === 'service-without-endpoints');

const web = build.service('web');
const NONE = build.endpoints('web', {});

describe('a Service without a ready endpoint', () => {
  it('is a warning', () => {
    expect(told({ services: [web], endpoints: [NONE] })).toMatchObject([
      {
        severity: 'warning',
        summary: 'profile minikube: no endpoint is ready behind default/web',
        command: 'kubectl --context=minikube -n default get endpointslices -l kubernetes.io/service-name=web',
      },
    ]);
  });

  it('shares one warning with the others, of which ten are named', () => {
    const names = Array.from({ length: 12 }, (_, index) => `web${10 + index}`);
    const services = names.map((name) => build.service(name));
    const [only, ...more] = told({ services, endpoints: names.map((name) => build.endpoints(name, {})) });
    expect(only?.summary).toMatch(/default\/web10, .*, default\/web19, 2 more$/);
    expect(more).toEqual([]);
  });

  const manual = build.service('web', { hasSelector: false });
  it.each<[string, Partial<ObservedCluster>, number]>([
    ['one ready endpoint', { services: [web], endpoints: [build.endpoints('web', { minikube: 1 })] }, 0],
    [
      'an endpoint outside the cluster',
      { services: [manual], endpoints: [{ ...NONE, readyElsewhere: 1 }] },
      0,
    ],
    ['no slice although it has a selector', { services: [web], endpoints: [{ ...NONE, slices: 0 }] }, 1],
    ['neither selector nor slice', { services: [manual], endpoints: [{ ...NONE, slices: 0 }] }, 0],
    ['slices of its own, and no selector', { services: [manual], endpoints: [NONE] }, 1],
    ['EndpointSlices that are not served', { services: [web], endpoints: null }, 0],
    [
      'EndpointSlices that may not be read',
      { services: [web], endpoints: [], missingRights: ['list endpointslices'] },
      0,
    ],
    ['another class', { services: [build.service('web', { loadBalancerClass: 'x' })], endpoints: [NONE] }, 0],
    [
      'an ingress of others',
      { services: [build.service('web', { ingressManager: 'speaker' })], endpoints: [NONE] },
      0,
    ],
    ['no address', { services: [build.service('web', { requestedIp: '10.9.9.9' })], endpoints: [NONE] }, 0],
  ])('with %s has so many: %#', (_, cluster, count) => {
    expect(told(cluster)).toHaveLength(count);
  });

  it('makes no other plan of one that was shown', () => {
    const empty = planned({ services: [web], endpoints: [NONE] });
    const ready = planned({ services: [web], endpoints: [build.endpoints('web', { minikube: 1 })] });
    expect(empty.fingerprint).toBe(ready.fingerprint);
    expect(differenceFromShown(empty, ready)).toBeNull();
    expect(fingerprintOf(empty, build.host())).toBe(empty.fingerprint);
  });
});
