import { InvalidArgumentError } from 'commander';
import tunnelSchema from '../../../schema/tunnel.schema.json' with { type: 'json' };
import { type ApprovalKind, OFFERED_APPROVALS } from '../../model/policy.ts';
import { hostName } from '../session/http-hosts.ts';
import type { ListenAddress } from '../session/http-listener.ts';

/** An option that may be repeated: each adds to the list, and so do commas. */
export function collect(text: string, previous: readonly string[]): string[] {
  return [...previous, ...text.split(',').map((part) => part.trim())];
}

/** Reads `--allow a,b`; given more than once it adds up. Throws commander's InvalidArgumentError. */
export function parseAllow(text: string, previous: readonly ApprovalKind[] = []): ApprovalKind[] {
  const kinds = text.split(',').map((part) => part.trim());
  return [...previous, ...kinds.map(parseApprovalKind)];
}

function parseApprovalKind(text: string): ApprovalKind {
  const kind = OFFERED_APPROVALS.find((offered) => offered === text);
  if (kind !== undefined) return kind;
  throw new InvalidArgumentError(`"${text}" is none of ${OFFERED_APPROVALS.join(', ')}.`);
}

/** Reads a duration in which a person can answer. Throws commander's InvalidArgumentError. */
export function parsePatience(text: string): number {
  const value = parseDuration(text);
  if (value < 1000) throw new InvalidArgumentError('Nobody answers in less than a second.');
  return value;
}

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000 };

/** Longest wait that a timer can count (2^31 - 1 ms). */
const LONGEST_MS = 2_147_483_647;

/** Reads `500ms`, `30s`, `2m` or a bare `0` as milliseconds. Throws commander's InvalidArgumentError. */
export function parseDuration(text: string): number {
  const [, number, unit = 'ms'] = /^(\d{1,10})(ms|s|m)?$/.exec(text) ?? [];
  const value = Number(number) * (UNITS[unit] ?? Number.NaN);
  if (Number.isNaN(value) || value > LONGEST_MS || (unit === 'ms' && !text.endsWith('ms') && value !== 0)) {
    throw new InvalidArgumentError('It is a number with a unit: 500ms, 30s, 2m.');
  }
  return value;
}

/** Reads the name of a profile as a tunnel.yaml may have it. Throws commander's InvalidArgumentError. */
export function parseProfileName(text: string): string {
  const { pattern, maxLength } = tunnelSchema.$defs.profileName;
  if (new RegExp(pattern).test(text) && text.length <= maxLength) return text;
  throw new InvalidArgumentError(
    `A profile’s name has 1 to ${maxLength} letters, digits, \`_\`, \`.\` and \`-\`, and begins with a letter or digit.`,
  );
}

/** How long `--wait` waits that says nothing else. */
export const DEFAULT_WAIT = '60s';

/** Reads the duration of `--wait`, in milliseconds. Throws commander's InvalidArgumentError. */
export function parseWait(text: string): number {
  try {
    return parseDuration(text);
  } catch (thrown) {
    if (!(thrown instanceof InvalidArgumentError)) throw thrown;
    // The word that follows the bare option is taken for its value.
    throw new InvalidArgumentError(`${thrown.message} A spec is named before it: status SPEC --wait.`);
  }
}

/** Where `--http` listens when it names no address. */
export const HTTP_ADDRESS = '127.0.0.1:9469';

/** Reads `PORT`, `HOST:PORT` or `[IPV6]:PORT`; without a host it is loopback. Throws commander's InvalidArgumentError. */
export function parseListenAddress(text: string): ListenAddress {
  const [, bracketed, plain, digits] =
    /^(?:(?:\[([0-9A-Fa-f:.]+)\]|([0-9A-Za-z.-]*)):)?(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  if (digits === undefined || port > 65_535) {
    throw new InvalidArgumentError(
      'It is a port, or an address and a port: 9469, 127.0.0.1:9469, [::1]:9469. A spec goes before it, or after --.',
    );
  }
  return { host: bracketed ?? (plain || '127.0.0.1'), port };
}

/** Reads `--http-host NAME`; given more than once it adds up. Throws commander's InvalidArgumentError. */
export function parseHttpHost(text: string, previous: readonly string[] = []): string[] {
  const name = hostName(text);
  if (name === null) {
    throw new InvalidArgumentError('It is the name of a host, without a port; addresses need no leave.');
  }
  return [...previous, name];
}
