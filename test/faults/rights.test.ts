import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { Right } from '../../src/model/observed.ts';
import { temporaryDirectory } from '../fakes/temporary.ts';
import { type Fault, PASS, type Passing } from './proxy.ts';
import { Stack, wrongs } from './stack.ts';

const RECORD = '/api/v1/namespaces/kube-system/configmaps/mkplan-allocations';
const REVIEWS = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';

/** The requests that need a right, and whether the Service is served without it. */
const RIGHTS: readonly (readonly [Right, method: string, path: RegExp, isServed: boolean])[] = [
  ['list nodes', 'GET', /\/nodes$/, true],
  ['list services', 'GET', /\/services$/, false],
  ['list endpointslices', 'GET', /\/endpointslices$/, true],
  ['get configmaps kube-system/mkplan-allocations', 'GET', new RegExp(`^${RECORD}$`), true],
  ['create configmaps kube-system', 'POST', /\/configmaps$/, true],
  ['list leases kube-system', 'GET', /\/leases$/, true],
  ['create leases kube-system', 'POST', /\/leases$/, true],
  ['patch services/status', 'PATCH', /\/status$/, false],
  ['create events', 'POST', /\/events$/, true],
];

let stack: Stack;

beforeEach(async () => {
  stack = await Stack.start(await temporaryDirectory(), 5000);
  stack.addService('web');
});

afterEach(() => stack.close());

/** An API server with RBAC: it refuses one right, and says so when it is asked. */
function without(right: Right, method: string, path: RegExp): (passing: Passing) => Fault {
  const [verb, name = ''] = right.split(' ');
  const [resource, subresource] = name.split('/');
  return (passing) => {
    if (passing.path === REVIEWS) {
      const { spec } = JSON.parse(passing.body) as { spec: { resourceAttributes: Record<string, string> } };
      const asked = spec.resourceAttributes;
      const allowed =
        asked['verb'] !== verb || asked['resource'] !== resource || asked['subresource'] !== subresource;
      return { kind: 'answer', status: 201, body: { status: { allowed } } };
    }
    return passing.method === method && path.test(passing.path) ? { kind: 'status', status: 403 } : PASS;
  };
}

it.each(RIGHTS)('without the right to %s, an apply does the rest', async (right, method, path, isServed) => {
  stack.proxy.decide(without(right, method, path));
  const { kind, plan } = await stack.apply();
  expect(kind).toBe('done');
  expect(plan.diagnostics.filter(({ code }) => code === 'rights-missing')).toMatchObject([
    { severity: 'warning', summary: `profile minikube: the user of context minikube may not ${right}` },
  ]);
  expect(stack.held()[0]?.ingress).toEqual(isServed ? ['10.200.0.1'] : []);
  expect(stack.events()).toEqual(isServed && right !== 'create events' ? ['web IPAllocated'] : []);
  // What cannot be written is not tried.
  expect(
    stack.proxy.seen.filter(({ fault, method: tried }) => fault === 'status' && tried !== 'GET'),
  ).toEqual([]);
  const again = await stack.apply();
  expect(again.kind).toBe('nothing');

  stack.proxy.decide(() => PASS);
  await stack.apply();
  expect(stack.held()[0]?.ingress).toEqual(['10.200.0.1']);
  expect(wrongs(stack)).toEqual([]);
});

/** What a watch asks for beyond, and where. */
const WATCHES: readonly (readonly [Right, path: RegExp, isWatch: boolean])[] = [
  ['watch nodes', /\/nodes$/, true],
  ['watch services', /\/services$/, true],
  ['watch endpointslices', /\/endpointslices$/, true],
  ['list configmaps kube-system/mkplan-allocations', /\/configmaps$/, false],
  ['watch configmaps kube-system/mkplan-allocations', /\/configmaps$/, true],
];

it.each(WATCHES)('without the right to %s, a watch knows the same', async (right, path, isWatch) => {
  await stack.apply();
  const cluster = await stack.connect();
  try {
    const listed = await cluster.observe();
    stack.proxy.decide((passing) => {
      const isRefused = passing.method === 'GET' && passing.isWatch === isWatch && path.test(passing.path);
      return isRefused ? { kind: 'status', status: 403 } : PASS;
    });
    const watch = cluster.watch(() => undefined);
    await vi.waitFor(() => expect(watch.isLive).toBe(true), { timeout: 10_000 });
    expect(await cluster.observe()).toEqual({ ...listed, missingRights: [right] });
  } finally {
    await cluster.close();
  }
});
