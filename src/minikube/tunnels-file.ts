import type { MinikubeTunnel } from '../model/observed.ts';
import { formatAddress, type Prefix, parseAddress, samePrefix, truncate } from '../model/prefix.ts';

/** A recorded tunnel, before it is known whether its process lives. */
export type TunnelEntry = Omit<MinikubeTunnel, 'alive'>;

/** More is no user's: minikube keeps one a profile. */
const MAX_ENTRIES = 1000;

/** Largest pid of Linux (proc_sys_kernel(5), pid_max on 64 bits). */
const MAX_PID = 2 ** 22;

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
}

function addressOf(value: unknown): Prefix | null {
  return typeof value === 'string' ? parseAddress(value) : null;
}

/** The length of a mask, which Go writes as base64 of its bytes; null when it is none of that family, or has holes. */
function lengthOf(mask: unknown, family: Prefix['family']): number | null {
  if (typeof mask !== 'string' || mask.length > 24) return null;
  const bytes = Buffer.from(mask, 'base64');
  if (bytes.length !== (family === 4 ? 4 : 16)) return null;
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  return /^1*0*$/.test(bits) ? bits.replaceAll('0', '').length : null;
}

function entryOf(value: unknown, isProfile: (name: string) => boolean): TunnelEntry | null {
  const { Route: route, MachineName: profile, Pid: pid } = recordOf(value);
  const { Gateway: via, DestCIDR: cidr } = recordOf(route);
  const { IP: ip, Mask: mask } = recordOf(cidr);
  const [gateway, start] = [addressOf(via), addressOf(ip)];
  if (typeof profile !== 'string' || !isProfile(profile)) return null;
  if (typeof pid !== 'number' || !Number.isInteger(pid) || pid < 1 || pid > MAX_PID) return null;
  if (gateway === null || start === null || gateway.family !== start.family) return null;
  const length = lengthOf(mask, start.family);
  if (length === null) return null;
  const destination = truncate(start, length);
  if (!samePrefix({ ...start, length }, destination)) return null;
  return { profile, pid, destination, gateway: formatAddress(gateway) };
}

/**
 * Reads the text of tunnels.json: a list of `{Route: {Gateway, DestCIDR: {IP, Mask}}, MachineName, Pid}`, as minikube
 * writes it. Entries that are not understood are counted and left out. Throws a SyntaxError for anything but a list.
 */
export function parseTunnels(
  text: string,
  isProfile: (name: string) => boolean,
): { readonly entries: readonly TunnelEntry[]; readonly strange: number } {
  // minikube writes `null` for a list that was never filled.
  const listed: unknown = text.trim() === '' ? [] : (JSON.parse(text) ?? []);
  if (!Array.isArray(listed)) throw new SyntaxError('it is not a list');
  if (listed.length > MAX_ENTRIES)
    throw new SyntaxError(`it has ${listed.length} entries, and ${MAX_ENTRIES} are the most that is read`);
  const entries = listed.flatMap((value: unknown) => entryOf(value, isProfile) ?? []);
  return { entries, strange: listed.length - entries.length };
}
