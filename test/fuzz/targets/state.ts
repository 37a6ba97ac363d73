import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { crc32 } from 'node:zlib';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { Claim } from '../../../src/model/claim.ts';
import { Failure } from '../../../src/model/diagnostic.ts';
import { encodeRoute, type Route, type RouteDocument } from '../../../src/model/route.ts';
import { decodeSavedPlan, encodeSavedPlan } from '../../../src/planner/saved-plan.ts';
import { createApprovals } from '../../../src/registry/approvals-file.ts';
import { DocumentError } from '../../../src/registry/check.ts';
import { decodeClaims, encodeClaims } from '../../../src/registry/claims-file.ts';
import { encodeLine, NewerJournal, replay } from '../../../src/registry/journal-records.ts';
import type { IntendedChange } from '../../../src/registry/registry.ts';
import { create, OWNER, planOf, replace, route } from '../../fakes/plans.ts';
import type { Json } from '../mutate.ts';
import { mustBeRoute } from '../shape.ts';
import { jsonInputs, must, type Target, tried } from '../target.ts';

const CLAIM: Claim = {
  profile: 'minikube',
  purpose: 'services',
  route: route('10.96.0.0/12'),
  owner: OWNER,
  created: '2026-01-01T00:00:00.000Z',
};
const GUARD: Claim = {
  ...CLAIM,
  purpose: 'guard',
  route: route('fd00:200::/112', { type: 'unreachable', gateway: null, device: 'lo' }),
};

/** A route document with what is usual left out, as it is written: then equal routes have equal documents. */
function sparse(document: unknown): unknown {
  if (document === null || typeof document !== 'object') return document;
  const usual: RouteDocument = {
    destination: '',
    type: 'unicast',
    metric: 0,
    protocol: 0,
    table: 254,
    tos: 0,
    nextHops: [],
  };
  const unusual = Object.entries(document).filter(
    ([key, value]) => !isDeepStrictEqual(value, (usual as unknown as Record<string, unknown>)[key]),
  );
  return Object.fromEntries(unusual);
}

/** What a claim says, as its document does. */
function claimDocument({ unknown = {}, ...claim }: Claim): unknown {
  mustBeRoute(claim.route);
  const { route = {}, owner = {}, ...own } = unknown as Record<string, object>;
  const known = { ...claim, route: { ...encodeRoute(claim.route), ...route } };
  return { ...known, owner: { ...claim.owner, ...owner }, ...own };
}

function sparseClaims(documents: unknown): unknown {
  return (documents as { route: unknown }[]).map((one) => ({ ...one, route: sparse(one.route) }));
}

const registry: Target = {
  name: 'registry',
  make: jsonInputs([
    // Of the version without a checksum, so that what was mutated is looked at and not its checksum alone.
    { version: 1, claims: [CLAIM, GUARD].map(claimDocument) as Json[] },
    { version: 1, claims: [] },
    JSON.parse(encodeClaims({ claims: [CLAIM, GUARD], unknown: {} }).toString()) as Json,
  ]),
  read: (input) => {
    const found = tried(() => decodeClaims('registry.json', input));
    if (found === null) return false;
    const { claims, version, ...rest } = JSON.parse(input.toString('utf8')) as Record<string, unknown>;
    const { crc32: _sum, ...unknown } = rest;
    must(version === 1 || version === 2, 'the header was not understood');
    must(isDeepStrictEqual(found.value.unknown, unknown), 'what is not known was not kept');
    must(
      isDeepStrictEqual(found.value.claims.map(claimDocument), sparseClaims(claims)),
      'claims are not as they were written',
    );
    const again = decodeClaims('registry.json', encodeClaims(found.value));
    must(isDeepStrictEqual(again, found.value), 'claims read back otherwise');
    return true;
  },
};

/** A registry whose checksum is right, so that what stands behind it is reached. */
function sealRegistry(value: Json): string {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return JSON.stringify(value);
  const { crc32: _sum, ...rest } = value as Record<string, Json>;
  const sum = crc32(JSON.stringify(rest)).toString(16).padStart(8, '0');
  return JSON.stringify({ crc32: sum, ...rest });
}

/** One with keys of a newer mkplan everywhere, which are kept. */
const sealedRegistry: Target = {
  ...registry,
  name: 'registry-sealed',
  make: jsonInputs(
    [
      JSON.parse(encodeClaims({ claims: [CLAIM, GUARD], unknown: { note: [1] } }).toString()) as Json,
      {
        version: 2,
        claims: [{ ...(claimDocument(CLAIM) as object), note: { a: 1 } }],
      },
    ],
    sealRegistry,
  ),
};

const APPROVALS: Json = {
  version: 1,
  approvals: [
    {
      spec: '/p/tunnel.yaml',
      profile: 'minikube',
      context: 'minikube',
      cluster: 'u1',
      kind: 'covers',
      subject: '10.96.0.0/12',
      why: 'it takes part of a VPN',
      approvedOn: '2026-01-01T00:00:00.000Z',
    },
    {
      spec: '/p/tunnel.yaml',
      profile: 'other',
      context: 'other',
      cluster: null,
      kind: 'credentials',
      subject: 'aws eks get-token',
      why: 'it runs a program',
      approvedOn: '2026-01-02T03:04:05.678Z',
    },
  ],
};

const folder = mkdtempSync(join(tmpdir(), 'mkplan-fuzz-state-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));

const approvals: Target = {
  name: 'approvals',
  make: jsonInputs([APPROVALS, { version: 1, approvals: [] }]),
  read: async (input) => {
    writeFileSync(join(folder, 'approvals.json'), input, { mode: 0o600 });
    const file = createApprovals(folder);
    const found = await file.read().catch((thrown: unknown) => {
      if (thrown instanceof Failure) return null;
      throw thrown;
    });
    if (found === null) return false;
    const said = JSON.parse(input.toString('utf8')) as Record<string, unknown>;
    must(isDeepStrictEqual(said, { version: 1, approvals: found }), 'not all of it was understood');
    return true;
  },
};

const ADD: IntendedChange = { change: { step: 0, op: 'add' }, step: create(route('10.96.0.0/12')) };
const MOVED = replace(route('fd00:96::/112'), route('fd00:96::/112', { metric: 110, gateway: 'fd00:39::9' }));
const MOVE_IN: IntendedChange = { change: { step: 1, op: 'add' }, step: MOVED };
const MOVE_OUT: IntendedChange = { change: { step: 1, op: 'delete' }, step: MOVED };
const moves = [ADD.change, MOVE_IN.change];
const LINES = [
  encodeLine({ type: 'begin', txid: 't1', spec: '/p/tunnel.yaml', bootId: 'boot-1', networkNamespace: '42' }),
  encodeLine({ type: 'intent', txid: 't1', changes: [ADD, MOVE_IN] }),
  encodeLine({ type: 'done', txid: 't1', changes: moves }),
  encodeLine({ type: 'intent', txid: 't1', changes: [MOVE_OUT] }),
  encodeLine({ type: 'undone', txid: 't1', changes: [MOVE_OUT.change] }),
  encodeLine({ type: 'decided', txid: 't1', claims: [CLAIM, GUARD] }),
  encodeLine({ type: 'closed', txid: 't1', outcome: 'committed' }),
].map((line) => (JSON.parse(line.toString()) as { record: Json }).record);

/** Each record with a checksum that is right, so that the reader behind the checksum is reached. */
function sealJournal(records: Json): string {
  const lines = Array.isArray(records) ? (records as readonly Json[]) : [records];
  return lines
    .map((one) => {
      const body = JSON.stringify(one);
      return `{"crc32":"${crc32(body).toString(16).padStart(8, '0')}","record":${body}}\n`;
    })
    .join('');
}

type Fields = Readonly<Record<string, unknown>>;

function intentDocument({ change, step }: IntendedChange): unknown {
  const document = (given: Route | null) => (given === null ? null : encodeRoute(given));
  const { kind: _kind, inverse, before, after, ...rest } = step;
  return { ...change, ...rest, before: document(before), after: document(after), inverse: inverse.action };
}

/** What the records of the last transaction say, read by nothing but JSON.parse. */
function judgeJournal(
  input: Buffer,
): { intents: Map<string, unknown>; states: Map<string, string>; begin: Fields; claims: unknown } | null {
  const end = input.lastIndexOf(0x0a);
  const records = input
    .toString('utf8', 0, end + 1)
    .split('\n')
    .slice(0, -1);
  let open: ReturnType<typeof judgeJournal> = null;
  for (const line of records) {
    const { record } = JSON.parse(line) as { record: Fields & { changes: Fields[] } };
    if (record['type'] === 'begin')
      open = { intents: new Map(), states: new Map(), begin: record, claims: null };
    else if (record['type'] === 'closed') open = null;
    else if (record['type'] === 'decided' && open !== null) open.claims = record['claims'];
    else {
      for (const change of record.changes) {
        const key = `${change['step']} ${change['op']}`;
        const state = record['type'] === 'intent' ? 'intended' : String(record['type']);
        open?.states.set(key, state);
        if (state === 'intended') open?.intents.set(key, change);
      }
    }
  }
  return open;
}

const journal: Target = {
  name: 'journal',
  make: jsonInputs([LINES, LINES.slice(0, 6), LINES.slice(0, 4), LINES.slice(0, 2)], sealJournal),
  read: (input) => {
    const found = tried(() => replay(input), DocumentError);
    if (found === null) return false;
    const { transaction, validBytes } = found.value;
    must(
      validBytes <= input.length && (validBytes === 0 || input[validBytes - 1] === 0x0a),
      `${validBytes} bytes are valid`,
    );
    const said = judgeJournal(input);
    must((said === null) === (transaction === null), 'open or not?');
    if (said === null || transaction === null) return true;
    const { txid, spec, bootId, networkNamespace } = transaction;
    const { version, ...begin } = said.begin;
    must([1, 2, 3].includes(Number(version)), `version ${String(version)}`);
    must(isDeepStrictEqual({ type: 'begin', txid, spec, bootId, networkNamespace }, begin), 'begin');
    must(transaction.intents.length === said.intents.size, 'intents');
    for (const intent of transaction.intents) {
      const key = `${intent.change.step} ${intent.change.op}`;
      const { before, after, ...rest } = said.intents.get(key) as Fields;
      must(intent.state === said.states.get(key), `${key} is ${intent.state}`);
      const expected = { ...rest, before: sparse(before), after: sparse(after) };
      must(isDeepStrictEqual(intentDocument(intent), expected), `${key} is not as it was written`);
    }
    const claims = transaction.claims?.map(claimDocument) ?? null;
    must(isDeepStrictEqual(claims, said.claims === null ? null : sparseClaims(said.claims)), 'claims');
    return true;
  },
};

const HOST = { platform: 'linux', bootId: 'boot-1', networkNamespace: '42' } as const;
const PLAN = encodeSavedPlan(
  planOf([ADD.step, MOVED], {
    conflicts: [
      {
        relation: 'covers',
        profile: 'minikube',
        purpose: 'services',
        destination: route('10.96.0.0/12').destination,
        foreign: route('10.0.0.0/8', { metric: 50, device: 'tun0' }),
        owner: 'likely a VPN',
        disputed: '10.96.0.0/12',
        winner: 'ours',
        outcome: 'warned',
        summary: 'it takes part of a foreign range',
        resolution: 'approve it',
        at: { file: 'tunnel.yaml', line: 3, column: 5 },
      },
    ],
    approvals: [{ kind: 'covers', profile: 'minikube', subject: '10.96.0.0/12', why: 'because' }],
    unproven: [{ route: route('10.9.0.0/16'), reason: 'no claim has its key' }],
  }),
  HOST,
);

function canonical(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const keys = Object.keys(value).sort();
  return `{${keys.map((key) => `${JSON.stringify(key)}:${canonical((value as Record<string, Json>)[key] ?? null)}`).join(',')}}`;
}

/** A plan with the hash of what is in it, as somebody would write who wants it taken for one of ours. */
function sealPlan(value: Json): string {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return JSON.stringify(value);
  const { hash: _hash, ...content } = value as Record<string, Json>;
  return JSON.stringify({
    ...content,
    hash: `sha256:${createHash('sha256').update(canonical(content)).digest('hex')}`,
  });
}

const isPlan = new Ajv2020({ strict: true, allowUnionTypes: true }).compile(
  JSON.parse(readFileSync('schema/plan.schema.json', 'utf8')) as object,
);

/** Plans whose hash is right, and so the work of somebody who means it. */
const plans: Target = {
  name: 'plan',
  make: jsonInputs([JSON.parse(PLAN) as Json], sealPlan),
  read: (input) => {
    const text = input.toString('utf8');
    const found = tried(() => decodeSavedPlan(text, 'saved.json'));
    if (found === null) return false;
    must(isPlan(JSON.parse(text)), `accepted against the schema: ${JSON.stringify(isPlan.errors?.[0])}`);
    const again = decodeSavedPlan(encodeSavedPlan(found.value.plan, found.value.host), 'again.json');
    must(isDeepStrictEqual(again.plan, found.value.plan), 'the plan reads back otherwise');
    return true;
  },
};

export const STATE: readonly Target[] = [
  registry,
  sealedRegistry,
  approvals,
  { ...journal, read: (input) => refusingNewer(input) },
  plans,
];

/** A journal of a newer version is refused by an error of its own. */
function refusingNewer(input: Buffer): boolean | Promise<boolean> {
  try {
    return journal.read(input);
  } catch (thrown) {
    if (thrown instanceof NewerJournal) return false;
    throw thrown;
  }
}
