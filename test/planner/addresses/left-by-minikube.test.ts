import { describe, expect, it } from 'vitest';
import type { MinikubeTunnel, ObservedHost, ObservedService } from '../../../src/model/observed.ts';
import { isEmpty, isRefused, type Plan } from '../../../src/model/plan.ts';
import { hold } from '../../../src/planner/hold.ts';
import { plan } from '../../../src/planner/plan.ts';
import * as build from '../build.ts';
import { replay } from '../simulate.ts';

const POOL = ['10.200.0.0/29'];
const LEFT = { ingress: ['10.96.0.50'], ingressManager: 'minikube' };
const tunnel = (rest: Partial<MinikubeTunnel> = {}): MinikubeTunnel => ({
  profile: 'minikube',
  pid: 4242,
  alive: true,
  destination: build.prefix('10.96.0.0/12'),
  gateway: build.VM,
  ...rest,
});

interface World {
  readonly services: readonly ObservedService[];
  readonly host?: Partial<ObservedHost>;
  readonly profile?: Parameters<typeof build.profile>[0];
  readonly mode?: 'present' | 'absent';
}

function worldOf({ services, host = {}, profile = {}, mode = 'present' }: World) {
  const wanted = build.profile({ loadBalancer: build.loadBalancer(POOL), ...profile });
  const desired = build.desired([wanted], { mode });
  const seen = build.observedProfile({ name: wanted.name, cluster: build.cluster({ services }) });
  return { desired, observed: build.observed({ host: build.host([], host), profiles: [seen] }) };
}

function planned(world: World): Plan {
  const { desired, observed } = worldOf(world);
  return plan(desired, observed);
}

const stepOf = (made: Plan) => made.steps.find((step) => step.kind === 'service');
const web = (rest: Partial<ObservedService> = {}) => build.service('web', { ...LEFT, ...rest });

describe('a Service that an ended `minikube tunnel` left', () => {
  it('is taken over, which needs approval', () => {
    const made = planned({ services: [web()] });
    expect(stepOf(made)).toMatchObject({
      action: 'replace',
      before: ['10.96.0.50'],
      after: ['10.200.0.1'],
      takenFrom: 'minikube',
      inverse: { action: 'replace', before: ['10.200.0.1'], after: ['10.96.0.50'] },
      reason: 'left by minikube tunnel, process gone; lowest free address',
    });
    expect(made.approvals).toEqual([
      {
        kind: 'minikube',
        profile: 'minikube',
        subject: 'default/web',
        why: 'foreign: its ingress 10.96.0.50 was left by `minikube tunnel` (field manager minikube), whose process is gone',
      },
    ]);
    expect(made.waves.map((wave) => wave[0]?.op)).toEqual(['add', 'assign']);
  });

  it('is as any other afterwards: nothing is left to plan, nothing to approve, and it is cleared in the end', () => {
    const { desired, observed } = worldOf({ services: [web()] });
    const after = replay(plan(desired, observed), observed).at(-1) ?? observed;
    const again = plan(desired, after);
    expect(isEmpty(again)).toBe(true);
    expect(again.approvals).toEqual([]);
    const undone = plan({ ...desired, mode: 'absent' }, after);
    expect(stepOf(undone)).toMatchObject({ action: 'delete', before: ['10.200.0.1'], after: [] });
  });

  it('that is to show the same with `assign: clusterIP` changes its owner all the same', () => {
    const loadBalancer = build.loadBalancer([], { assign: 'clusterIP' });
    const services = { value: [build.cidr('10.96.0.0/12')], at: build.AT };
    const made = planned({ services: [web()], profile: { loadBalancer, services } });
    expect(stepOf(made)).toMatchObject({ action: 'replace', after: ['10.96.0.50'], takenFrom: 'minikube' });
    expect(made.approvals).toMatchObject([{ kind: 'minikube' }]);
  });

  it.each(['minikube', 'minikube.exe', 'minikube-linux-amd64', 'minikube-windows-amd64.exe'])(
    'may have been given by %s',
    (ingressManager) => {
      expect(stepOf(planned({ services: [web({ ingressManager })] }))).toMatchObject({
        takenFrom: ingressManager,
      });
    },
  );

  it('may be dual-stack', () => {
    const both = ['10.96.0.50', 'fd00:96::50'];
    expect(stepOf(planned({ services: [web({ clusterIps: both, ingress: both })] }))).toMatchObject({
      before: both,
    });
  });

  it.each<[string, Partial<ObservedService>]>([
    ['a manager of another name', { ingressManager: 'minikubectl' }],
    ['a person with kubectl', { ingressManager: 'kubectl-patch' }],
    ['another one beside it, whose address it is', { ingress: ['10.96.0.50', '10.9.9.9'] }],
    ['a ssh tunnel on this host', { ingress: ['127.0.0.1'] }],
    ['one that gave a host name', { ingressNames: ['localhost'] }],
    ['one that has cleared it', { ingress: [] }],
  ])('is not one of %s', (_, rest) => {
    const made = planned({ services: [web(rest)] });
    expect(made.services).toMatchObject([{ state: 'foreign' }]);
    expect(stepOf(made)).toBeUndefined();
    expect(made.approvals).toEqual([]);
  });

  it.each<[string, Partial<ObservedHost>, string?]>([
    ['runs', { minikubeTunnels: [tunnel()] }],
    ['runs beside a dead one', { minikubeTunnels: [tunnel({ pid: 1, alive: false }), tunnel()] }],
    ['runs for the profile that the context is of', { minikubeTunnels: [tunnel()] }, 'dev'],
    ['may run, since its file cannot be read', { minikubeTunnelsUnknown: true }],
  ])('is nothing that is taken while a tunnel %s', (_, host, name = 'minikube') => {
    const made = planned({ services: [web()], host, profile: { name, context: 'minikube' } });
    expect(made.services).toMatchObject([{ state: 'foreign', reason: 'minikube owns its ingress' }]);
    expect(stepOf(made)).toBeUndefined();
    expect(isRefused(made)).toBe(host.minikubeTunnels !== undefined);
    if (name !== 'minikube') expect(made.diagnostics).toMatchObject([{ profile: name, severity: 'error' }]);
  });

  it.each<[string, Partial<ObservedHost>]>([
    ['is dead', { minikubeTunnels: [tunnel({ alive: false })] }],
    ['runs for another profile', { minikubeTunnels: [tunnel({ profile: 'other' })] }],
  ])('is taken while a tunnel %s', (_, host) => {
    expect(stepOf(planned({ services: [web()], host }))).toMatchObject({ takenFrom: 'minikube' });
  });

  it.each<[string, World]>([
    ['is of another class', { services: [web({ loadBalancerClass: 'metallb' })] }],
    ['cannot have an address', { services: [web({ requestedIp: '10.9.9.9' })] }],
    ['is not served', { services: [web()], profile: { loadBalancer: build.loadBalancer([]) } }],
    ['is seen by `destroy`', { services: [web()], mode: 'absent' }],
  ])('keeps what it shows where it %s', (_, world) => {
    const made = planned(world);
    expect(stepOf(made)).toBeUndefined();
    expect(made.approvals).toEqual([]);
  });

  it('is left, and asks for nothing, while it is held', () => {
    const { desired, observed } = worldOf({ services: [web(), build.service('new')] });
    const made = plan(desired, observed);
    const services = new Map([['minikube default/web', 'needs approval']]);
    const held = hold(made, { profiles: new Map(), services, destinations: new Map() }, observed.host);
    expect(held.approvals).toEqual([]);
    expect(held.steps.filter(({ kind }) => kind === 'service')).toMatchObject([{ name: 'new' }]);
  });
});
