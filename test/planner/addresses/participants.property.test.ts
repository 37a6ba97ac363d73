import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isEmpty, isRefused, type LeaseChange, type Plan } from '../../../src/model/plan.ts';
import { plan } from '../../../src/planner/plan.ts';
import { Api } from '../api.ts';
import * as build from '../build.ts';

/**
 * Histories of one cluster with three mkplan that come, go and die, and are suspended or killed between any two calls of
 * the API: nobody takes an address from Services that somebody else uses, and when the last has left none is left.
 */

const TUNNELS = ['ann', 'bob', 'cleo'] as const;
/** Two share a pool, and the third has one of its own. */
const POOLS = { ann: ['10.200.0.0/29'], bob: ['10.200.0.0/29'], cleo: ['10.201.0.0/29'] } as const;

class Tunnel {
  readonly name: (typeof TUNNELS)[number];
  readonly #api: Api;
  /** What is still to be done, a call each; each says whether the run goes on. */
  #calls: (() => boolean)[] = [];
  /** Addresses that it routes to, by UID of the Service: what must not be taken away while it lives. */
  uses: ReadonlyMap<string, string> = new Map();

  constructor(name: (typeof TUNNELS)[number], api: Api) {
    this.name = name;
    this.#api = api;
  }

  get isBusy(): boolean {
    return this.#calls.length > 0;
  }

  #plan(mode: 'present' | 'absent'): Plan {
    const api = this.#api;
    return plan(
      build.desired(
        [build.profile({ loadBalancer: build.loadBalancer(POOLS[this.name], { unclassed: true }) })],
        {
          mode,
        },
      ),
      build.observed({
        profiles: [
          build.observedProfile({
            cluster: build.cluster({
              services: [...api.services.values()],
              allocations: api.record,
              participants: api.participants(this.name),
            }),
          }),
        ],
      }),
    );
  }

  /** Observes and plans, as the first of the calls that follow from that. */
  start(mode: 'present' | 'absent'): void {
    const made = this.#plan(mode);
    if (isRefused(made) || isEmpty(made)) {
      this.#calls = [];
      if (isEmpty(made) && mode === 'present') this.#settle(made);
      return;
    }
    const due = made.leases.filter(({ announced }) => !announced);
    this.#calls = [
      ...due.map((lease) => () => {
        this.#announce(lease);
        return true;
      }),
      // What was told has to be followed by a look, and what was planned before it has to hold.
      ...(due.length === 0 ? [] : [() => this.#lookAgain(mode, made)]),
      ...made.allocations.map(
        ({ before, after }) =>
          () =>
            this.#api.swap(before, after),
      ),
      ...this.#writes(made),
      () => {
        this.#settle(made);
        return true;
      },
      ...made.reports.map(({ name, uid, resourceVersion, addresses, condition }) => () => {
        this.#api.apply(name, uid, resourceVersion, { addresses, condition: condition.after });
        return true;
      }),
      ...made.leases
        .filter(({ action }) => action === 'leave')
        .map(() => () => this.#api.leases.delete(this.name)),
    ];
  }

  /** Under a new Lease the plan may be another one; then the command plans anew by itself. */
  #lookAgain(mode: 'present' | 'absent', made: Plan): boolean {
    const holds = this.#plan(mode).fingerprint === made.fingerprint;
    if (!holds) this.start(mode);
    return true;
  }

  #announce({ action, serves }: LeaseChange): void {
    this.#api.leases.set(this.name, { leaving: action === 'leave', live: true, serves });
    // From its own word on it relies on nothing.
    if (action === 'leave') this.uses = new Map();
  }

  #writes(made: Plan): (() => boolean)[] {
    return made.waves.flat().flatMap((change) => {
      const step = made.steps[change.step];
      if (step?.kind !== 'service') return [];
      const wanted = change.op === 'clear' ? [] : step.after;
      const condition = change.op === 'clear' && step.action !== 'delete' ? null : step.condition.after;
      const status = { addresses: wanted, condition };
      const write = () => this.#api.apply(step.name, step.uid, step.resourceVersion, status);
      const isCleared = () => {
        const found = this.#api.services.get(step.name);
        return found === undefined || found.uid !== step.uid || found.ingress.length === 0;
      };
      return [() => write() || (wanted.length === 0 && isCleared())];
    });
  }

  #settle(made: Plan): void {
    const served = made.steps.flatMap((step) =>
      step.kind === 'service' && made.mode === 'present' && step.after[0] !== undefined
        ? [[step.uid, step.after[0]] as const]
        : [],
    );
    this.uses = new Map(served);
  }

  step(): void {
    const call = this.#calls.shift();
    if (call !== undefined && !call()) this.#calls = [];
  }

  finish(): void {
    while (this.isBusy) this.step();
  }

  /** Killed in the middle of it: its Lease stays as it is, and its user knows that it does not serve. */
  kill(): void {
    if (this.isBusy) this.uses = new Map();
    this.#calls = [];
  }

  /** Gone for good: nobody renews its Lease. */
  die(): void {
    this.#calls = [];
    this.uses = new Map();
    const lease = this.#api.leases.get(this.name);
    if (lease !== undefined) this.#api.leases.set(this.name, { ...lease, live: false });
  }
}

const who = fc.nat(TUNNELS.length - 1);
const name = fc.constantFrom('a', 'b', 'c');
const operation = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant('create' as const), name }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('delete' as const), name }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constantFrom('apply', 'destroy'), who }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constantFrom('start-apply', 'start-destroy'), who }) },
  { weight: 12, arbitrary: fc.record({ do: fc.constant('step' as const), who }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('finish' as const), who }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('kill', 'die'), who }) },
);

class History {
  readonly api = new Api();
  readonly tunnels = TUNNELS.map((one) => new Tunnel(one, this.api));

  #tunnel(index: number): Tunnel {
    const tunnel = this.tunnels[index];
    if (tunnel === undefined) throw new RangeError(String(index));
    return tunnel;
  }

  run(one: typeof operation extends fc.Arbitrary<infer T> ? T : never): void {
    if (!('who' in one)) {
      if (one.do === 'delete') this.api.services.delete(one.name);
      else if (!this.api.services.has(one.name)) this.api.put(one.name, {});
      return;
    }
    const tunnel = this.#tunnel(one.who);
    if (one.do === 'step') tunnel.step();
    else if (one.do === 'finish') tunnel.finish();
    else if (one.do === 'kill') tunnel.kill();
    else if (one.do === 'die') tunnel.die();
    else if (!tunnel.isBusy) {
      tunnel.start(one.do.endsWith('apply') ? 'present' : 'absent');
      if (!one.do.startsWith('start')) tunnel.finish();
    }
  }

  /** What somebody uses and no longer shows, though the Service is there. */
  robbed(): string[] {
    const shown = new Map([...this.api.services.values()].map((one) => [one.uid, one.ingress]));
    return this.tunnels.flatMap((tunnel) =>
      [...tunnel.uses].flatMap(([uid, address]) =>
        (shown.get(uid) ?? [address]).includes(address) ? [] : [`${tunnel.name} lost ${address}`],
      ),
    );
  }
}

test('nobody takes what another uses, and the last one out clears', () => {
  fc.assert(
    fc.property(fc.array(operation, { minLength: 5, maxLength: 80 }), (operations) => {
      const history = new History();
      for (const one of operations) {
        history.run(one);
        expect(history.robbed()).toEqual([]);
      }
      for (const tunnel of history.tunnels) tunnel.finish();
      // A run that found the cluster changed is made again, as the command does it by itself.
      for (let round = 0; round < 3; round++) {
        for (const tunnel of history.tunnels) {
          tunnel.start('absent');
          tunnel.finish();
        }
      }
      expect([...history.api.services.values()].flatMap(({ ingress }) => ingress)).toEqual([]);
      expect([...history.api.leases.keys()]).toEqual([]);
    }),
    { numRuns: 2000 },
  );
}, 120_000);

type Move = readonly ['apply' | 'start-apply' | 'start-destroy' | 'step' | 'finish', tunnel: number];

/** One Service, served by the first; and then these moves. */
function after(...moves: readonly Move[]): History {
  const history = new History();
  history.run({ do: 'create', name: 'a' });
  history.run({ do: 'apply', who: 0 });
  for (const [what, index] of moves) history.run({ do: what, who: index });
  return history;
}

const ingress = ({ api }: History) => [...api.services.values()].flatMap((service) => service.ingress);

test.each([[[0, 1]], [[1, 0]], [[0, 0, 1]], [[1, 1, 0]], [[0, 1, 0, 1]], [[0, 1, 1, 0]], [[0, 0, 0, 1, 1]]])(
  'two that leave at the same time, their calls in the order %j: one of them clears',
  (order) => {
    const steps = order.map((index): Move => ['step', index]);
    const history = after(
      ['apply', 1],
      ['start-destroy', 0],
      ['start-destroy', 1],
      ...steps,
      ['finish', 0],
      ['finish', 1],
    );
    expect(ingress(history)).toEqual([]);
    expect(history.api.leases.size).toBe(0);
  },
);

test.each([0, 1, 2, 3])('one that leaves, and after %i of its calls another comes', (calls) => {
  const steps = Array.from({ length: calls }, (): Move => ['step', 0]);
  const history = after(['start-destroy', 0], ...steps, ['apply', 1], ['finish', 0]);
  expect(history.robbed()).toEqual([]);
  history.run({ do: 'apply', who: 1 });
  expect(ingress(history)).toEqual(['10.200.0.1']);
});

test.each([0, 1, 2])('one that comes, and after %i of its calls the only other one leaves', (calls) => {
  const steps = Array.from({ length: calls }, (): Move => ['step', 1]);
  const history = after(['start-apply', 1], ...steps, ['start-destroy', 0], ['finish', 0], ['finish', 1]);
  expect(history.robbed()).toEqual([]);
  history.run({ do: 'apply', who: 1 });
  expect(ingress(history)).toEqual(['10.200.0.1']);
});
