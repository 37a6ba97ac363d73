import { describe, expect, it } from 'vitest';
import { observedNode } from '../../src/kubernetes/nodes.ts';
import { runningIn } from '../../src/kubernetes/other-load-balancers.ts';
import { observedService } from '../../src/kubernetes/services.ts';

type Pod = Parameters<typeof runningIn>[0][number];

const pod = (container: object, labels: Record<string, string> = {}): Pod => ({
  metadata: { name: 'p', labels },
  spec: { containers: [{ name: 'c', ...container }] },
});
const kubeVip = (container: object = {}) =>
  pod({ image: 'ghcr.io/kube-vip/kube-vip:v0.9.2', args: ['manager'], ...container });

describe('LoadBalancer implementations that run in pods', () => {
  it.each<[what: string, pod: Pod, found: readonly string[]]>([
    ['nginx', pod({ image: 'nginx:1.29' }), []],
    [
      'k3s’ ServiceLB, by the label of its DaemonSet',
      pod({ image: 'rancher/klipper-lb:v0.4.13' }, { 'svccontroller.k3s.cattle.io/svcname': 'traefik' }),
      ['k3s’ ServiceLB'],
    ],
    [
      'kube-vip that serves Services',
      kubeVip({ env: [{ name: 'svc_enable', value: 'true' }] }),
      ['kube-vip'],
    ],
    ['kube-vip that is told so by an argument', kubeVip({ args: ['manager', '--services'] }), ['kube-vip']],
    [
      'kube-vip by digest',
      kubeVip({ image: 'registry:5000/kube-vip@sha256:0', args: ['--services=true'] }),
      ['kube-vip'],
    ],
    [
      'kube-vip’s cloud provider',
      pod({ image: 'ghcr.io/kube-vip/kube-vip-cloud-provider:v0.0.12' }),
      ['kube-vip'],
    ],
    [
      'kube-vip for the API server alone, as in `minikube start --ha`',
      kubeVip({
        env: [
          { name: 'cp_enable', value: 'true' },
          { name: 'lb_enable', value: 'true' },
        ],
      }),
      [],
    ],
    ['kube-vip with Services disabled', kubeVip({ env: [{ name: 'svc_enable', value: 'false' }] }), []],
    ['a pod without an image', pod({}), []],
    ['a pod of another shape', { spec: { containers: [{ image: 7 }] } } as never, []],
  ])('%s', (_what, one, found) => {
    expect(runningIn([one])).toEqual(found);
  });

  it('are named once', () => {
    const one = kubeVip({ args: ['--services'] });
    expect(runningIn([one, one])).toEqual(['kube-vip']);
  });
});

describe('what made a Node', () => {
  it.each<[providerID: string | undefined, labels: Record<string, string>, provider: string | undefined]>([
    [undefined, {}, undefined],
    ['kind://docker/dev/dev-control-plane', {}, 'kind'],
    ['k3s://k3d-dev-server-0', {}, 'k3s'],
    ['aws:///eu-west-1a/i-0123', {}, 'aws'],
    ['AZURE:///subscriptions/x', {}, 'azure'],
    ['node-1', {}, undefined],
    [undefined, { 'minikube.k8s.io/name': 'dev' }, 'minikube'],
    ['aws:///eu-west-1a/i-0123', { 'minikube.k8s.io/name': 'dev' }, 'minikube'],
  ])('is told by providerID %j and labels %j', (providerID, labels, provider) => {
    const node = observedNode({
      metadata: { name: 'n', labels },
      spec: { ...(providerID === undefined ? {} : { providerID }) },
    });
    expect(node.provider).toBe(provider);
  });
});

it.each([
  ['node-role.kubernetes.io/control-plane', true],
  ['node-role.kubernetes.io/master', true],
  ['node.kubernetes.io/microk8s-controlplane', true],
  ['node.kubernetes.io/microk8s-worker', false],
])('a Node with the label %s is a control plane: %s', (label, expected) => {
  expect(observedNode({ metadata: { name: 'n', labels: { [label]: '' } } }).controlPlane).toBe(expected);
});

describe('the service network that a k3s server was started with', () => {
  const told = (annotations: Record<string, string>, address = '172.18.0.3') =>
    observedNode({
      metadata: { name: 'server-0', annotations },
      status: { addresses: [{ type: 'InternalIP', address }] },
    }).serviceRange;
  const args = (...listed: readonly unknown[]) => ({ 'k3s.io/node-args': JSON.stringify(listed) });

  it.each<[what: string, annotations: Record<string, string>, range: string | undefined]>([
    ['none', {}, undefined],
    ['a server with defaults', args('server', '--tls-san', '0.0.0.0'), '10.43.0.0/16'],
    ['a word of its own', args('server', '--service-cidr', '10.50.0.0/16'), '10.50.0.0/16'],
    ['one word', args('server', '--service-cidr=10.50.0.0/16'), '10.50.0.0/16'],
    [
      'both families',
      args('server', '--service-cidr', '10.50.0.0/16,fd00:50::/112'),
      '10.50.0.0/16,fd00:50::/112',
    ],
    [
      'a word for each family',
      args('server', '--service-cidr', '10.50.0.0/16', '--service-cidr', 'fd00:50::/112'),
      '10.50.0.0/16,fd00:50::/112',
    ],
    ['an agent', args('agent', '--server', 'https://k3d-dev-serverlb:6443'), undefined],
    ['RKE2', { 'rke2.io/node-args': '["server","--service-cidr","10.60.0.0/16"]' }, '10.60.0.0/16'],
    ['what is not JSON', { 'k3s.io/node-args': 'server' }, undefined],
    ['what is not a list', { 'k3s.io/node-args': '{"0":"server"}' }, undefined],
  ])('is told by its Node: %s', (_what, annotations, range) => {
    expect(told(annotations)).toBe(range);
  });

  it('has no default that is known where its address is IPv6', () => {
    expect(told(args('server'), 'fd00::3')).toBeUndefined();
  });
});

describe('a Service that a controller keeps', () => {
  it.each<[finalizers: string[], kept: boolean | undefined]>([
    [[], undefined],
    [['service.kubernetes.io/load-balancer-cleanup'], true],
    [['example.com/other', 'service.kubernetes.io/load-balancer-cleanup'], true],
    [['service.k8s.aws/resources'], undefined],
  ])('is told by its finalizers: %j', (finalizers, kept) => {
    expect(observedService({ metadata: { name: 'web', finalizers } }).hasController).toBe(kept);
  });
});
