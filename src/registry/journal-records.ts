import { crc32 } from 'node:zlib';
import type { Claim } from '../model/claim.ts';
import type { Condition, FormerStatus, OthersIngress } from '../model/condition.ts';
import type { Action, Change, Purpose, RouteStep } from '../model/plan.ts';
import { encodeRoute, type Route } from '../model/route.ts';
import {
  type Check,
  DocumentError,
  listOf,
  milliseconds,
  object,
  oneOf,
  orNull,
  record,
  text,
  unsigned,
} from './check.ts';
import { claimsCheck, claimText, routeCheck } from './claim-document.ts';
import type { IntendedChange, JournaledIngress, JournaledTransaction, TransactionEnd } from './registry.ts';

/**
 * The journal's lines. Each is one JSON object, `{"crc32":"…","record":…}`, whose checksum is taken over the
 * record's text; the first record of a transaction is BEGIN, the last CLOSED.
 */
export type JournalRecord =
  | {
      readonly type: 'begin';
      readonly txid: string;
      readonly spec: string;
      readonly bootId: string;
      readonly networkNamespace: string;
      readonly ingress?: readonly JournaledIngress[];
    }
  | { readonly type: 'intent'; readonly txid: string; readonly changes: readonly IntendedChange[] }
  | { readonly type: 'done' | 'undone'; readonly txid: string; readonly changes: readonly Change[] }
  | {
      readonly type: 'awaiting';
      readonly txid: string;
      readonly deadlineMs: number;
      readonly claims: readonly Claim[];
    }
  | { readonly type: 'decided'; readonly txid: string; readonly claims: readonly Claim[] }
  | {
      readonly type: 'closed';
      readonly txid: string;
      readonly outcome: TransactionEnd['outcome'];
      /** Where the end is kept: what could not be undone. */
      readonly left?: readonly string[];
    };

/**
 * Version 2 holds claims with keys that version 1 refuses, version 3 what has to be given back to minikube. A record or a key
 * that is not known makes a journal unreadable, since recovery that leaves something out undoes half: each that is added
 * takes another number.
 */
const VERSION = 3;

/** A journal that a newer mkplan wrote. */
export class NewerJournal extends Error {
  readonly version: number;

  constructor(version: number) {
    super(`version ${version}; this mkplan knows version ${VERSION}`);
    this.name = 'NewerJournal';
    this.version = version;
  }
}

interface IntentDocument extends Omit<RouteStep, 'kind' | 'inverse'> {
  readonly step: number;
  readonly op: Change['op'];
  /** Its routes are left out: an inverse is the same change backwards. */
  readonly inverse: Action;
}

const action = oneOf('create', 'replace', 'delete', 'adopt', 'forget', 'none');
const op = oneOf('clear', 'add', 'delete', 'assign');

const intent = object<IntentDocument>({
  step: unsigned,
  op,
  action,
  profile: text,
  purpose: oneOf<Purpose>('services', 'pods', 'load-balancer', 'guard'),
  reason: text,
  before: orNull(routeCheck),
  after: orNull(routeCheck),
  inverse: action,
  precondition: object<RouteStep['precondition']>({ present: listOf(text), absent: listOf(text) }),
});

const change: Check<Change> = object<Change>({ step: unsigned, op });

function encodeIntent({ change, step }: IntendedChange): unknown {
  const route = (given: Route | null) => (given === null ? null : encodeRoute(given));
  return {
    step: change.step,
    op: change.op,
    action: step.action,
    profile: step.profile,
    purpose: step.purpose,
    reason: step.reason,
    before: route(step.before),
    after: route(step.after),
    inverse: step.inverse.action,
    precondition: step.precondition,
  };
}

function decodeIntent(value: unknown): IntendedChange {
  const { step, op, inverse, ...rest } = intent(value);
  if ((op === 'add' ? rest.after : op === 'delete' ? rest.before : null) === null) {
    throw new DocumentError(`has no route to ${op}`);
  }
  return {
    change: { step, op },
    step: { kind: 'route', ...rest, inverse: { action: inverse, before: rest.after, after: rest.before } },
  };
}

/** The JSON of a record. */
function recordText(given: JournalRecord): string {
  switch (given.type) {
    case 'begin':
      return JSON.stringify({ version: VERSION, ...given });
    case 'intent':
      return JSON.stringify({ ...given, changes: given.changes.map(encodeIntent) });
    case 'awaiting':
    case 'decided': {
      const { claims, ...rest } = given;
      return `${JSON.stringify(rest).slice(0, -1)},"claims":[${claims.map(claimText).join(',')}]}`;
    }
    default:
      return JSON.stringify(given);
  }
}

const formerStatus = object<FormerStatus>(
  {
    addresses: listOf(text),
    condition: orNull(
      object<Condition>({
        status: oneOf('True', 'False', 'Unknown'),
        reason: text,
        message: text,
        lastTransitionTime: orNull(text),
      }),
    ),
    returned: object<OthersIngress>({ manager: text, addresses: listOf(text) }),
  },
  ['returned'],
);

const begin = object<JournalRecord & { type: 'begin'; version: number }>(
  {
    version: unsigned,
    type: oneOf('begin'),
    txid: text,
    spec: text,
    bootId: text,
    networkNamespace: text,
    ingress: listOf(
      object<JournaledIngress>({
        profile: text,
        context: text,
        namespace: text,
        name: text,
        uid: text,
        before: formerStatus,
        after: listOf(text),
      }),
    ),
  },
  ['ingress'],
);

const decoders: Readonly<Record<string, Check<JournalRecord>>> = {
  begin: (value) => {
    const version = unsigned(record(value)['version']);
    if (version > VERSION) throw new NewerJournal(version);
    if (version === 0) throw new DocumentError(`version ${version} never existed`);
    const { version: _known, ...rest } = begin(value);
    return rest;
  },
  intent: object<JournalRecord & { type: 'intent' }>({
    type: oneOf('intent'),
    txid: text,
    changes: listOf(decodeIntent),
  }),
  done: object<JournalRecord & { type: 'done' | 'undone' }>({
    type: oneOf('done'),
    txid: text,
    changes: listOf(change),
  }),
  undone: object<JournalRecord & { type: 'done' | 'undone' }>({
    type: oneOf('undone'),
    txid: text,
    changes: listOf(change),
  }),
  awaiting: object<JournalRecord & { type: 'awaiting' }>({
    type: oneOf('awaiting'),
    txid: text,
    deadlineMs: milliseconds,
    claims: claimsCheck,
  }),
  decided: object<JournalRecord & { type: 'decided' }>({
    type: oneOf('decided'),
    txid: text,
    claims: claimsCheck,
  }),
  closed: object<JournalRecord & { type: 'closed' }>(
    { type: oneOf('closed'), txid: text, outcome: oneOf('committed', 'undone'), left: listOf(text) },
    ['left'],
  ),
};

function checksum(body: Buffer): string {
  return crc32(body).toString(16).padStart(8, '0');
}

/** One line of the journal, its newline included. */
export function encodeLine(given: JournalRecord): Buffer {
  const body = Buffer.from(recordText(given));
  return Buffer.concat([Buffer.from(`{"crc32":"${checksum(body)}","record":`), body, Buffer.from('}\n')]);
}

const HEAD = Buffer.from('{"crc32":"00000000","record":');

function decodeLine(line: Buffer): JournalRecord {
  const head = /^\{"crc32":"([0-9a-f]{8})","record":$/.exec(line.toString('latin1', 0, HEAD.length));
  const body = line.subarray(HEAD.length, -1);
  if (head === null || line.at(-1) !== 0x7d || head[1] !== checksum(body)) {
    throw new DocumentError('its checksum does not match');
  }
  const value: unknown = JSON.parse(body.toString('utf8'));
  const decoder = decoders[text(record(value)['type'])];
  if (decoder === undefined) throw new DocumentError('is not known', ['type']);
  return decoder(value);
}

interface OpenRecord {
  readonly begin: JournalRecord & { readonly type: 'begin' };
  readonly intents: Map<string, IntendedChange & { state: 'intended' | 'done' | 'undone' }>;
  claims: readonly Claim[] | null;
  decided: boolean;
  deadlineMs: number | null;
}

const changeKey = (given: Change) => `${given.step} ${given.op}`;

function mark(open: OpenRecord, state: 'done' | 'undone', changes: readonly Change[]): void {
  for (const given of changes) {
    const found = open.intents.get(changeKey(given));
    if (found === undefined) throw new DocumentError(`step ${given.step} was never intended`);
    found.state = state;
  }
}

/** What one record makes of the open transaction. Throws a DocumentError for a record that cannot stand there. */
function follow(open: OpenRecord | null, next: JournalRecord): OpenRecord | null {
  if (next.type === 'begin') {
    if (open !== null) throw new DocumentError('begins a transaction inside another');
    return { begin: next, intents: new Map(), claims: null, decided: false, deadlineMs: null };
  }
  if (open === null || open.begin.txid !== next.txid) throw new DocumentError(`is of no open transaction`);
  switch (next.type) {
    case 'intent':
      for (const given of next.changes) {
        open.intents.set(changeKey(given.change), { ...given, state: 'intended' });
      }
      return open;
    case 'awaiting':
      open.claims = next.claims;
      open.deadlineMs = next.deadlineMs;
      return open;
    case 'decided':
      open.claims = next.claims;
      open.decided = true;
      return open;
    case 'closed':
      return null;
    default:
      mark(open, next.type, next.changes);
      return open;
  }
}

/** What a journal says. */
export interface Replayed {
  readonly transaction: JournaledTransaction | null;
  /** How the transaction ended that was the last to, where that was kept. */
  readonly end: TransactionEnd | null;
  /** Bytes up to the end of the last whole line; what follows was torn off by a crash. */
  readonly validBytes: number;
}

/**
 * Reads a journal. A last line without its newline was never made durable, so nothing was done on its strength:
 * it is dropped. Damage anywhere else throws a DocumentError that names the line; a journal of a newer
 * version a NewerJournal.
 */
export function replay(data: Buffer): Replayed {
  let open: OpenRecord | null = null;
  let end: TransactionEnd | null = null;
  let validBytes = 0;
  for (let line = 1; ; line++) {
    const newline = data.indexOf(0x0a, validBytes);
    if (newline < 0) break;
    try {
      const next = decodeLine(data.subarray(validBytes, newline));
      open = follow(open, next);
      end = endOf(next);
    } catch (thrown) {
      if (thrown instanceof NewerJournal) throw thrown;
      throw new DocumentError(`line ${line}: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
    }
    validBytes = newline + 1;
  }
  return { transaction: open === null ? null : transactionOf(open), end, validBytes };
}

function endOf(record: JournalRecord): TransactionEnd | null {
  if (record.type !== 'closed' || record.left === undefined) return null;
  return { txid: record.txid, outcome: record.outcome, left: record.left };
}

function transactionOf({ begin, intents, claims, decided, deadlineMs }: OpenRecord): JournaledTransaction {
  return {
    txid: begin.txid,
    spec: begin.spec,
    bootId: begin.bootId,
    networkNamespace: begin.networkNamespace,
    decided,
    awaiting: deadlineMs !== null && !decided,
    ingress: begin.ingress ?? null,
    deadlineMs,
    changes: intents.size,
    intents: [...intents.values()],
    claims,
  };
}
