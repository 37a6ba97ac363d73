import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { arrayAt, type JsonObject, textAt } from '../../src/embedded-api/objects/json.ts';
import { type Access, type OpenWatch, TestClient } from '../embedded-api/client.ts';
import type { Fault, Passing } from '../faults/proxy.ts';
import { post } from './bed.ts';
import { Laptop, NODE, type Run } from './laptop.ts';
import { nodeObject, serviceObject } from './objects.ts';

/** A cluster without Services, and without a record of allocations. */
export interface SuspensionTarget {
  /** As a member of system:masters. */
  readonly access: Access;
  close(): Promise<void>;
}

const SERVICES = '/api/v1/namespaces/default/services';
const CONFIG_MAPS = '/api/v1/namespaces/kube-system/configmaps';
const RECORD = `${CONFIG_MAPS}/mkplan-allocations`;

export function specOf(loadBalancer: JsonObject): string {
  const profile = JSON.stringify({ name: NODE.name, loadBalancer });
  return `apiVersion: mkplan/v1alpha1\nkind: Tunnel\nmetadata: { name: test }\nspec:\n  profiles:\n    - ${profile}\n`;
}

export function ingressOf(service: JsonObject): string[] {
  return arrayAt(service, 'status', 'loadBalancer', 'ingress').map((one) => textAt(one, 'ip') ?? '');
}

/** What every Service ever showed, in the order of the API's changes. */
class Shown {
  readonly #client: TestClient;
  readonly #watch: OpenWatch;
  readonly #reading: Promise<unknown>;
  readonly #now = new Map<string, readonly string[]>();
  readonly #seen = new Set<string>();
  #markers = 0;
  /** Each address that two Services showed at a time. */
  readonly doubles: string[] = [];
  /** Every address that a Service ever showed, in order; by its name, and its uid where it was made anew. */
  readonly ever = new Map<string, string[]>();

  private constructor(client: TestClient, watch: OpenWatch) {
    this.#client = client;
    this.#watch = watch;
    this.#reading = this.#read();
  }

  static async follow(client: TestClient): Promise<Shown> {
    const { body } = await client.get(SERVICES);
    const since = textAt(body, 'metadata', 'resourceVersion') ?? '';
    return new Shown(client, await client.watch(`${SERVICES}?watch=true&resourceVersion=${since}`));
  }

  async #read(): Promise<never> {
    for (;;) {
      const { type, object } = await this.#watch.next();
      this.#seen.add(textAt(object, 'metadata', 'name') ?? '');
      this.#note(object, type === 'DELETED' ? [] : ingressOf(object));
    }
  }

  #note(service: JsonObject, ingress: readonly string[]): void {
    const key = `${textAt(service, 'metadata', 'name')} ${textAt(service, 'metadata', 'uid')}`;
    this.#now.set(key, ingress);
    const ever = this.ever.get(key) ?? [];
    this.ever.set(key, [...ever, ...ingress.filter((address) => !ever.includes(address))]);
    for (const [other, addresses] of this.#now) {
      for (const address of other === key ? [] : addresses.filter((one) => ingress.includes(one)))
        this.doubles.push(`${address}: ${key}, ${other}`);
    }
  }

  /** Returns once everything that was changed before is noted. */
  async settle(): Promise<void> {
    const name = `marker-${this.#markers++}`;
    await post(this.#client, SERVICES, serviceObject(name, { type: 'ClusterIP' }));
    const noted = async (): Promise<void> => {
      while (!this.#seen.has(name)) await new Promise(setImmediate);
    };
    await Promise.race([noted(), this.#reading]);
  }

  /** Name and addresses of every Service that shows any now. */
  get now(): Record<string, readonly string[]> {
    return Object.fromEntries(
      [...this.#now]
        .filter(([, ingress]) => ingress.length > 0)
        .map(([key, ingress]) => [key.split(' ')[0] ?? '', ingress]),
    );
  }

  async close(): Promise<void> {
    this.#watch.close();
    await this.#reading.catch(() => undefined);
  }
}

/** A place where the first request that fits waits. */
export class Gate {
  readonly reached: Promise<void>;
  #reach: () => void = () => undefined;
  #open: () => void = () => undefined;
  readonly #opened: Promise<void>;

  constructor() {
    this.reached = new Promise((resolve) => {
      this.#reach = resolve;
    });
    this.#opened = new Promise((resolve) => {
      this.#open = resolve;
    });
  }

  /** Decides for a proxy: what fits waits until it is opened, everything else passes. */
  holding(place: Place): (passing: Passing) => Fault {
    let isHeld = false;
    return (passing) => {
      if (isHeld || !place.fits(passing)) return { kind: 'pass' };
      isHeld = true;
      const wait = async (): Promise<void> => {
        this.#reach();
        await this.#opened;
      };
      return { kind: 'hold', stage: place.stage, wait };
    };
  }

  open(): void {
    this.#open();
  }
}

export interface Place {
  readonly name: string;
  readonly stage: 'request' | 'answer';
  fits(passing: Passing): boolean;
}

const WRITING_RECORD: Place = {
  name: 'its allocations not yet written',
  stage: 'request',
  fits: ({ method, path }) =>
    (method === 'POST' && path === CONFIG_MAPS) || (method === 'PUT' && path === RECORD),
};

const WRITING_STATUS: Place = {
  name: 'its allocations written, but not each status',
  stage: 'request',
  fits: ({ method, path }) => method === 'PATCH' && path.endsWith('/status'),
};

const PLACES: readonly Place[] = [
  {
    name: 'having read the record, before it plans',
    stage: 'answer',
    fits: ({ method, path }) => method === 'GET' && path === RECORD,
  },
  WRITING_RECORD,
  WRITING_STATUS,
  {
    name: 'a status written, the answer on its way',
    stage: 'answer',
    fits: ({ method, path }) => method === 'PATCH' && path.endsWith('/status'),
  },
];

interface Sharing {
  readonly name: string;
  readonly a: JsonObject;
  readonly b: JsonObject;
  readonly services: Readonly<Record<string, JsonObject>>;
}

const SHARINGS: readonly Sharing[] = [
  {
    name: 'the same Services and pool',
    a: { pool: ['10.200.0.0/29'] },
    b: { pool: ['10.200.0.0/29'] },
    services: { web: {}, api: {} },
  },
  {
    name: 'a class each, and pools that overlap',
    a: { pool: ['10.200.0.0/28'], class: 'test/a', unclassed: false },
    b: { pool: ['10.200.0.0/27'], class: 'test/b', unclassed: false },
    services: {
      'a-web': { loadBalancerClass: 'test/a' },
      'a-api': { loadBalancerClass: 'test/a' },
      'b-web': { loadBalancerClass: 'test/b' },
      'b-api': { loadBalancerClass: 'test/b' },
    },
  },
];

/** Without a record of before it is made, with one it is replaced. */
const CASES = SHARINGS.flatMap((sharing) =>
  [false, true].flatMap((recorded) =>
    PLACES.filter((place) => !recorded || place === WRITING_RECORD).map((place) => {
      const title = `${sharing.name}, ${place.name}${recorded ? ' in place of those of before' : ''}`;
      return [title, { sharing, recorded, place }] as const;
    }),
  ),
);

/** Two mkplan at one cluster, one of them suspended at some point and resumed after the other has applied. */
export function describeSuspension(
  name: string,
  refused: string | null,
  start: () => Promise<SuspensionTarget>,
): void {
  describe.skipIf(refused !== null)(`a suspended mkplan beside another one, on ${name}`, () => {
    const open: { close(): unknown }[] = [];
    let client: TestClient;
    let shown: Shown;
    let a: Laptop;
    let b: Laptop;

    function opened<T extends { close(): unknown }>(one: T): T {
      open.push(one);
      return one;
    }

    beforeEach(async () => {
      const { access } = opened(await start());
      client = opened(new TestClient(access));
      await post(client, '/api/v1/nodes', nodeObject(NODE, true));
      shown = opened(await Shown.follow(client));
      a = opened(await Laptop.create(access));
      b = opened(await Laptop.create(access));
    });

    afterEach(async () => {
      for (const one of open.splice(0).reverse()) await one.close();
    });

    async function apply(laptop: Laptop): Promise<void> {
      expect(await laptop.mkplan('apply', laptop.spec, '--auto-approve')).toMatchObject({ code: 0 });
    }

    async function make(name: string, spec: JsonObject = {}): Promise<void> {
      await post(client, SERVICES, serviceObject(name, spec));
    }

    /** Suspends an `apply` of A at a place, and goes on with it after `meanwhile`. */
    async function suspendAt(place: Place, meanwhile: () => Promise<void>): ReturnType<typeof endOf> {
      const gate = new Gate();
      a.proxy.decide(gate.holding(place));
      const run = a.start('apply', a.spec, '--auto-approve');
      const early = run.end.then((end) => {
        throw new Error(`A ended before it came to the place: ${JSON.stringify(end)}`);
      });
      await Promise.race([gate.reached, early]);
      early.catch(() => undefined);
      await run.suspend();
      await meanwhile();
      run.resume();
      gate.open();
      return await endOf(run);
    }

    async function endOf(run: Run): Promise<{ code: number; said: string }> {
      const { code, stdout, stderr } = await run.end;
      return { code: code ?? -1, said: stdout + stderr };
    }

    /** What the exit code says holds, for the routes: DESIGN has one meaning for each. */
    async function expectTruth({ code, said }: { code: number; said: string }, before: string[]) {
      expect([0, 1, 5], said).toContain(code);
      if (code === 0) {
        expect(said).toContain('Applied:');
      } else {
        expect(said).toMatch(/no longer the one that was planned for|no answer within/);
        if (code === 5) expect(said).toContain('Rolled back');
        expect(await a.routes()).toEqual(before);
      }
    }

    async function expectNothingToDo(): Promise<void> {
      for (const laptop of [a, b]) {
        const again = await laptop.mkplan('plan', laptop.spec, '--detailed-exitcode');
        expect(again, again.stdout).toMatchObject({ code: 0 });
      }
    }

    test.each(CASES)('%s: no address is given twice', async (_, { sharing, recorded, place }) => {
      await a.writeSpec(specOf(sharing.a));
      await b.writeSpec(specOf(sharing.b));
      const services = Object.entries(sharing.services);
      if (recorded) {
        for (const [name, spec] of services) await make(`old-${name}`, spec);
        await apply(a);
        await apply(b);
      }
      for (const [name, spec] of services) await make(name, spec);
      const before = await a.routes();
      let given: Record<string, readonly string[]> = {};
      const end = await suspendAt(place, async () => {
        await apply(b);
        await shown.settle();
        given = shown.now;
      });
      await expectTruth(end, before);
      await shown.settle();
      // A call that was given up leaves unknown who gave an equal address, so that it is taken back.
      if (!end.said.includes('no answer within')) expect(shown.now).toMatchObject(given);
      await expectConverged(recorded ? 2 * services.length : services.length);
    });

    /** One more `apply` of each at most: then all is served, by the only address that each Service ever showed. */
    async function expectConverged(count: number): Promise<void> {
      await apply(a);
      await apply(b);
      await expectNothingToDo();
      await shown.settle();
      expect(shown.doubles).toEqual([]);
      expect(Object.keys(shown.now)).toHaveLength(count);
      for (const [service, addresses] of shown.ever)
        expect(addresses.length, `${service}: ${addresses.join()}`).toBeLessThanOrEqual(1);
    }

    test('its only address went to another Service, and its own was made anew', async () => {
      const pool = specOf({ pool: ['10.200.0.1'] });
      await a.writeSpec(pool);
      await b.writeSpec(pool);
      await make('first');
      const end = await suspendAt(WRITING_STATUS, async () => {
        await client.send('DELETE', `${SERVICES}/first`);
        await make('second');
        await apply(b);
        await make('first');
      });
      expect(end.code, end.said).toBe(5);
      await expectTruth(end, []);
      await apply(a);
      await expectNothingToDo();
      await shown.settle();
      expect(shown.now).toEqual({ second: ['10.200.0.1'] });
      expect(shown.doubles).toEqual([]);
    });
  });
}
