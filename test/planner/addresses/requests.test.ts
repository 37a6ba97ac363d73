import { describe, expect, it } from 'vitest';
import type { DesiredLoadBalancer } from '../../../src/model/desired.ts';
import type { ObservedService } from '../../../src/model/observed.ts';
import { allocate } from '../../../src/planner/addresses/allocate.ts';
import * as build from '../build.ts';

const POOL = ['10.200.0.0/24', 'fd20::/120'];

/** What becomes of Services: state, addresses, and why. */
function allocated(
  services: readonly ObservedService[],
  lb: Partial<DesiredLoadBalancer> = {},
): Record<string, { readonly shown: string; readonly reason: string; readonly unmet: string | undefined }> {
  const profile = build.profile({ loadBalancer: build.loadBalancer(POOL, lb) });
  const { services: summaries } = allocate(profile, build.cluster({ services }), new Set());
  return Object.fromEntries(
    summaries.map(({ name, state, addresses, reason, unmet }) => [
      name,
      { shown: [state, ...addresses].join(' '), reason, unmet },
    ]),
  );
}

const ours = (...ingress: readonly string[]) => ({ ingress, ingressManager: 'mkplan' });
const DUAL = { ipFamilies: ['IPv4', 'IPv6'], ipFamilyPolicy: 'PreferDualStack' } as const;
const METALLB = 'metallb.io/loadBalancerIPs';

describe('a request', () => {
  it.each<[string, Partial<ObservedService>, string, RegExp]>([
    ['of one address', { requestedIp: '10.200.0.21' }, 'served 10.200.0.21', /asks for/],
    ['with blanks around it', { requestedIp: ' 10.200.0.21\n' }, 'served 10.200.0.21', /asks for/],
    [
      'of both families, with a blank',
      { ...DUAL, requestedIp: '10.200.0.21, fd20::21' },
      'served 10.200.0.21 fd20::21',
      /asks for/,
    ],
    [
      'of both families, the other way round',
      { ...DUAL, loadBalancerIp: 'fd20::21,10.200.0.21' },
      'served 10.200.0.21 fd20::21',
      /asks for/,
    ],
    [
      'of one family of two',
      { ...DUAL, requestedIp: 'fd20::21' },
      'served 10.200.0.1 fd20::21',
      /asks for.*lowest|lowest.*asks for/,
    ],
    [
      'spelt with a zero group',
      { ipFamilies: ['IPv6'], requestedIp: 'fd20:0::22' },
      'served fd20::22',
      /asks for/,
    ],
    ['spelt in upper case', { ipFamilies: ['IPv6'], requestedIp: 'FD20::AB' }, 'served fd20::ab', /asks for/],
    ['given twice', { requestedIp: '10.200.0.21,10.200.0.21' }, 'served 10.200.0.21', /asks for/],
    [
      'made twice, spelt differently',
      { ipFamilies: ['IPv6'], requestedIp: 'fd20:0::22', loadBalancerIp: 'fd20::22' },
      'served fd20::22',
      /asks for/,
    ],
    [
      'made by one source for each family',
      { ...DUAL, requestedIp: '10.200.0.21', otherRequests: { [METALLB]: 'fd20::21' } },
      'served 10.200.0.21 fd20::21',
      /asks for/,
    ],
    ['of an empty spec.loadBalancerIP is none', { loadBalancerIp: '' }, 'served 10.200.0.1', /lowest/],
    ['that is empty', { requestedIp: '' }, 'pending', /^its annotation mkplan\/ip is empty/],
    ['of blanks', { requestedIp: ' \t' }, 'pending', /^its annotation mkplan\/ip is empty/],
    ['with an empty part', { requestedIp: '10.200.0.21,' }, 'pending', /asks for "" .*not an IP address/],
    ['with a leading zero', { requestedIp: '10.200.0.021' }, 'pending', /"10\.200\.0\.021" .*not an IP/],
    ['of a CIDR', { requestedIp: '10.200.0.21/32' }, 'pending', /not an IP address/],
    ['of a range', { requestedIp: '10.200.0.21-10.200.0.22' }, 'pending', /not an IP address/],
    [
      'of IPv4 written as IPv6',
      { requestedIp: '::ffff:10.200.0.21' },
      'pending',
      /IPv4 address written as IPv6: write 10\.200\.0\.21$/,
    ],
    [
      'of two addresses of one family',
      { requestedIp: '10.200.0.21,10.200.0.22' },
      'pending',
      /asks for 10\.200\.0\.21 and 10\.200\.0\.22 \(mkplan\/ip\), and a Service has one IPv4 address/,
    ],
    [
      'of a family that the Service has not',
      { requestedIp: 'fd20::24' },
      'pending',
      /asks for fd20::24, but fd20::24 is an IPv6 address, and the Service has the families IPv4 alone/,
    ],
    [
      'of both families by a Service of one',
      { requestedIp: '10.200.0.21,fd20::21' },
      'pending',
      /fd20::21 is an IPv6 address/,
    ],
    [
      'that another one contradicts',
      { requestedIp: '10.200.0.21', otherRequests: { [METALLB]: '10.200.0.22' } },
      'pending',
      /^mkplan\/ip \(10\.200\.0\.21\) and metallb\.io\/loadBalancerIPs \(10\.200\.0\.22\) differ$/,
    ],
  ])('%s', (_, asking, shown, reason) => {
    const { web } = allocated([build.service('web', asking)]);
    expect(web).toMatchObject({ shown, reason: expect.stringMatching(reason), unmet: undefined });
  });

  it.each([
    'io.cilium/lb-ipam-ips',
    'kube-vip.io/loadbalancerIPs',
    'lbipam.cilium.io/ips',
    METALLB,
    'metallb.universe.tf/loadBalancerIPs',
  ])('in the words of others counts: %s', (annotation) => {
    const asking = (text: string) =>
      allocated([build.service('web', { otherRequests: { [annotation]: text } })])['web'];
    expect(asking('10.200.0.21')).toMatchObject({ shown: 'served 10.200.0.21' });
    expect(asking('192.168.1.9')).toMatchObject({
      shown: 'pending',
      reason: 'it asks for 192.168.1.9, which the pool does not have',
    });
    expect(asking('dhcp')).toMatchObject({ reason: expect.stringContaining(annotation) });
  });

  it('that cannot be met takes no address from the pool', () => {
    const services = [
      build.service('a', { ipFamilies: ['IPv6'], requestedIp: '10.200.0.42' }),
      build.service('b', { requestedIp: '10.200.0.42' }),
    ];
    expect(allocated(services)).toMatchObject({
      a: { shown: 'pending' },
      b: { shown: 'served 10.200.0.42' },
    });
  });

  it.each<[string, Partial<ObservedService>]>([
    ['is empty', { requestedIp: '' }],
    ['is of another family', { requestedIp: 'fd20::9' }],
    ['is outside the pool', { requestedIp: '10.9.9.9' }],
    ['cannot be read', { requestedIp: 'web.example' }],
    ['names what another Service has', { requestedIp: '10.200.0.6' }],
    ['names what is reserved for another one', { requestedIp: '10.200.0.7' }],
    ['contradicts itself', { requestedIp: '10.200.0.8', loadBalancerIp: '10.200.0.9' }],
  ])('that %s leaves a Service the address it has, and says so', (_, asking) => {
    const services = [
      build.service('web', { ...ours('10.200.0.5'), ...asking }),
      build.service('other', ours('10.200.0.6')),
    ];
    const reservations = build.reserved({ 'default/x': ['10.200.0.7'] });
    expect(allocated(services, { reservations })).toMatchObject({
      web: {
        shown: 'served 10.200.0.5',
        unmet: expect.stringMatching(/./),
        reason: expect.stringMatching(/^it has this address; ./),
      },
    });
  });

  it('moves a Service once it can be met', () => {
    const { web } = allocated([build.service('web', { ...ours('10.200.0.5'), requestedIp: '10.200.0.9' })]);
    expect(web).toMatchObject({ shown: 'served 10.200.0.9', unmet: undefined });
  });

  it('of two Services for each other’s address is met', () => {
    const services = [
      build.service('a', { ...ours('10.200.0.5'), requestedIp: '10.200.0.6' }),
      build.service('b', { ...ours('10.200.0.6'), requestedIp: '10.200.0.5' }),
    ];
    expect(allocated(services)).toMatchObject({
      a: { shown: 'served 10.200.0.6' },
      b: { shown: 'served 10.200.0.5' },
    });
  });

  it('for the address of one that is refused is refused as well, along the whole row', () => {
    const services = [
      build.service('a', { ...ours('10.200.0.5'), requestedIp: '10.200.0.6' }),
      build.service('b', { ...ours('10.200.0.6'), requestedIp: '10.200.0.7' }),
      build.service('c', { ...ours('10.200.0.7'), requestedIp: '10.9.9.9' }),
      build.service('new', { requestedIp: '10.200.0.5' }),
    ];
    expect(allocated(services)).toMatchObject({
      a: { shown: 'served 10.200.0.5', unmet: expect.stringContaining('10.200.0.6') },
      b: { shown: 'served 10.200.0.6', unmet: expect.stringContaining('10.200.0.7') },
      c: { shown: 'served 10.200.0.7', unmet: expect.stringContaining('10.9.9.9') },
      new: { shown: 'pending' },
    });
  });

  it('of several for one address goes to the oldest, and the others keep theirs', () => {
    const services = [
      build.service('old', { created: '2025-01-01T00:00:00Z', requestedIp: '10.200.0.9' }),
      build.service('young', { ...ours('10.200.0.5'), requestedIp: '10.200.0.9' }),
      build.service('third', { created: '2025-02-01T00:00:00Z', requestedIp: '10.200.0.5' }),
    ];
    expect(allocated(services)).toMatchObject({
      old: { shown: 'served 10.200.0.9' },
      young: { shown: 'served 10.200.0.5' },
      third: { shown: 'pending' },
    });
  });

  it('with `assign: clusterIP` is answered', () => {
    const assign = { assign: 'clusterIP' } as const;
    const services = [
      build.service('none'),
      build.service('own', { requestedIp: '10.96.0.50' }),
      build.service('other', { requestedIp: '10.200.0.9' }),
      build.service('bad', { requestedIp: 'x' }),
      build.service('shown', { ...ours('10.96.0.50'), requestedIp: '10.200.0.9' }),
    ];
    const why = /asks for 10\.200\.0\.9, and with `assign: clusterIP` no Service gets another address/;
    expect(allocated(services, assign)).toMatchObject({
      none: { shown: 'served 10.96.0.50' },
      own: { shown: 'served 10.96.0.50', unmet: undefined },
      other: { shown: 'pending', reason: expect.stringMatching(why) },
      bad: { shown: 'pending', reason: expect.stringContaining('not an IP address') },
      shown: { shown: 'served 10.96.0.50', unmet: expect.stringMatching(why) },
    });
  });
});

describe('a reservation', () => {
  const reservations = (...addresses: readonly string[]) => ({
    reservations: build.reserved({ 'default/web': addresses }),
  });

  it.each<[string, readonly string[], Partial<ObservedService>, string]>([
    ['of both families', ['10.200.0.21', 'fd20::21'], DUAL, 'served 10.200.0.21 fd20::21'],
    ['of one family of two', ['fd20::21'], DUAL, 'served 10.200.0.1 fd20::21'],
    ['of a family that the Service has not', ['fd20::9'], {}, 'pending'],
    ['of both families for a Service of one', ['10.200.0.21', 'fd20::21'], {}, 'pending'],
    ['of another family than it shows', ['fd20::9'], ours('10.200.0.5'), 'served 10.200.0.5'],
    [
      'of both families for one that has the first',
      ['10.200.0.21', 'fd20::21'],
      ours('10.200.0.21'),
      'served 10.200.0.21',
    ],
  ])('%s', (_, addresses, rest, shown) => {
    const { web } = allocated([build.service('web', rest)], reservations(...addresses));
    expect(web).toMatchObject({
      shown,
      ...(shown === 'pending'
        ? { reason: expect.stringContaining(`${addresses.join(', ')} is reserved for it`) }
        : {}),
    });
  });

  it('goes before a request, which is told why', () => {
    const asking = build.service('web', { requestedIp: '10.200.0.22' });
    expect(allocated([asking], reservations('10.200.0.21'))['web']).toMatchObject({
      shown: 'served 10.200.0.21',
      unmet: 'it asks for 10.200.0.22, but tunnel.yaml reserves 10.200.0.21 for it',
    });
    const bad = build.service('web', { requestedIp: 'x' });
    expect(allocated([bad], reservations('10.200.0.21'))['web']).toMatchObject({
      shown: 'served 10.200.0.21',
      unmet: expect.stringContaining('not an IP address'),
    });
  });

  it('that a foreign Service shows leaves its Service the address it has', () => {
    const services = [
      build.service('metal', { ingress: ['10.200.0.21'], ingressManager: 'speaker' }),
      build.service('web', ours('10.200.0.5')),
    ];
    expect(allocated(services, reservations('10.200.0.21'))['web']).toMatchObject({
      shown: 'served 10.200.0.5',
      unmet: '10.200.0.21 is reserved for it, but another Service shows it',
    });
  });
});

describe('what another field manager owns', () => {
  it.each<[string, Partial<ObservedService>, string]>([
    ['a host name', { ingressNames: ['lb.example.com'] }, 'foreign lb.example.com'],
    [
      'a host name and an address',
      { ingress: ['192.0.2.1'], ingressNames: ['lb.example.com'] },
      'foreign 192.0.2.1 lb.example.com',
    ],
    ['an ingress that shows nothing', {}, 'foreign'],
  ])('is foreign: %s', (_, rest, shown) => {
    const web = build.service('web', { ingressManager: 'aws-lb', ...rest });
    expect(allocated([web])['web']).toMatchObject({ shown, reason: expect.stringContaining('aws-lb owns') });
  });

  it('is foreign though nothing says who it is', () => {
    const web = build.service('web', { ingressNames: ['lb.example.com'] });
    expect(allocated([web])['web']).toMatchObject({
      shown: 'foreign lb.example.com',
      reason: 'an unknown manager owns its ingress',
    });
  });
});
