import type { Allocation, AllocationRecord } from '../model/allocation.ts';
import type { Claim, Owner } from '../model/claim.ts';
import type { ObservedCondition } from '../model/condition.ts';
import type {
  Answer,
  CriticalAddress,
  HostAddress,
  Link,
  MinikubeConfig,
  MinikubeTunnel,
  ObservedCluster,
  ObservedContext,
  ObservedEndpoints,
  ObservedHost,
  ObservedNode,
  ObservedProfile,
  ObservedService,
  ObservedState,
  OpenTransaction,
  Rule,
} from '../model/observed.ts';
import { FIELD_MANAGER, RIGHTS, RULE_ACTIONS } from '../model/observed.ts';
import type { ObservedParticipant } from '../model/participant.ts';
import { PURPOSES } from '../model/plan.ts';
import { type HostPolicy, NO_POLICY, SPEC_APPROVALS } from '../model/policy.ts';
import {
  contains,
  formatAddress,
  formatPrefix,
  type Prefix,
  parseAddress,
  truncate,
} from '../model/prefix.ts';
import {
  decodeRoute,
  encodeRoute,
  MAIN_TABLE,
  type NextHop,
  ROUTE_TYPES,
  type Route,
  type RouteDocument,
} from '../model/route.ts';
import {
  address,
  type Codec,
  cidr,
  converted,
  count,
  dictionary,
  flag,
  list,
  nullable,
  omitted,
  oneOf,
  record,
  required,
  text,
  usually,
} from './codec.ts';

/**
 * The form of each part of an observation. A key with its usual value is left out, so that a file shows what is
 * particular about a host.
 */

const canonicalCidr: Codec<string> = converted(cidr, 'a CIDR', toPrefix, formatPrefix);

function toPrefix(canonical: string): Prefix {
  const [start = '', length = ''] = canonical.split('/');
  const parsed = parseAddress(start);
  if (parsed === null) throw new RangeError(`not a canonical CIDR: ${canonical}`);
  return truncate(parsed, Number(length));
}

const routeType = oneOf(...ROUTE_TYPES);

const nextHop = record<NextHop>({
  gateway: usually(nullable(address), null),
  device: usually(nullable(text), null),
  weight: required(count),
});

const route: Codec<Route> = converted(
  record<RouteDocument>({
    destination: required(canonicalCidr),
    type: omitted(routeType),
    gateway: omitted(address),
    device: omitted(text),
    metric: omitted(count),
    protocol: omitted(count),
    table: omitted(count),
    tos: omitted(count),
    nextHops: omitted(list(nextHop)),
  }),
  'a route',
  encodeRoute,
  decodeRoute,
);

interface RuleDocument extends Omit<Rule, 'applies'> {
  /** Left out where it is what the selector makes likely. */
  readonly applies?: Rule['applies'];
}

/** A rule with a selector and nothing else is one of which nobody said whether it applies. */
const likely = ({ selector }: Pick<Rule, 'selector'>) => (selector === '' ? 'always' : 'unknown');

function encodeRule({ applies, ...rule }: Rule): RuleDocument {
  return applies === likely(rule) ? rule : { ...rule, applies };
}

const rule: Codec<Rule> = converted(
  record<RuleDocument>({
    family: required(oneOf(4, 6)),
    priority: required(count),
    action: usually(oneOf(...RULE_ACTIONS), 'lookup'),
    table: usually(nullable(count), null),
    suppressPrefixLength: usually(nullable(count), null),
    to: usually(nullable(cidr), null),
    applies: omitted(oneOf('always', 'never', 'unknown')),
    not: usually(flag, false),
    selector: usually(text, ''),
  }),
  'a rule',
  encodeRule,
  (document) => ({ ...document, applies: document.applies ?? likely(document) }),
);

const link = record<Link>({ name: required(text), up: usually(flag, true) });

/** An address with the length of its network, as ip-address(8) shows it. */
interface AddressDocument {
  readonly address: string;
  readonly device: string;
  /** Where the address is not in its network: the other end of a point-to-point link. */
  readonly network?: Prefix;
}

function encodeHostAddress({ address: own, network, device }: HostAddress): AddressDocument {
  const parsed = parseAddress(own);
  const inside = parsed !== null && contains(network, parsed);
  return inside ? { address: `${own}/${network.length}`, device } : { address: own, device, network };
}

function decodeHostAddress({ address: held, device, network }: AddressDocument): HostAddress | null {
  const [own = '', length] = held.split('/');
  const parsed = parseAddress(own);
  if (parsed === null || (length === undefined) === (network === undefined)) return null;
  if (network !== undefined) return { address: formatAddress(parsed), network, device };
  if (!/^\d{1,3}$/.test(length ?? '') || Number(length) > parsed.length) return null;
  return { address: formatAddress(parsed), network: truncate(parsed, Number(length)), device };
}

const hostAddress: Codec<HostAddress> = converted(
  record<AddressDocument>({ address: required(text), device: required(text), network: omitted(cidr) }),
  'an address with the length of its network',
  encodeHostAddress,
  decodeHostAddress,
);

const answer = record<Answer>({
  address: required(address),
  table: usually(nullable(count), MAIN_TABLE),
  type: usually(routeType, 'unicast'),
  gateway: usually(nullable(address), null),
  device: usually(nullable(text), null),
});

const critical = record<CriticalAddress>({
  kind: required(oneOf('dns-server', 'api-server', 'ssh-client', 'vpn-endpoint', 'live-peer')),
  address: required(address),
  detail: required(text),
});

const tunnel = record<MinikubeTunnel>({
  profile: required(text),
  pid: required(count),
  alive: required(flag),
  destination: required(cidr),
  gateway: required(address),
});

const policy = record<HostPolicy>({
  allow: usually(list(oneOf(...SPEC_APPROVALS)), []),
  ranges: usually(list(cidr), []),
});

const host = record<ObservedHost>({
  platform: required(oneOf('linux', 'darwin', 'win32')),
  bootId: usually(text, ''),
  networkNamespace: usually(text, ''),
  links: usually(list(link), []),
  addresses: usually(list(hostAddress), []),
  rules: usually(list(rule), []),
  routes: usually(list(route), []),
  answers: usually(list(answer), []),
  critical: usually(list(critical), []),
  minikubeTunnels: usually(list(tunnel), []),
  problems: usually(list(text), []),
  policy: usually(policy, NO_POLICY),
});

const owner = record<Owner>({
  spec: required(text),
  mode: required(oneOf('session', 'persistent')),
  pid: required(count),
  startTime: required(text),
  bootId: required(text),
  networkNamespace: required(text),
});

const claim = record<Claim>({
  profile: required(text),
  purpose: required(oneOf(...PURPOSES)),
  created: required(text),
  route: required(route),
  owner: required(owner),
});

const transaction = record<OpenTransaction>({
  txid: required(text),
  decided: required(flag),
  awaiting: usually(flag, false),
  changes: required(count),
  spec: required(text),
});

const config = record<MinikubeConfig>({
  driver: required(text),
  unroutable: usually(nullable(text), null),
  serviceCidr: usually(nullable(text), null),
  nodes: usually(
    list(
      record<MinikubeConfig['nodes'][number]>({
        name: required(text),
        ip: required(address),
        controlPlane: usually(flag, false),
      }),
    ),
    [],
  ),
});

const context = record<ObservedContext>({
  name: required(text),
  server: required(text),
  fromMinikube: usually(flag, false),
  answeredAt: usually(nullable(address), null),
});

const node = record<ObservedNode>({
  name: required(text),
  ready: usually(flag, true),
  controlPlane: usually(flag, false),
  internalIps: usually(list(address), []),
  podCidrs: usually(list(canonicalCidr), []),
});

const condition = record<ObservedCondition>({
  status: required(oneOf('True', 'False', 'Unknown')),
  reason: required(text),
  message: required(text),
  lastTransitionTime: usually(nullable(text), null),
  manager: usually(text, FIELD_MANAGER),
});

const service = record<ObservedService>({
  namespace: required(text),
  name: required(text),
  uid: required(text),
  resourceVersion: required(text),
  created: required(text),
  type: usually(text, 'LoadBalancer'),
  loadBalancerClass: usually(nullable(text), null),
  ipFamilyPolicy: usually(nullable(text), null),
  ipFamilies: usually(list(oneOf('IPv4', 'IPv6')), []),
  clusterIps: usually(list(address), []),
  externalTrafficPolicy: usually(nullable(text), null),
  // What a user wrote: it may be no address at all, which the plan then says.
  loadBalancerIp: usually(nullable(text), null),
  requestedIp: usually(nullable(text), null),
  ingress: usually(list(address), []),
  ingressManager: usually(nullable(text), null),
  condition: usually(nullable(condition), null),
  ports: usually(list(text), []),
});

const endpoints = record<ObservedEndpoints>({
  namespace: required(text),
  service: required(text),
  readyByNode: usually(dictionary(count), {}),
});

const cluster = record<ObservedCluster>({
  version: usually(text, ''),
  serviceCidrs: usually(list(canonicalCidr), []),
  kubeadm: usually(
    nullable(
      record<NonNullable<ObservedCluster['kubeadm']>>({
        serviceSubnet: usually(nullable(text), null),
        podSubnet: usually(nullable(text), null),
      }),
    ),
    null,
  ),
  otherLoadBalancers: usually(list(text), []),
  nodes: usually(list(node), []),
  services: usually(list(service), []),
  endpoints: usually(list(endpoints), []),
  allocations: usually(
    nullable(
      record<AllocationRecord>({
        resourceVersion: usually(nullable(text), null),
        allocations: usually(
          list(record<Allocation>({ address: required(address), service: required(text) })),
          [],
        ),
      }),
    ),
    null,
  ),
  participants: usually(
    nullable(
      list(
        record<ObservedParticipant>({
          name: required(text),
          holder: usually(text, ''),
          own: usually(flag, false),
          live: usually(flag, true),
          leaving: usually(flag, false),
        }),
      ),
    ),
    [],
  ),
  strayPods: usually(
    list(record<ObservedCluster['strayPods'][number]>({ address: required(address), node: required(text) })),
    [],
  ),
  missingRights: usually(list(oneOf(...RIGHTS)), []),
});

const profile = record<ObservedProfile>({
  name: required(text),
  problems: usually(list(text), []),
  config: usually(nullable(config), null),
  minikubeIp: usually(nullable(address), null),
  context: usually(nullable(context), null),
  cluster: usually(nullable(cluster), null),
});

/** The whole of an observation, below its header. */
export const observedState: Codec<ObservedState> = record<ObservedState>({
  host: required(host),
  registry: usually(
    record<ObservedState['registry']>({
      claims: usually(list(claim), []),
      open: usually(nullable(transaction), null),
    }),
    { claims: [], open: null },
  ),
  profiles: usually(list(profile), []),
});
