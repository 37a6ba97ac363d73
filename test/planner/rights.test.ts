import { describe, expect, it } from 'vitest';
import { type ObservedCluster, RIGHTS, type Right } from '../../src/model/observed.ts';
import { isEmpty, isRefused, type Plan } from '../../src/model/plan.ts';
import { formatPrefix } from '../../src/model/prefix.ts';
import { plan } from '../../src/planner/plan.ts';
import {
  AT,
  cidr,
  claim,
  cluster,
  desired,
  host,
  loadBalancer,
  observed,
  observedProfile,
  profile,
  service,
  VM,
} from './build.ts';

const ADDRESS = '10.200.0.1';
const web = service('web');
const shown = service('shown', { ingress: ['10.200.0.3'], ingressManager: 'mkplan' });

const spec = desired([
  profile({
    gateway: { value: 'auto', at: AT },
    services: { value: 'auto', at: AT },
    pods: { value: 'auto', at: AT },
    loadBalancer: loadBalancer(['10.200.0.0/29']),
  }),
]);

function planned(missingRights: readonly Right[], seen: Partial<ObservedCluster> = {}, rest = {}): Plan {
  const found = cluster({ services: [web, shown], missingRights, ...seen });
  return plan(spec, observed({ profiles: [observedProfile({ cluster: found })], ...rest }));
}

function routes(made: Plan, purpose: string): string[] {
  return made.steps.flatMap((step) =>
    step.kind === 'route' && step.purpose === purpose && step.after !== null
      ? [formatPrefix(step.after.destination)]
      : [],
  );
}

const stateOf = (made: Plan, name: string) => made.services.find((one) => one.name === name);
const missingOf = ({ diagnostics }: Plan) => diagnostics.filter(({ code }) => code === 'rights-missing');

describe('a missing right', () => {
  it.each(RIGHTS)('%s: is named in a warning with what it comes to, and stops nothing else', (right) => {
    const [warning, ...others] = missingOf(planned([right]));
    expect(others).toEqual([]);
    expect(warning).toMatchObject({ severity: 'warning' });
    expect(warning?.summary).toBe(`profile minikube: the user of context minikube may not ${right}`);
    expect(warning?.command).toMatch(/^kubectl --context=minikube auth can-i /);
    expect(isRefused(planned([right]))).toBe(false);
  });

  it('is not spoken of where the profile makes no use of it', () => {
    const plain = desired([profile({ services: { value: [cidr('10.96.0.0/12')], at: AT } })]);
    const found = cluster({
      missingRights: RIGHTS.filter(
        (right) => !right.endsWith(' nodes') && right !== 'get namespaces kube-system',
      ),
    });
    const made = plan(plain, observed({ profiles: [observedProfile({ cluster: found })] }));
    expect(missingOf(made)).toEqual([]);
  });

  it('is asked about in words that a shell takes as they are meant', () => {
    const odd = desired(spec.profiles.map((one) => ({ ...one, context: 'a; rm -rf ~' })));
    const found = cluster({ missingRights: ['patch services/status'] });
    const made = plan(odd, observed({ profiles: [observedProfile({ cluster: found })] }));
    expect(missingOf(made)[0]?.command).toBe(
      "kubectl --context='a; rm -rf ~' auth can-i patch services --subresource=status -A",
    );
  });
});

describe('without the right to', () => {
  it('patch services/status: Services stay pending and say why, those that show an address keep it', () => {
    const made = planned(['patch services/status']);
    expect(stateOf(made, 'web')).toMatchObject({ state: 'pending', addresses: [] });
    expect(stateOf(made, 'web')?.reason).toContain('the right to patch services/status is missing');
    expect(stateOf(made, 'shown')).toMatchObject({ state: 'served', addresses: ['10.200.0.3'] });
    expect(routes(made, 'load-balancer')).toEqual(['10.200.0.3/32']);
    expect(routes(made, 'services')).toEqual(['10.96.0.0/12']);
    expect(routes(made, 'pods')).toEqual(['10.244.0.0/16']);
    expect(made.steps.filter((step) => step.kind === 'service' && step.action !== 'none')).toEqual([]);
    expect(made.allocations.flatMap(({ after }) => after)).toEqual([
      { address: '10.200.0.3', service: 'default/shown' },
    ]);
  });

  it('patch services/status: destroy takes the routes away, and leaves to Services what they show', () => {
    const route = { destination: '10.200.0.3/32', gateway: VM, device: 'virbr1', protocol: 109, metric: 109 };
    const found = cluster({ services: [shown], missingRights: ['patch services/status'] });
    const made = plan(
      { ...spec, mode: 'absent' },
      observed({
        host: host([route]),
        registry: { claims: [claim(route, { purpose: 'load-balancer' })], open: null },
        profiles: [observedProfile({ cluster: found })],
      }),
    );
    expect(made.steps.map(({ kind, action }) => [kind, action])).toEqual([['route', 'delete']]);
    expect(missingOf(made)).toHaveLength(1);
  });

  it.each(['create configmaps kube-system', 'update configmaps kube-system/mkplan-allocations'] as const)(
    '%s: addresses are given, and the record is read but not written',
    (right) => {
      const allocations = {
        resourceVersion: '7',
        allocations: [{ address: '10.200.0.4', service: 'default/web' }],
      };
      const made = planned([right], { allocations });
      expect(made.allocations).toEqual([]);
      expect(stateOf(made, 'web')).toMatchObject({ state: 'served', addresses: ['10.200.0.4'] });
    },
  );

  it('get configmaps kube-system/mkplan-allocations: addresses are given without a record', () => {
    const made = planned(['get configmaps kube-system/mkplan-allocations'], { allocations: null });
    expect(made.allocations).toEqual([]);
    expect(stateOf(made, 'web')).toMatchObject({ state: 'served', addresses: [ADDRESS] });
  });

  it('list services: networks are routed, and no address is given', () => {
    const made = planned(['list services'], { services: [] });
    expect(made.services).toEqual([]);
    expect(made.allocations).toEqual([]);
    expect(routes(made, 'services')).toEqual(['10.96.0.0/12']);
    expect(routes(made, 'load-balancer')).toEqual([]);
  });

  it('list nodes: the gateway comes from elsewhere', () => {
    const made = planned(['list nodes'], { nodes: [] });
    expect(made.profiles[0]?.gateways.map(({ address }) => address)).toEqual([VM]);
    expect(routes(made, 'services')).toEqual(['10.96.0.0/12']);
    expect(stateOf(made, 'web')).toMatchObject({ state: 'served' });
  });

  it.each([
    ['list services', 'load-balancer', '10.200.0.3/32', { services: [] }],
    ['list nodes', 'pods', '10.244.0.0/16', { nodes: [] }],
  ] as const)(
    '%s: nothing is taken away that it hides; the plan is refused',
    (right, purpose, destination, seen) => {
      const route = { destination, gateway: VM, device: 'virbr1', protocol: 109, metric: 109 };
      const rest = {
        host: host([route]),
        registry: { claims: [claim(route, { purpose })], open: null },
      };
      const made = planned([right], seen, rest);
      expect(missingOf(made)).toMatchObject([{ severity: 'error' }]);
      expect(isRefused(made)).toBe(true);
      const gone = plan(
        { ...spec, mode: 'absent' },
        observed({
          ...rest,
          profiles: [observedProfile({ cluster: cluster({ missingRights: [right], ...seen }) })],
        }),
      );
      expect(isRefused(gone)).toBe(false);
      expect(isEmpty(gone)).toBe(false);
    },
  );
});
