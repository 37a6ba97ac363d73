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
    const profiles = [build.observedProfile({ cluster: null, context: one, obstacle })];
    const [told] = plan(desired, build.observed({ profiles })).diagnostics;
    expect(told?.command).toBe(obstacle.command);
  }
});
