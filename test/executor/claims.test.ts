import { expect, test } from 'vitest';
import { claimsAfter } from '../../src/executor/claims.ts';
import { type Claim, claimKey, type Owner } from '../../src/model/claim.ts';
import { type Route, routeKey } from '../../src/model/route.ts';
import { create, OWNER, planOf, remove, replace, route, step } from '../fakes/plans.ts';

const NOW = new Date('2026-01-01T00:00:00Z');
const A = route('10.96.0.0/12');
const A_MOVED = route('10.96.0.0/12', { metric: 110, gateway: '192.168.39.9' });
const B = route('10.244.0.0/24');

const claim = (of: Route, owner: Owner = OWNER): Claim => ({
  profile: 'minikube',
  purpose: 'services',
  route: of,
  owner,
  created: '2025-01-01T00:00:00.000Z',
});

const keysAfter = (claims: readonly Claim[], ...steps: Parameters<typeof planOf>[0]) =>
  claimsAfter(claims, planOf(steps), OWNER, NOW).map(claimKey);

test('a created route is claimed for the owner, now', () => {
  expect(claimsAfter([], planOf([create(A)]), OWNER, NOW)).toEqual([
    { profile: 'minikube', purpose: 'services', route: A, owner: OWNER, created: '2026-01-01T00:00:00.000Z' },
  ]);
});

test.each<[string, readonly Claim[], Parameters<typeof planOf>[0], readonly Route[]]>([
  ['create', [], [create(A)], [A]],
  ['create over a claim whose route was gone', [claim(A)], [create(A)], [A]],
  ['replace', [claim(A), claim(B)], [replace(A, A_MOVED)], [B, A_MOVED]],
  ['delete', [claim(A), claim(B)], [remove(A)], [B]],
  ['forget', [claim(A), claim(B)], [step('forget', A, null)], [B]],
  ['adopt', [claim(B)], [step('adopt', null, A)], [B, A]],
  ['none', [claim(B)], [step('none', A, A)], [B]],
  [
    'forget and create of one key',
    [claim(A_MOVED), claim(A)],
    [replace(A, A_MOVED), step('forget', A_MOVED, null)],
    [A_MOVED],
  ],
])('%s: the claims that are left', (_what, claims, steps, expected) => {
  expect(keysAfter(claims, ...steps)).toEqual(expected.map(routeKey));
});

test('an unchanged claim keeps its owner and its date', () => {
  const other = claim(B, { ...OWNER, spec: '/another/tunnel.yaml', pid: 1 });
  expect(claimsAfter([other], planOf([create(A)]), OWNER, NOW)[0]).toBe(other);
});

test('an equal key in another network namespace of this boot is another route', () => {
  const elsewhere = claim(A, { ...OWNER, networkNamespace: '99' });
  expect(keysAfter([elsewhere, claim(A)], remove(A))).toEqual([claimKey(elsewhere)]);
  expect(keysAfter([elsewhere], create(A))).toHaveLength(2);
});

test('an equal key of an earlier boot is superseded, whatever its namespace was called', () => {
  const earlier = claim(A, { ...OWNER, bootId: 'boot-0', networkNamespace: '99' });
  expect(claimsAfter([earlier], planOf([create(A)]), OWNER, NOW).map(({ owner }) => owner)).toEqual([OWNER]);
});

test('all claims of a profile are of the cluster that it leads to by then; what cannot be told is as it was', () => {
  const told = { clusters: [{ profile: 'minikube', uid: 'new', former: 'old' }] };
  const [first] = claimsAfter([], planOf([create(A)], told), OWNER, NOW);
  expect(first?.cluster).toBe('new');
  const old = claimsAfter([], planOf([create(A)]), OWNER, NOW).map((claim) => ({ ...claim, cluster: 'old' }));
  expect(claimsAfter(old, planOf([], told), OWNER, NOW).map(({ cluster }) => cluster)).toEqual(['new']);
  expect(claimsAfter(old, planOf([create(A)]), OWNER, NOW).map(({ cluster }) => cluster)).toEqual(['old']);
});
