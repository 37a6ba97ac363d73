import { expect, it } from 'vitest';
import type { ObservedProfile } from '../../src/model/observed.ts';
import type { Aside } from '../../src/model/plan.ts';
import { plan } from '../../src/planner/plan.ts';
import * as build from './build.ts';

const found = build.observedProfile();
const context = found.context === null ? null : { ...found.context, answeredAt: null };
const obstacle = {
  code: 'cluster-refused',
  summary: 'connect ECONNREFUSED',
  cause: 'nothing listens there',
  fix: 'Start the API server.',
  command: 'kubectl config view',
};
const STATUS = 'minikube status -p minikube';
const OTHER = { ...obstacle, code: 'of-a-later-version' };

it.each<[cause: string, seen: Partial<ObservedProfile>, state: Aside['state'], command: string | undefined]>([
  ['the connection is refused', { context, obstacle }, 'silent', STATUS],
  ['minikube did not make the profile', { config: null, context, obstacle }, 'silent', obstacle.command],
  ['its VM is stopped', { context, obstacle, stopped: true }, 'stopped', 'minikube start -p minikube'],
  ['it is paused', { context, obstacle, paused: true }, 'paused', 'minikube unpause -p minikube'],
  ['nobody knows the obstacle', { context, obstacle: OTHER }, 'silent', obstacle.command],
  ['its recording says less', { context, problems: ['no answer'] }, 'silent', undefined],
])('a cluster that could not be observed, since %s, is told what helps then', (_, seen, state, command) => {
  const desired = build.desired([
    build.profile({ loadBalancer: build.loadBalancer(['10.200.0.0/29'], { unclassed: true }) }),
  ]);
  const observed = build.observed({ profiles: [build.observedProfile({ cluster: null, ...seen })] });
  const made = plan(desired, observed);
  expect(made.diagnostics).toHaveLength(1);
  expect(made.diagnostics[0]?.command).toBe(command);
  expect(made.aside).toMatchObject([{ state }]);
});

it('a context that another tool wrote for a profile of minikube’s is given no command of minikube’s', () => {
  const elsewhere = context === null ? null : { ...context, name: 'prod', fromMinikube: false };
  const desired = build.desired([
    build.profile({
      context: 'prod',
      loadBalancer: build.loadBalancer(['10.200.0.0/29'], { unclassed: true }),
    }),
  ]);
  for (const one of [elsewhere, null]) {
    for (const rest of [{}, { stopped: true }, { paused: true }]) {
      const profiles = [build.observedProfile({ cluster: null, context: one, obstacle, ...rest })];
      const { aside, diagnostics } = plan(desired, build.observed({ profiles }));
      expect(diagnostics).toMatchObject([{ code: obstacle.code, command: obstacle.command }]);
      expect(aside).toMatchObject([{ state: 'silent' }]);
    }
  }
});

it.each<[string, Partial<ObservedProfile>, command: string | undefined, mentions: boolean]>([
  ['its VM is stopped', { stopped: true, obstacle }, 'minikube start -p minikube', true],
  ['its server refuses', { obstacle }, STATUS, true],
  ['it answers behind a proxy', { cluster: build.cluster({ nodes: [] }) }, undefined, true],
  ['it is not of minikube', { config: null, obstacle }, obstacle.command, false],
])('an address that is not known, while %s, is told with what helps then', (_, seen, command, mentions) => {
  const desired = build.desired([build.profile({ gateway: { value: 'auto', at: build.AT } })]);
  const profile = build.observedProfile({ context, cluster: null, minikubeIp: null, ...seen });
  const [told, ...more] = plan(desired, build.observed({ profiles: [profile] })).diagnostics;
  expect(more).toEqual([]);
  expect(told).toMatchObject({
    code: 'gateway-unknown',
    fix: expect.stringMatching(/ive the address as spec\.profiles\[\]\.gateway\.$/),
  });
  expect(told?.command).toBe(command);
  const text = [told?.cause, told?.fix, told?.command].join(' ');
  expect(text.includes('minikube')).toBe(mentions);
});
