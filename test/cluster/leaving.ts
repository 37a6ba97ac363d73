import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { arrayAt, type JsonObject, textAt, valueAt } from '../../src/embedded-api/objects/json.ts';
import { TestClient } from '../embedded-api/client.ts';
import type { Passing } from '../faults/proxy.ts';
import { post } from './bed.ts';
import { Laptop, NODE } from './laptop.ts';
import { nodeObject, serviceObject } from './objects.ts';
import { Gate, ingressOf, type Place, type SuspensionTarget, specOf } from './suspension.ts';

const SERVICES = '/api/v1/namespaces/default/services';
const LEASES = '/apis/coordination.k8s.io/v1/namespaces/kube-system/leases';
const OURS = `${LEASES}?labelSelector=app.kubernetes.io%2Fmanaged-by%3Dmkplan`;
const ADDRESS = '10.200.0.1';
const ROUTE = `${ADDRESS} via ${NODE.address}`;

/** Whether a request is about a Lease, by this method; with what its body says of leaving. */
const ofLease =
  (method: string, isLeaving = false) =>
  (passing: Passing): boolean =>
    passing.method === method &&
    passing.path.startsWith(LEASES) &&
    passing.body.includes('mkplan/leaving') === isLeaving;

/** Where the first of two that leave waits until the second has left. */
const PLACES: readonly Place[] = [
  {
    name: 'its word that it leaves not yet written',
    stage: 'request',
    fits: ofLease('PUT', true),
  },
  {
    name: 'its word that it leaves written, the answer on its way',
    stage: 'answer',
    fits: ofLease('PUT', true),
  },
  { name: 'its Lease not yet removed', stage: 'request', fits: ofLease('DELETE') },
];

/** Two laptops with a state directory and a spec each, on one cluster with one Service. */
export function describeLeaving(
  title: string,
  refused: string | null,
  start: () => Promise<SuspensionTarget>,
): void {
  describe.skipIf(refused !== null)(`several mkplan on ${title}`, () => {
    let target: SuspensionTarget;
    let client: TestClient;
    let a: Laptop;
    let b: Laptop;

    beforeEach(async () => {
      target = await start();
      client = new TestClient(target.access);
      await post(client, '/api/v1/nodes', nodeObject(NODE, true));
      await post(client, SERVICES, serviceObject('web'));
      [a, b] = await Promise.all([Laptop.create(target.access), Laptop.create(target.access)]);
      for (const laptop of [a, b]) await laptop.writeSpec(specOf({ pool: ['10.200.0.0/29'] }));
    });

    afterEach(async () => {
      await a?.close();
      await b?.close();
      client.close();
      await target.close();
    });

    const shown = async (): Promise<string[]> => ingressOf((await client.get(`${SERVICES}/web`)).body);

    const leases = async (): Promise<JsonObject[]> =>
      arrayAt((await client.get(OURS)).body, 'items').map((one) => one as JsonObject);

    async function run(laptop: Laptop, verb: 'apply' | 'destroy'): Promise<string> {
      const { code, stdout, stderr } = await laptop.mkplan(verb, laptop.spec, '--auto-approve');
      expect(code, `${stdout}${stderr}`).toBe(0);
      return stdout;
    }

    const routed = async (laptop: Laptop): Promise<boolean> =>
      (await laptop.routes()).some((line) => line.startsWith(ROUTE));

    test('what one leaves the other keeps, and the last one out clears', async () => {
      await run(a, 'apply');
      await run(b, 'apply');
      expect(await shown()).toEqual([ADDRESS]);
      expect([await routed(a), await routed(b)]).toEqual([true, true]);
      const joined = await leases();
      expect(joined.map((one) => valueAt(one, 'spec', 'leaseDurationSeconds'))).toEqual([
        undefined,
        undefined,
      ]);
      const holders = joined.map((one) => textAt(one, 'spec', 'holderIdentity') ?? '');
      expect(holders).toEqual([expect.stringMatching(/^.+@.+:/), expect.stringMatching(/^.+@.+:/)]);
      expect(holders.map((holder) => holder.replace(/^[^:]*:/, '')).sort()).toEqual([a.spec, b.spec].sort());
      expect((await b.mkplan('status', b.spec)).stdout).toContain(`${a.spec} is here, too`);
      expect((await a.mkplan('plan', a.spec, '--detailed-exitcode')).code).toBe(0);

      expect(await run(a, 'destroy')).toContain(b.spec);
      expect(await shown()).toEqual([ADDRESS]);
      expect([await routed(a), await routed(b)]).toEqual([false, true]);
      expect(await leases()).toHaveLength(1);
      expect((await b.mkplan('plan', b.spec, '--detailed-exitcode')).code).toBe(0);

      await run(b, 'destroy');
      expect(await shown()).toEqual([]);
      expect([await routed(a), await routed(b)]).toEqual([false, false]);
      expect(await leases()).toEqual([]);
    });

    test('two with a pool each leave to each other what they gave, and take over what was left', async () => {
      await b.writeSpec(specOf({ pool: ['10.201.0.0/29'] }));
      const all = async () => {
        const api = ingressOf((await client.get(`${SERVICES}/api`)).body);
        return { web: await shown(), api };
      };
      const rests = async (laptop: Laptop) => {
        const { code, stdout } = await laptop.mkplan('plan', laptop.spec, '--detailed-exitcode');
        expect(code, stdout).toBe(0);
        return stdout;
      };
      await run(a, 'apply');
      await post(client, SERVICES, serviceObject('api'));
      expect(await run(b, 'apply')).toContain(`${a.spec}, which serves them from another pool: default/web`);
      const given = { web: [ADDRESS], api: ['10.201.0.1'] };
      expect(await all()).toEqual(given);
      expect([await routed(a), await routed(b)]).toEqual([true, false]);
      expect(await rests(a)).toContain(`${b.spec}, which serves them from another pool: default/api`);
      await run(a, 'apply');
      await run(b, 'apply');
      expect(await all()).toEqual(given);

      await run(a, 'destroy');
      expect(await all()).toEqual({ ...given, web: [] });
      await run(b, 'apply');
      expect(await all()).toEqual({ ...given, web: ['10.201.0.2'] });
      expect(await rests(b)).not.toContain('another pool');
      await run(b, 'destroy');
      expect(await all()).toEqual({ web: [], api: [] });
      expect(await leases()).toEqual([]);
    });

    test.each(PLACES.map((place) => [place.name, place] as const))(
      'two that leave at once, the first with %s: nothing of either is left',
      async (_, place) => {
        await run(a, 'apply');
        await run(b, 'apply');
        const gate = new Gate();
        a.proxy.decide(gate.holding(place));
        const first = a.start('destroy', a.spec, '--auto-approve');
        await gate.reached;
        await run(b, 'destroy');
        gate.open();
        const { code, stdout, stderr } = await first.end;
        expect(code, `${stdout}${stderr}`).toBe(0);
        expect(await shown()).toEqual([]);
        expect(await leases()).toEqual([]);
        expect([await routed(a), await routed(b)]).toEqual([false, false]);
      },
    );

    test('one that comes while the last one leaves is refused until that is gone, and then served', async () => {
      await run(a, 'apply');
      const gate = new Gate();
      const clearing: Place = {
        name: 'about to clear',
        stage: 'request',
        fits: ({ method, path }) => method === 'PATCH' && path.endsWith('/status'),
      };
      a.proxy.decide(gate.holding(clearing));
      const leaving = a.start('destroy', a.spec, '--auto-approve');
      await gate.reached;
      const early = await b.mkplan('apply', b.spec, '--auto-approve');
      expect(early.code).toBe(4);
      expect(early.stdout).toContain(`${a.spec} is leaving`);
      gate.open();
      expect((await leaving.end).code).toBe(0);
      expect(await shown()).toEqual([]);
      await run(b, 'apply');
      expect(await shown()).toEqual([ADDRESS]);
      expect(await routed(b)).toBe(true);
    });

    test('one that comes before the other looks again keeps what it came for', async () => {
      await run(a, 'apply');
      const gate = new Gate();
      a.proxy.decide(gate.holding({ name: '', stage: 'request', fits: ofLease('PUT', true) }));
      const leaving = a.start('destroy', a.spec, '--auto-approve');
      await gate.reached;
      await run(b, 'apply');
      gate.open();
      expect((await leaving.end).code).toBe(0);
      expect(await shown()).toEqual([ADDRESS]);
      expect([await routed(a), await routed(b)]).toEqual([false, true]);
      expect(await leases()).toHaveLength(1);
    });
  });
}
