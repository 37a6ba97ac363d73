import { expect, it } from 'vitest';
import type { ObservedContext, ObservedProfile } from '../../src/model/observed.ts';
import { plan } from '../../src/planner/plan.ts';
import * as build from './build.ts';

const context: ObservedContext = {
  name: 'minikube',
  server: `https://${build.VM}:8443`,
  fromMinikube: true,
  answeredAt: null,
  program: null,
  proxy: null,
};
const START = 'minikube start -p minikube';
const LOOK = 'kubectl --context=minikube get nodes -v=6';

it.each<[cause: string, seen: Partial<ObservedProfile>, command: string | undefined]>([
  ['the connection is refused', { context, problems: ['connect ECONNREFUSED'] }, START],
  ['nobody answers in time', { context, problems: ['no answer within 10000 ms'] }, START],
  ['it answers 401', { context: { ...context, answeredAt: build.VM }, problems: ['HTTP status 401'] }, LOOK],
  ['it answers 403', { context: { ...context, answeredAt: build.VM }, problems: ['HTTP status 403'] }, LOOK],
  ['it answers a page', { context: { ...context, answeredAt: build.VM }, problems: ['no JSON'] }, LOOK],
  [
    'a proxy is in between',
    { context: { ...context, proxy: '10.1.2.3' }, problems: ['it answered 502'] },
    LOOK,
  ],
  ['its context cannot be used', { context: null, problems: ['there is no context'] }, undefined],
  ['minikube has no such profile', { config: null, context, problems: ['getaddrinfo ENOTFOUND'] }, undefined],
])('a cluster that could not be observed, since %s, is told what helps then', (_, seen, command) => {
  const desired = build.desired([
    build.profile({ loadBalancer: build.loadBalancer(['10.200.0.0/29'], { unclassed: true }) }),
  ]);
  const observed = build.observed({ profiles: [build.observedProfile({ cluster: null, ...seen })] });
  const [told] = plan(desired, observed).diagnostics.filter(({ code }) => code === 'cluster-unobserved');
  expect(told?.command).toBe(command);
  expect(told?.fix.includes('start the profile')).toBe(command === START);
});
