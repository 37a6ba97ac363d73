import { isDeepStrictEqual } from 'node:util';
import type {
  Answer,
  CriticalAddress,
  HostAddress,
  Link,
  MinikubeTunnel,
  ObservedHost,
  Rule,
} from '../model/observed.ts';
import { RULE_ACTIONS } from '../model/observed.ts';
import { type HostPolicy, NO_POLICY, SPEC_APPROVALS } from '../model/policy.ts';
import { contains, formatAddress, type Prefix, parseAddress, truncate } from '../model/prefix.ts';
import {
  decodeRoute,
  encodeRoute,
  MAIN_TABLE,
  type NextHop,
  ROUTE_TYPES,
  type Route,
  type RouteDocument,
} from '../model/route.ts';
import { type Capabilities, SYSTEMS, USUAL_CAPABILITIES } from '../model/system.ts';
import {
  address,
  type Codec,
  canonicalCidr,
  cidr,
  converted,
  count,
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

const routeType = oneOf(...ROUTE_TYPES);

const nextHop = record<NextHop>({
  gateway: usually(nullable(address), null),
  device: usually(nullable(text), null),
  weight: required(count),
});

/** A route, as an observation writes it. */
export const route: Codec<Route> = converted(
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
  kind: required(oneOf('dns-server', 'api-server', 'ssh-client', 'vpn-endpoint', 'proxy', 'live-peer')),
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

const capabilities = record<Capabilities>({
  protocols: required(flag),
  guards: required(flag),
  hostContainers: required(flag),
});

type RecordedHost = Omit<ObservedHost, 'capabilities'> & { readonly capabilities?: Capabilities };

const recordedHost = record<RecordedHost>({
  platform: required(oneOf(...SYSTEMS)),
  capabilities: omitted(capabilities),
  bootId: usually(text, ''),
  networkNamespace: usually(text, ''),
  links: usually(list(link), []),
  addresses: usually(list(hostAddress), []),
  rules: usually(list(rule), []),
  routes: usually(list(route), []),
  answers: usually(list(answer), []),
  critical: usually(list(critical), []),
  minikubeTunnels: usually(list(tunnel), []),
  minikubeTunnelsUnknown: omitted(flag),
  problems: usually(list(text), []),
  policy: usually(policy, NO_POLICY),
});

/** What a host was found to be; its capabilities are left out where they are those that its platform usually has. */
export const host: Codec<ObservedHost> = {
  encode({ capabilities: found, ...rest }) {
    const isUsual = isDeepStrictEqual(
      capabilities.encode(found),
      capabilities.encode(USUAL_CAPABILITIES[rest.platform]),
    );
    return recordedHost.encode(isUsual ? rest : { ...rest, capabilities: found });
  },
  decode(at) {
    const recorded = recordedHost.decode(at);
    return { ...recorded, capabilities: recorded.capabilities ?? USUAL_CAPABILITIES[recorded.platform] };
  },
};
