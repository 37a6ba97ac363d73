/**
 * What mkplan and its elevated helper say to each other: one JSON document a line. The helper answers every line; what
 * it does not wholly understand, it refuses and never executes.
 */

import { type Prefix, parsePrefix } from '../model/prefix.ts';
import {
  encodeRoute,
  MAIN_TABLE,
  type NextHop,
  ROUTE_TYPES,
  type Route,
  type RouteType,
} from '../model/route.ts';
import type { ChangeFailure, RouteChange } from '../platform/route-table.ts';

/** Both sides must have the same: they come from one build. */
export const PROTOCOL_VERSION = 1;

/**
 * Changes in one request, which is also what one `ip` process is given: so much still happens after a kill, since
 * the next one, though read, is not begun before the caller has heard of this one.
 */
export const MAX_CHANGES = 2500;

/** Longest line that the helper reads, in bytes; a full request takes about a quarter of it. */
export const MAX_LINE_BYTES = 2_097_152;

export type Request =
  | { readonly type: 'hello'; readonly version: number }
  | { readonly type: 'change'; readonly seq: number; readonly changes: readonly RouteChange[] }
  /** Takes the lock that a release let go of, as the next change would: so that this need not wait for it. */
  | { readonly type: 'take'; readonly seq: number }
  /** Lets go of the lock until the next change; answered once no child is left that could change a route. */
  | { readonly type: 'release'; readonly seq: number };

export type Response =
  | { readonly type: 'hello'; readonly version: number }
  | { readonly type: 'answer'; readonly seq: number; readonly refused: readonly ChangeFailure[] }
  | {
      readonly type: 'error';
      /** The request that was not understood; null where not even that was. */
      readonly seq: number | null;
      readonly code: (typeof ERROR_CODES)[number];
      readonly message: string;
    };

/** A line that was not understood. */
export class ProtocolError extends Error {
  readonly seq: number | null;

  constructor(message: string, seq: number | null = null) {
    super(message);
    this.name = 'ProtocolError';
    this.seq = seq;
  }
}

/** One request as a line, newline included. */
export function encodeRequest(request: Request): string {
  if (request.type !== 'change') return `${JSON.stringify(request)}\n`;
  const changes = request.changes.map(({ op, route }) => ({ op, route: encodeRoute(route) }));
  return `${JSON.stringify({ ...request, changes })}\n`;
}

/** One response as a line, newline included. */
export function encodeResponse(response: Response): string {
  return `${JSON.stringify(response)}\n`;
}

/** Reads one line of a request. Throws a ProtocolError unless every part of it is as it should be. */
export function decodeRequest(line: string): Request {
  const message = fields(parseJson(line), 'a request', null);
  if (message['type'] === 'hello') {
    onlyKeys(message, ['type', 'version'], null);
    return { type: 'hello', version: count(message['version'], 'version', null) };
  }
  const { type } = message;
  if (type !== 'change' && type !== 'take' && type !== 'release') throw new ProtocolError('not a request');
  const seq = count(message['seq'], 'seq', null);
  if (type !== 'change') {
    onlyKeys(message, ['type', 'seq'], seq);
    return { type, seq };
  }
  onlyKeys(message, ['type', 'seq', 'changes'], seq);
  const changes = message['changes'];
  if (!Array.isArray(changes) || changes.length > MAX_CHANGES) {
    throw new ProtocolError(`changes: not a list of at most ${MAX_CHANGES}`, seq);
  }
  return { type: 'change', seq, changes: changes.map((change: unknown) => decodeChange(change, seq)) };
}

const ERROR_CODES = ['not-understood', 'version', 'lock-held', 'exposed', 'unusable'] as const;

/** Reads one line of a response. Throws a ProtocolError unless every part of it is as it should be. */
export function decodeResponse(line: string): Response {
  const message = fields(parseJson(line), 'a response', null);
  const type = message['type'];
  if (type === 'hello') {
    onlyKeys(message, ['type', 'version'], null);
    return { type, version: count(message['version'], 'version', null) };
  }
  if (type === 'error') return decodeError(message);
  const refused = message['refused'];
  if (type !== 'answer' || !Array.isArray(refused)) throw new ProtocolError('not a response');
  const seq = count(message['seq'], 'seq', null);
  onlyKeys(message, ['type', 'seq', 'refused'], seq);
  return { type, seq, refused: refused.map((one: unknown) => decodeRefusal(one, seq)) };
}

function decodeError(message: Fields): Response {
  const seq = message['seq'] === null ? null : count(message['seq'], 'seq', null);
  onlyKeys(message, ['type', 'seq', 'code', 'message'], seq);
  const code = ERROR_CODES.find((known) => known === message['code']);
  const said = message['message'];
  if (code === undefined || typeof said !== 'string') throw new ProtocolError('not an error', seq);
  return { type: 'error', seq, code, message: said };
}

function decodeRefusal(value: unknown, seq: number): ChangeFailure {
  const failure = fields(value, 'a refusal', seq);
  onlyKeys(failure, ['index', 'message'], seq);
  const said = failure['message'];
  if (typeof said !== 'string') throw new ProtocolError('message: not text', seq);
  return { index: count(failure['index'], 'index', seq), message: said };
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    // The text of a SyntaxError quotes the input; nothing of what was not understood is sent back.
    throw new ProtocolError('not JSON');
  }
}

/** An object as JSON.parse makes it, its keys not looked at yet. None of the keys that are read is one of every object. */
type Fields = Readonly<Record<string, unknown>>;

function fields(value: unknown, what: string, seq: number | null): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new ProtocolError(`not ${what}`, seq);
  }
  return value as Fields;
}

function onlyKeys(message: Fields, keys: readonly string[], seq: number | null): void {
  for (const key of Object.keys(message)) {
    if (!keys.includes(key)) throw new ProtocolError('unknown key', seq);
  }
}

function count(value: unknown, what: string, seq: number | null): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw new ProtocolError(`${what}: not a whole number from 0`, seq);
}

const ROUTE_KEYS: readonly string[] = [
  'destination',
  'type',
  'gateway',
  'device',
  'metric',
  'protocol',
  'table',
  'tos',
  'nextHops',
];

const KNOWN_TYPES: ReadonlySet<unknown> = new Set(ROUTE_TYPES);

function decodeChange(value: unknown, seq: number): RouteChange {
  const change = fields(value, 'a change', seq);
  onlyKeys(change, ['op', 'route'], seq);
  const op = change['op'];
  if (op !== 'add' && op !== 'delete') throw new ProtocolError('op: neither add nor delete', seq);
  const route = fields(change['route'], 'a route', seq);
  onlyKeys(route, ROUTE_KEYS, seq);
  return { op, route: decodeRouteStrictly(route, seq) };
}

function decodeRouteStrictly(route: Fields, seq: number): Route {
  const type = route['type'] ?? 'unicast';
  if (!isRouteType(type)) throw new ProtocolError('type: not a type of route', seq);
  const number = (key: string, absent: number) =>
    Object.hasOwn(route, key) ? count(route[key], key, seq) : absent;
  return {
    type,
    destination: prefix(route['destination'], seq),
    tos: number('tos', 0),
    table: number('table', MAIN_TABLE),
    metric: number('metric', 0),
    gateway: text(route['gateway'], 'gateway', seq),
    device: text(route['device'], 'device', seq),
    protocol: number('protocol', 0),
    nextHops: nextHops(route['nextHops'] ?? [], seq),
  };
}

function isRouteType(value: unknown): value is RouteType {
  return KNOWN_TYPES.has(value);
}

function prefix(value: unknown, seq: number): Prefix {
  const parsed = typeof value === 'string' ? parsePrefix(value) : null;
  if (parsed === null) throw new ProtocolError('destination: not a CIDR', seq);
  return parsed;
}

function text(value: unknown, what: string, seq: number): string | null {
  if (value === undefined || value === null) return null;
  if (typeof value !== 'string') throw new ProtocolError(`${what}: not text`, seq);
  return value;
}

function nextHops(value: unknown, seq: number): NextHop[] {
  if (!Array.isArray(value)) throw new ProtocolError('nextHops: not a list', seq);
  return value.map((entry: unknown) => {
    const hop = fields(entry, 'a next hop', seq);
    onlyKeys(hop, ['gateway', 'device', 'weight'], seq);
    return {
      gateway: text(hop['gateway'], 'gateway', seq),
      device: text(hop['device'], 'device', seq),
      weight: count(hop['weight'], 'weight', seq),
    };
  });
}
