import fc from 'fast-check';
import type { Claim } from '../../src/model/claim.ts';
import type {
  Answer,
  HostAddress,
  ObservedCluster,
  ObservedNode,
  ObservedProfile,
  ObservedService,
  ObservedState,
  Rule,
} from '../../src/model/observed.ts';
import { RIGHTS, RULE_ACTIONS } from '../../src/model/observed.ts';
import type { Serving } from '../../src/model/participant.ts';
import { PURPOSES } from '../../src/model/plan.ts';
import { SPEC_APPROVALS } from '../../src/model/policy.ts';
import { formatAddress, formatPrefix, type Prefix, parseAddress, truncate } from '../../src/model/prefix.ts';
import type { NextHop, Route } from '../../src/model/route.ts';
import { SYSTEMS } from '../../src/model/system.ts';

function must(text: string): Prefix {
  const parsed = parseAddress(text);
  if (parsed === null) throw new Error(`not an address: ${text}`);
  return parsed;
}

const host: fc.Arbitrary<Prefix> = fc.oneof(
  fc.ipV4().map(must),
  fc.bigInt({ min: 0n, max: (1n << 128n) - 1n }).map((start): Prefix => ({ family: 6, start, length: 128 })),
);
const prefix: fc.Arbitrary<Prefix> = fc
  .tuple(host, fc.nat({ max: 128 }))
  .map(([address, length]) => truncate(address, Math.min(length, address.length)));
const address = host.map(formatAddress);
const cidr = prefix.map(formatPrefix);
/** Text with what YAML is touchy about. */
const text = fc.oneof(
  fc.string(),
  fc.string({ unit: 'grapheme' }),
  fc.constantFrom(
    'yes',
    'null',
    '~',
    '010',
    '1e3',
    ': a',
    '- b',
    '# c',
    'a, b',
    '{',
    '[]',
    '*a',
    '&a',
    '!t',
    '\n',
    ' ',
  ),
);
const orNull = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: null });
const some = <T>(arbitrary: fc.Arbitrary<T>) => fc.array(arbitrary, { maxLength: 3 });
const count = fc.nat({ max: 4_294_967_295 });
const routeType = fc.constantFrom('unicast', 'local', 'unreachable', 'blackhole', 'throw', 'other');

const nextHop: fc.Arbitrary<NextHop> = fc.record({
  gateway: orNull(address),
  device: orNull(text),
  weight: count,
});

const route: fc.Arbitrary<Route> = fc.record({
  type: routeType,
  destination: prefix,
  tos: count,
  table: fc.oneof(fc.constant(254), count),
  metric: count,
  gateway: orNull(address),
  device: orNull(text),
  protocol: count,
  nextHops: some(nextHop),
});

const rule: fc.Arbitrary<Rule> = fc.record({
  family: fc.constantFrom(4, 6),
  priority: count,
  action: fc.constantFrom(...RULE_ACTIONS),
  table: orNull(count),
  suppressPrefixLength: orNull(count),
  to: orNull(prefix),
  applies: fc.constantFrom('always', 'never', 'unknown'),
  not: fc.boolean(),
  selector: text,
});

const hostAddress: fc.Arbitrary<HostAddress> = fc
  .tuple(host, fc.option(prefix, { nil: undefined }), fc.nat({ max: 128 }), text)
  .map(([own, other, length, device]) => ({
    address: formatAddress(own),
    network: other ?? truncate(own, Math.min(length, own.length)),
    device,
  }));

const answer: fc.Arbitrary<Answer> = fc.record({
  address,
  table: orNull(count),
  type: routeType,
  gateway: orNull(address),
  device: orNull(text),
});

const claim: fc.Arbitrary<Claim> = fc.record({
  profile: text,
  purpose: fc.constantFrom(...PURPOSES),
  route,
  created: text,
  owner: fc.record({
    spec: text,
    mode: fc.constantFrom('session', 'persistent'),
    pid: count,
    startTime: text,
    bootId: text,
    networkNamespace: text,
  }),
});

const node: fc.Arbitrary<ObservedNode> = fc.record(
  {
    name: text,
    ready: fc.boolean(),
    controlPlane: fc.boolean(),
    internalIps: some(address),
    podCidrs: some(cidr),
    provider: text,
    serviceRange: text,
    bootId: text,
    strange: some(text),
  },
  { requiredKeys: ['name', 'ready', 'controlPlane', 'internalIps', 'podCidrs'] },
);

const service: fc.Arbitrary<ObservedService> = fc.record({
  namespace: text,
  name: text,
  uid: text,
  resourceVersion: text,
  type: fc.constantFrom('LoadBalancer', 'ClusterIP'),
  loadBalancerClass: orNull(text),
  clusterIps: some(address),
  ipFamilies: some(fc.constantFrom('IPv4', 'IPv6')),
  ipFamilyPolicy: orNull(text),
  externalTrafficPolicy: orNull(text),
  loadBalancerIp: orNull(text),
  requestedIp: orNull(text),
  otherRequests: fc.dictionary(text, text, { maxKeys: 2 }),
  ingress: some(address),
  ingressNames: some(text),
  ingressManager: orNull(text),
  condition: orNull(
    fc.record({
      status: fc.constantFrom('True', 'False', 'Unknown'),
      reason: text,
      message: text,
      lastTransitionTime: orNull(text),
      manager: text,
    }),
  ),
  created: text,
  hasSelector: fc.boolean(),
  ports: some(text),
  hasController: fc.boolean(),
});

const serving: fc.Arbitrary<Serving> = fc.record({
  class: text,
  unclassed: fc.constantFrom<Serving['unclassed']>('auto', true, false),
  pool: orNull(some(text)),
});

const alwaysTold = fc.record({
  identity: orNull(fc.record({ uid: text, created: text })),
  version: text,
  nodes: some(node),
  serviceCidrs: some(cidr),
  kubeadm: orNull(
    fc.record(
      { serviceSubnet: orNull(text), podSubnet: orNull(text), apiServerRange: text },
      { requiredKeys: ['serviceSubnet', 'podSubnet'] },
    ),
  ),
  otherLoadBalancers: some(text),
  services: some(service),
  endpoints: some(
    fc.record({
      namespace: text,
      service: text,
      slices: count,
      readyElsewhere: count,
      readyByNode: some(fc.tuple(text, count)).map((pairs) => Object.fromEntries(pairs)),
    }),
  ),
  allocations: fc.option(
    fc.record({
      resourceVersion: fc.option(text, { nil: null }),
      allocations: some(fc.record({ address, service: text })),
    }),
    { nil: null },
  ),
  participants: fc.option(
    some(
      fc.record(
        {
          name: text,
          holder: text,
          own: fc.boolean(),
          live: fc.boolean(),
          lasting: fc.boolean(),
          leaving: fc.boolean(),
          serves: orNull(some(serving)),
        },
        { requiredKeys: ['name', 'holder', 'own', 'live', 'leaving', 'serves'] },
      ),
    ),
    { nil: null },
  ),
  missingRights: fc.subarray([...RIGHTS]),
  strayPods: some(fc.record({ address, node: text })),
});

const seldomTold = fc.record(
  { strange: some(text), podBlocks: some(fc.record({ cidr, node: text, plugin: text })) },
  { requiredKeys: [] },
);

const cluster: fc.Arbitrary<ObservedCluster> = fc
  .tuple(alwaysTold, seldomTold)
  .map(([always, seldom]) => ({ ...always, ...seldom }));

const profile: fc.Arbitrary<ObservedProfile> = fc.record({
  name: text,
  config: orNull(
    fc.record(
      {
        driver: text,
        unroutable: orNull(text),
        nodes: some(fc.record({ name: text, ip: address, controlPlane: fc.boolean() })),
        serviceCidr: orNull(text),
        servers: some(text),
        apiServerRange: text,
        podSubnet: text,
        strange: some(text),
      },
      { requiredKeys: ['driver', 'unroutable', 'nodes', 'serviceCidr'] },
    ),
  ),
  minikubeIp: orNull(address),
  context: orNull(
    fc.record({
      name: text,
      server: text,
      fromMinikube: fc.boolean(),
      answeredAt: orNull(address),
      // What follows a blank is not written.
      program: orNull(text.map((word) => word.replaceAll(' ', ''))),
      proxy: orNull(address),
    }),
  ),
  cluster: orNull(cluster),
  problems: some(text),
});

export const observedState: fc.Arbitrary<ObservedState> = fc.record({
  host: fc.record({
    platform: fc.constantFrom(...SYSTEMS),
    capabilities: fc.record({ protocols: fc.boolean(), guards: fc.boolean(), hostContainers: fc.boolean() }),
    bootId: text,
    networkNamespace: text,
    rules: some(rule),
    routes: some(route),
    links: some(fc.record({ name: text, up: fc.boolean() })),
    addresses: some(hostAddress),
    answers: some(answer),
    critical: some(
      fc.record({
        kind: fc.constantFrom('dns-server', 'api-server', 'ssh-client', 'vpn-endpoint', 'live-peer'),
        address,
        detail: text,
      }),
    ),
    minikubeTunnels: some(
      fc.record({ profile: text, pid: count, alive: fc.boolean(), destination: prefix, gateway: address }),
    ),
    problems: some(text),
    policy: fc.record({ allow: some(fc.constantFrom(...SPEC_APPROVALS)), ranges: some(prefix) }),
  }),
  registry: fc.record({
    claims: some(claim),
    open: orNull(
      fc.record({ txid: text, decided: fc.boolean(), awaiting: fc.boolean(), changes: count, spec: text }),
    ),
  }),
  profiles: some(profile),
});
