/** What the values of the model look like, told apart from how they are read: an independent judge of accepted input. */

import {
  type Answer,
  type HostAddress,
  type Link,
  type ObservedNode,
  type ObservedService,
  RULE_ACTIONS,
  type Rule,
} from '../../src/model/observed.ts';
import {
  addressBits,
  formatAddress,
  type Prefix,
  parseAddress,
  parsePrefix,
  truncate,
} from '../../src/model/prefix.ts';
import { ROUTE_TYPES, type Route } from '../../src/model/route.ts';
import { must } from './target.ts';

type Check = (value: unknown) => boolean;
type Keys<T> = { readonly [K in keyof T]-?: Check };

const isText = (value: unknown) => typeof value === 'string';
const isFlag = (value: unknown) => typeof value === 'boolean';
const isCount = (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 0;
const orNull = (check: (value: unknown) => boolean) => (value: unknown) => value === null || check(value);
const listOf = (check: (value: unknown) => boolean) => (value: unknown) =>
  Array.isArray(value) && value.every(check);
const oneOf = (values: readonly unknown[]) => (value: unknown) => values.includes(value);

function isAddress(value: unknown): boolean {
  const parsed = typeof value === 'string' ? parseAddress(value) : null;
  return parsed !== null && formatAddress(parsed) === value;
}

function isCidr(value: unknown): boolean {
  return typeof value === 'string' && value.includes('/') && parsePrefix(value) !== null;
}

function isPrefix(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const { family, start, length } = value as Prefix;
  if (family !== 4 && family !== 6) return false;
  if (!isCount(length) || length > addressBits(family)) return false;
  const isNumber = family === 4 ? isCount(start) && Number(start) < 2 ** 32 : typeof start === 'bigint';
  return isNumber && truncate(value as Prefix, length).start === start;
}

/** `optional`: keys that may be left out. */
function shaped<T extends object>(
  what: string,
  keys: Keys<T>,
  optional: readonly (keyof T & string)[] = [],
): (value: T) => void {
  const checks = new Map(Object.entries(keys) as [keyof T & string, Check][]);
  return (value) => {
    const fields = new Map<string, unknown>(Object.entries(value));
    for (const [key, check] of checks) {
      const isLeftOut = optional.includes(key) && !fields.has(key);
      must(isLeftOut || (fields.has(key) && check(fields.get(key))), `${what} has an unexpected ${key}`);
    }
    const known = new Set<string>(checks.keys());
    must(
      [...fields.keys()].every((key) => known.has(key)),
      `${what} has other keys: ${[...fields.keys()].join(', ')}`,
    );
  };
}

const nextHop = shaped<Route['nextHops'][number]>('a next hop', {
  gateway: orNull(isText),
  device: orNull(isText),
  weight: isCount,
});

const routeShape = shaped<Route>('a route', {
  type: oneOf(ROUTE_TYPES),
  destination: isPrefix,
  tos: isCount,
  table: isCount,
  metric: isCount,
  gateway: orNull(isText),
  device: orNull(isText),
  protocol: isCount,
  nextHops: Array.isArray,
});

export function mustBeRoute(route: Route): void {
  routeShape(route);
  route.nextHops.forEach(nextHop);
}

export const mustBeRule = shaped<Rule>('a rule', {
  family: oneOf([4, 6]),
  priority: isCount,
  action: oneOf(RULE_ACTIONS),
  table: orNull(isCount),
  suppressPrefixLength: orNull(isCount),
  to: orNull(isPrefix),
  applies: oneOf(['always', 'never', 'unknown']),
  not: isFlag,
  selector: isText,
});

export const mustBeLink = shaped<Link>('a link', { name: isText, up: isFlag });

export const mustBeHostAddress = shaped<HostAddress>('an address', {
  address: isAddress,
  network: isPrefix,
  device: isText,
});

export const mustBeAnswer = shaped<Answer>('an answer', {
  address: isAddress,
  table: orNull(isCount),
  type: oneOf(ROUTE_TYPES),
  gateway: orNull(isAddress),
  device: orNull(isText),
});

export const mustBeNode = shaped<ObservedNode>(
  'a Node',
  {
    name: isText,
    ready: isFlag,
    controlPlane: isFlag,
    internalIps: listOf(isAddress),
    podCidrs: listOf(isCidr),
    provider: isText,
    serviceRange: isText,
    bootId: isText,
    strange: listOf(isText),
  },
  ['provider', 'serviceRange', 'bootId', 'strange'],
);

const isCondition = (value: unknown): boolean => {
  const { status, reason, message, lastTransitionTime, manager } = value as Record<string, unknown>;
  return (
    oneOf(['True', 'False', 'Unknown'])(status) &&
    [reason, message, manager].every(isText) &&
    orNull(isText)(lastTransitionTime)
  );
};

const isTexts = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && Object.values(value).every(isText);

export const mustBeService = shaped<ObservedService>(
  'a Service',
  {
    namespace: isText,
    name: isText,
    uid: isText,
    resourceVersion: isText,
    type: isText,
    loadBalancerClass: orNull(isText),
    clusterIps: listOf(isAddress),
    ipFamilies: listOf(oneOf(['IPv4', 'IPv6'])),
    ipFamilyPolicy: orNull(isText),
    externalTrafficPolicy: orNull(isText),
    loadBalancerIp: orNull(isText),
    requestedIp: orNull(isText),
    otherRequests: isTexts,
    ingress: listOf(isAddress),
    ingressNames: listOf(isText),
    ingressManager: orNull(isText),
    condition: orNull(isCondition),
    created: isText,
    hasSelector: isFlag,
    ports: listOf(isText),
    hasController: isFlag,
  },
  ['hasController'],
);

export const isKubeadm = (value: unknown): boolean => {
  if (value === null) return true;
  const { serviceSubnet, podSubnet, apiServerRange = null } = value as Record<string, unknown>;
  return [serviceSubnet, podSubnet, apiServerRange].every(orNull(isText));
};

export const areAddresses = listOf(isAddress);
export const areTexts = listOf(isText);
