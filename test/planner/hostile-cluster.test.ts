import { describe, expect, it, test } from 'vitest';
import type { ObservedCluster } from '../../src/model/observed.ts';
import { formatPrefix } from '../../src/model/prefix.ts';
import { plan } from '../../src/planner/plan.ts';
import {
  AT,
  cluster,
  desired,
  host,
  loadBalancer,
  node,
  observed,
  observedProfile,
  profile,
  service,
  VM,
} from './build.ts';

/** What a spec that believes the cluster in everything comes to, for what such a cluster answers. */
function planOf(answers: Partial<ObservedCluster>) {
  const auto = {
    gateway: { value: 'auto', at: AT },
    services: { value: 'auto', at: AT },
    pods: { value: 'auto', at: AT },
    loadBalancer: loadBalancer(['10.200.0.0/24']),
  } as const;
  const critical = [{ kind: 'dns-server', address: '192.168.1.53', detail: '/etc/resolv.conf' }] as const;
  return plan(
    desired([profile(auto)]),
    observed({
      host: host([{ destination: 'fd00::/64', device: 'virbr1', protocol: 2 }], { critical }),
      profiles: [observedProfile({ cluster: cluster(answers) })],
    }),
  );
}

/** Destinations that a plan would route. */
const routed = (made: ReturnType<typeof planOf>) =>
  made.steps.flatMap((step) =>
    step.kind === 'route' && step.after !== null ? formatPrefix(step.after.destination) : [],
  );

describe('networks that a cluster calls its own', () => {
  const NOT_PRIVATE = [
    '0.0.0.0/0',
    '0.0.0.0/1',
    '128.0.0.0/1',
    '8.8.8.0/24',
    '127.0.0.0/8',
    '169.254.169.254/32',
    '224.0.0.0/4',
    '240.0.0.0/4',
    '::/0',
    '8000::/1',
    '2000::/3',
    'fe80::/10',
    '::ffff:10.0.0.0/104',
  ];

  test.each(NOT_PRIVATE)('%s as a service network refuses the plan', (network) => {
    const made = planOf({ serviceCidrs: [network] });
    const left = made.conflicts.filter(
      ({ relation, outcome }) => relation === 'forbidden' && outcome === 'refused',
    );
    // IPv6 has no gateway here, so it is left out before anything is asked.
    if (!network.includes(':')) expect(left).toHaveLength(1);
    expect(routed(made)).not.toContain(network);
  });

  test.each(NOT_PRIVATE)('%s as the pods of a node refuses the plan', (network) => {
    const nodes = [
      node('minikube', [VM, 'fd00::1'], ['10.244.0.0/24']),
      node('m02', ['192.168.39.8', 'fd00::2'], [network]),
    ];
    const made = planOf({ nodes });
    expect(made.conflicts).toContainEqual(
      expect.objectContaining({ relation: 'forbidden', outcome: 'refused', purpose: 'pods' }),
    );
    expect(routed(made)).not.toContain(network);
  });

  it('wide ones need approval, though they are private', () => {
    const made = planOf({ serviceCidrs: ['10.0.0.0/8'] });
    expect(made.approvals).toContainEqual(expect.objectContaining({ kind: 'wide', subject: '10.0.0.0/8' }));
  });

  it('those of the LAN, and those that hold the DNS server, refuse the plan', () => {
    for (const network of ['192.168.1.0/24', '192.168.0.0/16', '192.168.1.53/32', '192.168.1.1/32']) {
      expect(planOf({ serviceCidrs: [network] }).conflicts).toContainEqual(
        expect.objectContaining({ outcome: 'refused' }),
      );
    }
  });
});

describe('nodes that a cluster calls its own', () => {
  test.each([
    ['the default gateway', '192.168.1.1'],
    ['a DNS server', '192.168.1.53'],
  ])('%s as the address of a node needs approval', (_, address) => {
    const nodes = [node('minikube', [VM], ['10.244.0.0/24']), node('m02', [address], ['10.244.1.0/24'])];
    expect(planOf({ nodes }).approvals).toContainEqual(
      expect.objectContaining({
        kind: 'gateway',
        subject: address,
        why: expect.stringContaining('but it is'),
      }),
    );
  });

  it('this host itself as the address of a node gets no route', () => {
    const nodes = [
      node('minikube', [VM], ['10.244.0.0/24']),
      node('m02', ['192.168.1.10'], ['10.244.1.0/24']),
    ];
    const made = planOf({ nodes });
    expect(routed(made)).not.toContain('10.244.1.0/24');
    expect(made.diagnostics).toContainEqual(
      expect.objectContaining({ code: 'node-address', summary: expect.stringContaining('192.168.1.10') }),
    );
  });

  it('a machine of the profile needs none', () => {
    const nodes = [
      node('minikube', [VM], ['10.244.0.0/24']),
      node('m02', ['192.168.39.8'], ['10.244.1.0/24']),
    ];
    expect(planOf({ nodes }).approvals).toEqual([]);
  });
});

describe('Services', () => {
  test.each(['8.8.8.8', '127.0.0.1', '192.168.1.1', '10.201.0.1', 'x'])(
    'that ask for %s, which is not of the pool, get nothing',
    (address) => {
      for (const asking of [{ requestedIp: address }, { loadBalancerIp: address }]) {
        const made = planOf({ services: [service('web', asking)] });
        expect(made.services).toEqual([expect.objectContaining({ state: 'pending', addresses: [] })]);
      }
    },
  );

  it('that show an address which is not of the pool are not routed to it', () => {
    const shown = service('web', { ingress: ['192.168.1.1'], ingressManager: 'mkplan' });
    expect(routed(planOf({ services: [shown] }))).not.toContain('192.168.1.1/32');
  });

  it('that were recorded at an address outside the pool do not get it', () => {
    const allocations = {
      resourceVersion: '1',
      allocations: [{ address: '8.8.8.8', service: 'default/web' }],
    };
    const made = planOf({ services: [service('web')], allocations });
    expect(routed(made)).not.toContain('8.8.8.8/32');
    expect(made.services).toEqual([expect.objectContaining({ state: 'served', addresses: ['10.200.0.1'] })]);
  });
});
