import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { freePool, prefixesInUse } from '../../../src/cli/arguments/pool.ts';
import type { ObservedState } from '../../../src/model/observed.ts';
import { formatPrefix, overlaps, truncate } from '../../../src/model/prefix.ts';
import { decodeObserved } from '../../../src/observe/document.ts';
import { plan } from '../../../src/planner/plan.ts';
import {
  AT,
  cluster,
  desired,
  loadBalancer,
  node,
  observed,
  observedProfile,
  profile,
  service,
  VM,
} from '../../planner/build.ts';
import { prefix } from '../plans.ts';

function poolBeside(...used: readonly string[]): string | null {
  const found = freePool(used.map(prefix));
  return found === null ? null : formatPrefix(found.pool);
}

describe('freePool', () => {
  it('is the same on every host where nothing is in its way', () => {
    expect(poolBeside('192.168.1.0/24')).toBe('10.200.0.0/24');
  });

  it('steps aside for what holds it, what is in it, and what it is', () => {
    expect(poolBeside('10.200.0.0/16')).toBe('10.201.0.0/24');
    expect(poolBeside('10.200.0.7/32')).toBe('10.201.0.0/24');
    expect(poolBeside('10.200.0.0/24')).toBe('10.201.0.0/24');
  });

  it('leaves 10.0.0.0/8 to a VPN that has it', () => {
    expect(poolBeside('10.0.0.0/8')).toBe('172.28.255.0/24');
    expect(poolBeside('10.0.0.0/8', '172.16.0.0/12')).toBe('192.168.200.0/24');
  });

  it('does not mind default routes, their halves and IPv6', () => {
    expect(poolBeside('0.0.0.0/0', '0.0.0.0/1', '128.0.0.0/1', '::/0', 'fd00::/8')).toBe('10.200.0.0/24');
  });

  it('goes beyond RFC 1918 where that is taken, and says what is there', () => {
    const taken = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16'].map(prefix);
    expect(freePool([])?.caution).toBeNull();
    const shared = freePool(taken);
    expect(shared && formatPrefix(shared.pool)).toBe('100.127.200.0/24');
    expect(shared?.caution).toContain('Tailscale');
    const bench = freePool([...taken, prefix('100.64.0.0/10')]);
    expect(bench && formatPrefix(bench.pool)).toBe('198.19.200.0/24');
    expect(bench?.caution).toContain('fake IP');
  });

  it('is null where all of that is taken, too', () => {
    const taken = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10', '198.18.0.0/15'];
    expect(poolBeside(...taken)).toBeNull();
  });

  it('never overlaps a network in use', () => {
    const network = fc
      .tuple(fc.nat(0xffff_ffff), fc.integer({ min: 2, max: 32 }))
      .map(([start, length]) => truncate({ family: 4, start, length: 32 }, length));
    fc.assert(
      fc.property(fc.array(network, { maxLength: 40 }), (used) => {
        const found = freePool(used);
        expect(used.some((one) => found !== null && overlaps(one, found.pool))).toBe(false);
      }),
    );
  });
});

/** What a plan refuses, of a tunnel for the first profile with that pool. */
function refusals(state: ObservedState, pool: readonly string[]): string[] {
  const name = state.profiles[0]?.name ?? 'minikube';
  const auto = { value: 'auto' as const, at: AT };
  const wanted = profile({
    name,
    context: name,
    gateway: auto,
    services: auto,
    pods: auto,
    loadBalancer: loadBalancer(pool, { unclassed: true }),
  });
  const { conflicts, diagnostics, approvals } = plan(desired([wanted]), state);
  return [
    ...conflicts.map((conflict) => JSON.stringify(conflict)),
    ...diagnostics.filter(({ severity }) => severity === 'error').map(({ summary }) => summary),
    // What a `minikube tunnel` left is replaced from any pool.
    ...approvals.filter(({ kind }) => kind !== 'minikube').map(({ kind, subject }) => `${kind} ${subject}`),
  ];
}

/** The pool that is chosen, after it was planned with. */
function planned(state: ObservedState): string {
  const found = freePool(prefixesInUse(state));
  if (found === null) throw new Error('no pool');
  const pool = formatPrefix(found.pool);
  expect(refusals(state, [pool])).toEqual(refusals(state, []));
  return pool;
}

describe('a plan with the pool that was chosen refuses nothing for it', () => {
  const examples = fileURLToPath(new URL('../../../examples/', import.meta.url));

  it.each(readdirSync(examples).filter((name) => existsSync(join(examples, name, 'observed.yaml'))))(
    'as recorded in examples/%s',
    (name) => {
      const file = join(examples, name, 'observed.yaml');
      planned(decodeObserved(readFileSync(file, 'utf8'), file));
    },
  );

  const pods = (subnet: string) =>
    observed({
      profiles: [
        observedProfile({
          cluster: cluster({
            kubeadm: { serviceSubnet: '10.96.0.0/12', podSubnet: subnet },
            nodes: [node('minikube', [VM], [subnet])],
            services: [service('web')],
          }),
        }),
      ],
    });

  it('where the pod network is where a pool is looked for first', () => {
    expect(planned(pods('10.200.0.0/16'))).toBe('10.201.0.0/24');
    expect(planned(pods('10.192.0.0/11'))).toBe('10.224.0.0/24');
  });

  it('where the service network is', () => {
    const state = observed({
      profiles: [
        observedProfile({
          cluster: cluster({
            serviceCidrs: ['10.200.0.0/16'],
            nodes: [node('minikube', [VM], [])],
            services: [service('web')],
          }),
        }),
      ],
    });
    expect(planned(state)).toBe('10.201.0.0/24');
  });

  it('whatever networks a cluster has', () => {
    const network = fc
      .tuple(
        fc.constantFrom('10.192.0.0', '10.200.0.0', '10.201.0.0', '172.28.0.0'),
        fc.integer({ min: 8, max: 24 }),
      )
      .map(([start, length]) => formatPrefix(truncate(prefix(`${start}/32`), length)));
    fc.assert(
      fc.property(network, (subnet) => {
        planned(pods(subnet));
      }),
    );
  });
});
