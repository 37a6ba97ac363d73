import { describe, expect, it } from 'vitest';
import type { ObservedNode } from '../../../src/model/observed.ts';
import { formatPrefix } from '../../../src/model/prefix.ts';
import { plan } from '../../../src/planner/plan.ts';
import * as build from '../build.ts';

const SECOND = '192.168.39.3';
const desired = build.desired([build.profile({ pods: { value: 'auto', at: build.AT } })]);

function planWith(second: ObservedNode) {
  const nodes = [build.node('minikube', [build.VM], ['10.244.0.0/24']), second];
  const cluster = build.cluster({ nodes });
  const made = plan(desired, build.observed({ profiles: [build.observedProfile({ cluster })] }));
  const ways = made.steps.flatMap((step) =>
    step.kind === 'route' && step.purpose === 'pods' && step.after !== null
      ? [`${formatPrefix(step.after.destination)} via ${step.after.gateway}`]
      : [],
  );
  return { ways, warnings: made.diagnostics.filter(({ code }) => code !== 'gateway-off-link') };
}

const m02 = (internalIps: readonly string[], podCidrs: readonly string[] = ['10.244.1.0/24']) =>
  build.node('minikube-m02', internalIps, podCidrs);

describe('a Node without an address', () => {
  it.each<[string, ObservedNode, string]>([
    [
      'none at all',
      m02([]),
      'Node minikube-m02 has no InternalIP, so its pods (10.244.1.0/24) have no route',
    ],
    [
      'IPv6 alone',
      m02(['fd00::2']),
      'Node minikube-m02 has no IPv4 InternalIP, so its pods (10.244.1.0/24) have no route',
    ],
    [
      'none, with pods of both families',
      m02([], ['10.244.1.0/24', 'fd01::/64']),
      'Node minikube-m02 has no InternalIP, so its pods (10.244.1.0/24, fd01::/64) have no route',
    ],
  ])('is named once, with a fix that concerns it: %s', (_, node, summary) => {
    const { ways, warnings } = planWith(node);
    expect(ways).toEqual([`10.244.0.0/24 via ${build.VM}`]);
    expect(warnings).toMatchObject([
      {
        code: 'node-address',
        severity: 'warning',
        profile: 'minikube',
        summary: `profile minikube: ${summary}`,
        fix: expect.stringContaining('--node-ip'),
        command: 'kubectl --context minikube get nodes -o wide',
      },
    ]);
  });

  it('is not one that has an address of each family that its pods have, or no pods', () => {
    for (const node of [
      m02([SECOND]),
      m02(['fd00::2', SECOND]),
      m02([SECOND, '192.168.39.4']),
      m02([], []),
    ]) {
      expect(planWith(node).warnings, JSON.stringify(node.internalIps)).toEqual([]);
    }
    expect(planWith(m02([SECOND, '192.168.39.4'])).ways[1]).toBe(`10.244.1.0/24 via ${SECOND}`);
  });

  it('is not told of where there is no gateway at all, which is the error then', () => {
    const cluster = build.cluster({ nodes: [m02([])], kubeadm: null });
    const lost = build.observedProfile({ cluster, config: null, minikubeIp: null, context: null });
    const spec = build.desired([
      build.profile({ gateway: { value: 'auto', at: build.AT }, pods: { value: 'auto', at: build.AT } }),
    ]);
    const codes = plan(spec, build.observed({ profiles: [lost] })).diagnostics.map(({ code }) => code);
    expect(codes).toEqual(['gateway-unknown']);
  });

  it('is not said to be unknown to minikube where its config.json has one, which may be old', () => {
    const cluster = build.cluster({ nodes: [m02([])], kubeadm: null });
    const lost = build.observedProfile({ cluster, minikubeIp: null, context: null });
    const spec = build.desired([build.profile({ gateway: { value: 'auto', at: build.AT } })]);
    const [first] = plan(spec, build.observed({ profiles: [lost] })).diagnostics;
    expect(first).toMatchObject({
      code: 'gateway-unknown',
      cause: expect.stringMatching(/config\.json says \(.+\)/),
    });
  });

  it('is passed over for another that has an endpoint of a Service with the Local policy, or named', () => {
    const service = build.service('web', { externalTrafficPolicy: 'Local' });
    const spec = build.desired([build.profile({ loadBalancer: build.loadBalancer(['10.200.0.0/24']) })]);
    const planned = (readyByNode: Readonly<Record<string, number>>) => {
      const cluster = build.cluster({
        nodes: [m02([], []), build.node('minikube-m03', [SECOND], [])],
        services: [service],
        endpoints: [build.endpoints('web', readyByNode)],
      });
      return plan(spec, build.observed({ profiles: [build.observedProfile({ cluster })] }));
    };
    const both = planned({ 'minikube-m02': 1, 'minikube-m03': 1 });
    const gateways = both.steps.flatMap((step) =>
      step.kind === 'route' && step.purpose === 'load-balancer' ? [step.after?.gateway] : [],
    );
    expect(gateways).toEqual([SECOND]);
    const [named] = planned({ 'minikube-m02': 1 }).diagnostics;
    expect(named).toMatchObject({
      code: 'node-address',
      summary:
        'profile minikube: Node minikube-m02 has no InternalIP, so the packets to Service default/web (10.200.0.1) have no route',
    });
  });
});
