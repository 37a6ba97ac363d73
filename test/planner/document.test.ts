import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Failure } from '../../src/model/diagnostic.ts';
import type { Serving } from '../../src/model/participant.ts';
import type { Aside, Conflict, Plan, RouteStep, ServiceReport, ServiceStep } from '../../src/model/plan.ts';
import { addressOf, type Prefix, truncate } from '../../src/model/prefix.ts';
import type { Route } from '../../src/model/route.ts';
import { SYSTEMS } from '../../src/model/system.ts';
import { decodePlan, encodePlan } from '../../src/planner/document.ts';
import { decodeSavedPlan, encodeSavedPlan } from '../../src/planner/saved-plan.ts';

const schema = JSON.parse(readFileSync(new URL('../../schema/plan.schema.json', import.meta.url), 'utf8'));
const validate = new Ajv2020({ strict: true, allowUnionTypes: true }).compile(schema);

const ipv4 = fc
  .tuple(fc.bigInt(0n, 0xffff_ffffn), fc.integer({ min: 0, max: 32 }))
  .map(([value, length]) => prefixOf(4, value, length));
const ipv6 = fc
  .tuple(fc.bigInt(0n, (1n << 128n) - 1n), fc.integer({ min: 0, max: 128 }))
  .map(([value, length]) => prefixOf(6, value, length));
const prefix = fc.oneof(ipv4, ipv6);

function prefixOf(family: 4 | 6, value: bigint, length: number): Prefix {
  const address = addressOf(family, value);
  if (address === null) throw new Error(`no address: ${value}`);
  return truncate(address, length);
}

const text = fc.string({ maxLength: 20 });
const texts = fc.array(text, { maxLength: 3 });
const textOrNull = fc.option(text, { nil: null });
const route: fc.Arbitrary<Route> = fc.record({
  type: fc.constantFrom('unicast', 'unreachable', 'blackhole'),
  destination: prefix,
  tos: fc.nat(255),
  table: fc.nat(0xffff),
  metric: fc.nat(0xffff),
  gateway: textOrNull,
  device: textOrNull,
  protocol: fc.nat(255),
  nextHops: fc.array(fc.record({ gateway: textOrNull, device: textOrNull, weight: fc.nat(255) }), {
    maxLength: 2,
  }),
});
const routeOrNull = fc.option(route, { nil: null });
const action = fc.constantFrom('create', 'replace', 'delete', 'adopt', 'forget', 'none');
const purpose = fc.constantFrom('services', 'pods', 'load-balancer', 'guard');
const routeStep: fc.Arbitrary<RouteStep> = fc.record({
  kind: fc.constant('route'),
  action,
  profile: text,
  purpose,
  reason: text,
  before: routeOrNull,
  after: routeOrNull,
  inverse: fc.record({ action, before: routeOrNull, after: routeOrNull }),
  precondition: fc.record({ present: texts, absent: texts }),
});
const conditionOrNull = fc.option(
  fc.record({
    status: fc.constantFrom('True', 'False', 'Unknown'),
    reason: text,
    message: text,
    lastTransitionTime: textOrNull,
  }),
  { nil: null },
);
const told = {
  condition: fc.record({ before: conditionOrNull, after: conditionOrNull }),
  events: fc.array(
    fc.record({
      type: fc.constantFrom('Normal', 'Warning'),
      reason: fc.constantFrom('IPAllocated', 'AllocationFailed', 'ClearAssignment'),
      message: text,
    }),
    { maxLength: 2 },
  ),
};
const report: fc.Arbitrary<ServiceReport> = fc.record({
  profile: text,
  namespace: text,
  name: text,
  uid: text,
  resourceVersion: text,
  addresses: texts,
  ...told,
});
const serviceAction = fc.constantFrom('create', 'replace', 'delete', 'none');
const serviceStep: fc.Arbitrary<ServiceStep> = fc.record({
  kind: fc.constant('service'),
  action: serviceAction,
  profile: text,
  namespace: text,
  name: text,
  uid: text,
  resourceVersion: text,
  reason: text,
  before: texts,
  after: texts,
  inverse: fc.record({ action: serviceAction, before: texts, after: texts }),
  ...told,
});
const position = fc.record({
  file: text,
  line: fc.integer({ min: 1, max: 999 }),
  column: fc.integer({ min: 1, max: 999 }),
});
const conflictFields: fc.Arbitrary<Omit<Conflict, 'at'>> = fc.record({
  relation: fc.constantFrom('conflict', 'inside', 'covers', 'on-link', 'shared'),
  profile: text,
  purpose,
  destination: prefix,
  foreign: routeOrNull,
  owner: text,
  disputed: text,
  winner: text,
  outcome: fc.constantFrom('refused', 'skipped', 'warned'),
  summary: text,
  resolution: text,
});
const conflict: fc.Arbitrary<Conflict> = fc.oneof(
  conflictFields,
  fc.tuple(conflictFields, position).map(([fields, at]) => ({ ...fields, at })),
);
const sourced = fc.array(fc.record({ cidr: text, source: text }), { maxLength: 2 });
const serving: fc.Arbitrary<Serving> = fc.record({
  class: text,
  unclassed: fc.constantFrom<Serving['unclassed']>('auto', true, false),
  pool: fc.option(fc.array(text, { maxLength: 2 }), { nil: null }),
});
const plan: fc.Arbitrary<Plan> = fc.record({
  name: text,
  spec: text,
  mode: fc.constantFrom('present', 'absent'),
  platform: fc.constantFrom(...SYSTEMS),
  only: fc.option(texts, { nil: null }),
  aside: fc.array(
    fc.record({
      profile: text,
      state: fc.constantFrom<Aside['state']>('stopped', 'silent', 'out-of-reach'),
      why: text,
    }),
    { maxLength: 2 },
  ),
  profiles: fc.array(
    fc.record({
      name: text,
      gateways: fc.array(fc.record({ address: text, source: text }), { maxLength: 2 }),
      services: sourced,
      pods: sourced,
    }),
    { maxLength: 2 },
  ),
  clusters: fc.array(fc.record({ profile: text, uid: text, former: fc.option(text, { nil: null }) }), {
    maxLength: 2,
  }),
  services: fc.array(
    fc.record({
      profile: text,
      namespace: text,
      name: text,
      state: fc.constantFrom('served', 'pending', 'foreign', 'other-class', 'unclassed'),
      addresses: texts,
      reason: text,
    }),
    { maxLength: 2 },
  ),
  steps: fc.array(fc.oneof(routeStep, serviceStep), { maxLength: 4 }),
  reports: fc.array(report, { maxLength: 2 }),
  waves: fc.array(
    fc.array(fc.record({ step: fc.nat(9), op: fc.constantFrom('clear', 'add', 'delete', 'assign') }), {
      maxLength: 3,
    }),
    { maxLength: 3 },
  ),
  conflicts: fc.array(conflict, { maxLength: 3 }),
  approvals: fc.array(
    fc.record({ kind: fc.constantFrom('gateway', 'covers'), profile: text, subject: text, why: text }),
    { maxLength: 2 },
  ),
  leases: fc.array(
    fc.record({
      profile: text,
      action: fc.constantFrom('join', 'leave'),
      announced: fc.boolean(),
      serves: fc.array(serving, { maxLength: 2 }),
    }),
    { maxLength: 2 },
  ),
  allocations: fc.array(
    fc.record({
      profile: text,
      before: fc.record({
        resourceVersion: fc.option(text, { nil: null }),
        allocations: fc.array(fc.record({ address: text, service: text }), { maxLength: 2 }),
      }),
      after: fc.array(fc.record({ address: text, service: text }), { maxLength: 2 }),
    }),
    { maxLength: 2 },
  ),
  unproven: fc.array(fc.record({ route, reason: text }), { maxLength: 2 }),
  diagnostics: fc.array(
    fc.record({
      code: text,
      severity: fc.constantFrom('error', 'warning'),
      summary: text,
      cause: text,
      fix: text,
    }),
    { maxLength: 2 },
  ),
  localOverrides: texts,
  fingerprint: text,
});

const HOST = { platform: 'linux', bootId: 'b00t', networkNamespace: '4026531840' } as const;

function codeOf(action: () => unknown): string | undefined {
  try {
    action();
  } catch (thrown) {
    if (thrown instanceof Failure) return thrown.diagnostics[0]?.code;
    throw thrown;
  }
  return undefined;
}

function sample(): Plan {
  const [only] = fc.sample(plan, { numRuns: 1, seed: 7 });
  if (only === undefined) throw new Error('no sample');
  return only;
}

describe('plan document', () => {
  it('gives back every plan that it holds, IPv6 prefixes included', () => {
    fc.assert(
      fc.property(plan, (value) => {
        const document: unknown = JSON.parse(JSON.stringify(encodePlan(value)));
        expect(decodePlan(document as ReturnType<typeof encodePlan>)).toEqual(value);
      }),
    );
  });

  it('saves every plan in the form that the schema describes, and reads it back', () => {
    fc.assert(
      fc.property(plan, (value) => {
        const saved = encodeSavedPlan(value, HOST);
        validate(JSON.parse(saved));
        expect(validate.errors ?? []).toEqual([]);
        const back = decodeSavedPlan(saved, 'p.json');
        expect(back.plan).toEqual(value);
        expect(back.host).toEqual(HOST);
      }),
    );
  });

  it('keeps its hash when the file is reformatted', () => {
    const saved = encodeSavedPlan(sample(), HOST);
    const reformatted = JSON.stringify(JSON.parse(saved));
    expect(decodeSavedPlan(reformatted, 'p.json').hash).toBe(decodeSavedPlan(saved, 'p.json').hash);
  });

  it('reads a plan with fields that a later minor version added', () => {
    const later = { ...sample(), addedLater: [1] };
    expect(decodeSavedPlan(encodeSavedPlan(later, HOST), 'p.json').plan).toMatchObject(sample());
  });

  it('refuses a plan whose content was edited', () => {
    const document = JSON.parse(encodeSavedPlan(sample(), HOST));
    document.plan.spec = '/elsewhere/tunnel.yaml';
    expect(codeOf(() => decodeSavedPlan(JSON.stringify(document), 'p.json'))).toBe('plan-file-damaged');
  });

  it.each([
    ['a host that is none', { host: null }],
    ['a plan with nothing in it', { plan: {} }],
  ])('refuses %s, although its hash is right', (_, change) => {
    const { hash: _hash, ...content } = { ...JSON.parse(encodeSavedPlan(sample(), HOST)), ...change };
    const sorted = JSON.stringify(content, (_key, value: unknown) =>
      typeof value === 'object' && value !== null && !Array.isArray(value)
        ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
        : value,
    );
    const hash = `sha256:${createHash('sha256').update(sorted).digest('hex')}`;
    expect(codeOf(() => decodeSavedPlan(JSON.stringify({ ...content, hash }), 'p.json'))).toBe(
      'plan-file-damaged',
    );
  });

  it('refuses what is nested without end', () => {
    const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
    const text = `{"formatVersion":"1.0","kind":"Plan","hash":"","plan":{"a":${deep}}}`;
    expect(codeOf(() => decodeSavedPlan(text, 'p.json'))).toBe('plan-file-damaged');
  });

  it('refuses another major version before it looks at the rest', () => {
    const document = { ...JSON.parse(encodeSavedPlan(sample(), HOST)), formatVersion: '2.0' };
    expect(codeOf(() => decodeSavedPlan(JSON.stringify(document), 'p.json'))).toBe('plan-format-unsupported');
  });

  it.each(['', '{', '[]', 'null', '{"kind":"Plan"}', '{"kind":"Plan","formatVersion":1}'])(
    'refuses what is no plan file: %s',
    (content) => {
      expect(codeOf(() => decodeSavedPlan(content, 'p.json'))).toBe('plan-file-malformed');
    },
  );
});
