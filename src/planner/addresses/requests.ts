import type { Diagnostic } from '../../model/diagnostic.ts';
import type { ObservedService } from '../../model/observed.ts';
import { type ServiceSummary, serviceName } from '../../model/plan.ts';
import { type Family, formatAddress, type Prefix, parseAddress } from '../../model/prefix.ts';

/** What a Service asks for itself: canonical addresses, or why its request cannot be read. */
export interface Request {
  readonly addresses: ReadonlyMap<Family, string>;
  /** For people; null where there is nothing wrong. */
  readonly problem: string | null;
}

const NOTHING: Request = { addresses: new Map(), problem: null };

/** So much of a text is shown that asks for something. */
const LONGEST_EXCERPT = 80;

function quoted(text: string): string {
  return JSON.stringify(text.length <= LONGEST_EXCERPT ? text : `${text.slice(0, LONGEST_EXCERPT)}…`);
}

function refused(problem: string): Request {
  return { addresses: new Map(), problem };
}

/** The IPv4 address in an IPv4-mapped one (RFC 4291, section 2.5.5.2); null for any other. */
function mappedIpv4({ family, start }: Prefix): string | null {
  if (family === 4 || BigInt(start) >> 32n !== 0xffffn) return null;
  return formatAddress({ family: 4, start: Number(BigInt(start) & 0xffff_ffffn), length: 32 });
}

/** The address of one part of a request, or why it is none. */
function readPart(part: string, source: string): { readonly address: Prefix } | string {
  const address = parseAddress(part);
  if (address === null) return `it asks for ${quoted(part)} (${source}), which is not an IP address`;
  const mapped = mappedIpv4(address);
  if (mapped === null) return { address };
  return `it asks for ${part} (${source}), an IPv4 address written as IPv6: write ${mapped}`;
}

/** Reads one text: an address, or several with commas between them, at most one of each family. */
function readRequest(source: string, text: string): Request {
  const addresses = new Map<Family, string>();
  for (const part of text.split(',').map((piece) => piece.trim())) {
    const read = readPart(part, source);
    if (typeof read === 'string') return refused(read);
    const { family } = read.address;
    const [canonical, other] = [formatAddress(read.address), addresses.get(family)];
    if (other !== undefined && other !== canonical) {
      return refused(
        `it asks for ${other} and ${canonical} (${source}), and a Service has one IPv${family} address`,
      );
    }
    addresses.set(family, canonical);
  }
  return { addresses, problem: null };
}

/**
 * The places where a Service asks. An empty `spec.loadBalancerIP` is the same as none (API reference); an empty `mkplan/ip` is a
 * slip.
 */
function sourcesOf({ requestedIp, loadBalancerIp, otherRequests }: ObservedService): [string, string][] {
  const sources: [string, string][] = [];
  if (requestedIp !== null) sources.push(['mkplan/ip', requestedIp]);
  if (loadBalancerIp !== null && loadBalancerIp !== '') sources.push(['spec.loadBalancerIP', loadBalancerIp]);
  return [...sources, ...Object.entries(otherRequests).sort(([a], [b]) => (a < b ? -1 : 1))];
}

/** What a Service asks for, by `mkplan/ip`, `spec.loadBalancerIP` and the annotations of other implementations together. */
export function requestOf(service: ObservedService): Request {
  const sources = sourcesOf(service);
  if (sources.length === 0) return NOTHING;
  const addresses = new Map<Family, string>();
  const askedBy = new Map<Family, string>();
  for (const [source, text] of sources) {
    if (text.trim() === '')
      return refused(`its annotation ${source} is empty: write an address, or remove it`);
    const request = readRequest(source, text);
    if (request.problem !== null) return request;
    for (const [family, address] of request.addresses) {
      const other = addresses.get(family);
      if (other !== undefined && other !== address) {
        return refused(`${askedBy.get(family)} (${other}) and ${source} (${address}) differ`);
      }
      addresses.set(family, address);
      askedBy.set(family, source);
    }
  }
  return { addresses, problem: null };
}

/** The families that a Service asks for, in its own order; IPv4 where the API server has not said. */
export function familiesOf({ ipFamilies }: ObservedService): Family[] {
  if (ipFamilies.length === 0) return [4];
  return ipFamilies.map((family) => (family === 'IPv4' ? 4 : 6));
}

/** Why a Service cannot have addresses of these families, for people; null where it has all of them. */
export function whyNotOfFamily(service: ObservedService, addresses: Iterable<string>): string | null {
  const families = familiesOf(service);
  for (const text of addresses) {
    const family = parseAddress(text)?.family;
    if (family !== undefined && !families.includes(family)) {
      const has = families.map((one) => `IPv${one}`).join(', ');
      return `${text} is an IPv${family} address, and the Service has the families ${has} alone (spec.ipFamilies)`;
    }
  }
  return null;
}

/** That a Service is not given what it should have, or asks for. */
export function requestDiagnostic(service: ServiceSummary): Diagnostic[] {
  const { profile, state, addresses, unmet } = service;
  if (unmet !== undefined) {
    return [
      {
        code: 'service-request-refused',
        severity: 'warning',
        summary: `Service ${serviceName(service)} of profile ${profile} keeps ${addresses.join(', ')} and is not given what it asks for`,
        cause: unmet,
        fix: 'correct what the Service asks for, or its reservation; free the address if another Service has it',
      },
    ];
  }
  if (state !== 'pending') return [];
  return [
    {
      code: 'service-pending',
      severity: 'warning',
      summary: `Service ${serviceName(service)} of profile ${service.profile} stays pending`,
      cause: service.reason,
      fix: 'widen the pool, free an address, or correct what the Service asks for',
    },
  ];
}
