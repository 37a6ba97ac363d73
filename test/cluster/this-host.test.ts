import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { arrayAt, textAt } from '../../src/embedded-api/objects/json.ts';
import { Bed, type BedPod, type Heard, post, type Question } from './bed.ts';
import { waitUntil } from './daemon.ts';
import { modeRefused } from './kube-proxy.ts';
import { endpointSlice, serviceObject } from './objects.ts';
import { clusterRefused } from './programs.ts';
import { RouteGaps } from './route-gaps.ts';
import { HOST_ADDRESS, LAN_ADDRESS, LAPTOP } from './wiring.ts';

const SERVICES = '/api/v1/namespaces/default/services';
const SLICES = '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices';
const RESERVED = '10.200.0.10';
const POOL = '10.200.0.0/24';
const SPEC = `apiVersion: mkplan/v1alpha1
kind: Tunnel
metadata: { name: bed }
spec:
  profiles:
    - name: ${LAPTOP}
      loadBalancer:
        pool: [${POOL}]
        unclassed: true
        reservations: { default/web: ${RESERVED} }
`;
const DEFAULT_ROUTE = [
  'ip',
  'route',
  'add',
  'default',
  'via',
  '192.168.1.1',
  'dev',
  'lan0',
  'metric',
  '100',
] as const;
/** minikube did not write the context. */
const ALLOW = ['--auto-approve', '--allow', 'context'] as const;

const BEDS = (
  [
    ['iptables', 1],
    ['nftables', 1],
    ['iptables', 2],
  ] as const
).map(([mode, nodes]) => {
  const refused = clusterRefused ?? modeRefused(mode);
  const why = refused === null ? '' : ` (skipped: ${refused})`;
  const where = nodes === 1 ? 'this host is the only node' : 'the pods are on another node, a VM';
  // Nodes have a network in common.
  const address = nodes === 1 ? LAN_ADDRESS : HOST_ADDRESS;
  return [
    `kube-proxy on this host in ${mode} mode, ${where}${why}`,
    { mode, nodes, address, refused },
  ] as const;
});

const both = (address: string): Question[] => [
  ['tcp', address, 80],
  ['udp', address, 80],
];
const answered = (heard: readonly Heard[]) => heard.every(({ error }) => error === undefined);
const failed = (heard: readonly Heard[]) => heard.every(({ error }) => error !== undefined);

describe.each(BEDS)('%s', (_, { mode, nodes, address, refused }) => {
  let bed: Bed;
  let pod: BedPod;

  beforeAll(async () => {
    if (refused !== null) return;
    bed = await Bed.create({ nodes, mode, onHost: address });
    pod = await bed.addPod('web-0', nodes - 1);
    await bed.writeSpec(SPEC);
  });

  afterAll(async () => {
    await bed?.close();
  });

  const reach = async () => await bed.ask(bed.host, both(RESERVED), 1_000);

  /** Every route of every table and both families. */
  async function table(): Promise<string> {
    const show = (family: string) =>
      bed.host.must(['ip', '-N', '-details', family, 'route', 'show', 'table', 'all']);
    return (await show('-4')) + (await show('-6'));
  }

  /** A Service with a pod, which kube-proxy knows. */
  async function addService(externalTrafficPolicy: string): Promise<void> {
    const service = await post(bed.client, SERVICES, serviceObject('web', { externalTrafficPolicy }));
    await post(bed.client, SLICES, endpointSlice('web', [pod]));
    const clusterIp = textAt(service, 'spec', 'clusterIP') ?? '';
    await waitUntil('this host reaches the ClusterIP', async () =>
      answered(await bed.ask(bed.host, both(clusterIp), 500)),
    );
  }

  async function removeService(): Promise<void> {
    await bed.client.send('DELETE', `${SLICES}/web-1`);
    await bed.client.send('DELETE', `${SERVICES}/web`);
  }

  const shown = async () => {
    const { body } = await bed.client.get(`${SERVICES}/web`);
    return arrayAt(body, 'status', 'loadBalancer', 'ingress').map((ingress) => textAt(ingress, 'ip'));
  };

  test.skipIf(refused !== null).each(['Cluster', 'Local'])(
    'externalTrafficPolicy %s: apply gives an address that answers, and no route changes until after destroy',
    async (policy) => {
      await addService(policy);
      const [before, listener] = [await table(), await RouteGaps.listen(bed.host)];
      expect(failed(await reach())).toBe(true);

      const planned = await bed.mkplan('plan', bed.spec);
      expect(planned.stdout).toMatch(
        new RegExp(`on this host +${address} +InternalIP of Node laptop; nothing is routed`),
      );
      expect(await bed.mkplan('apply', bed.spec, ...ALLOW)).toMatchObject({ code: 0 });
      await waitUntil('the address answers', async () => answered(await reach()));
      expect(await reach()).toMatchObject([{ pod: pod.name }, { pod: pod.name }]);
      expect(await shown()).toEqual([RESERVED]);
      expect(await table()).toBe(before);

      const status = await bed.mkplan('status', bed.spec, '--detailed-exitcode');
      expect(status.stdout).toMatch(
        new RegExp(`default/web +${RESERVED} +laptop +on this host +laptop Ready +1 ready +80 yes`),
      );
      expect(status.code).toBe(0);
      const lines = await bed.mkplan('status', bed.spec, '--json');
      expect(lines.stdout).toContain(`"onThisHost":["${LAPTOP}"]`);
      expect(await bed.mkplan('plan', bed.spec, '--detailed-exitcode')).toMatchObject({ code: 0 });

      expect(await bed.mkplan('destroy', bed.spec, '--auto-approve')).toMatchObject({ code: 0 });
      expect(await shown()).toEqual([]);
      await waitUntil('nothing answers any more', async () => failed(await reach()));
      expect(await table()).toBe(before);
      expect(await listener.changes()).toEqual([]);
      await removeService();
    },
  );

  // What follows is the kernel's and mkplan's doing, whatever kube-proxy's mode.
  if (mode !== 'iptables' || nodes > 1) return;

  test.skipIf(refused !== null)('watch serves a Service that comes, and changes no route', async () => {
    const [before, listener] = [await table(), await RouteGaps.listen(bed.host)];
    const session = bed.startMkplan('watch', bed.spec, ...ALLOW);
    await session.until('watches', () => session.said.includes('Watching.'));
    await addService('Cluster');
    await session.until('serves', async () => answered(await reach()));
    expect(await shown()).toEqual([RESERVED]);
    expect(await session.stop()).toBe(0);
    expect(await shown()).toEqual([]);
    expect(await table()).toBe(before);
    expect(await listener.changes()).toEqual([]);
    await removeService();
  });

  test.skipIf(refused !== null)(
    'what apply gave stays when a later watch leaves, until destroy',
    async () => {
      await addService('Cluster');
      expect(await bed.mkplan('apply', bed.spec, ...ALLOW)).toMatchObject({ code: 0 });
      const session = bed.startMkplan('watch', bed.spec, ...ALLOW);
      await session.until('watches', () => session.said.includes('Watching.'));
      expect(await session.stop()).toBe(0);
      expect(await shown()).toEqual([RESERVED]);
      expect(await bed.mkplan('destroy', bed.spec, '--auto-approve')).toMatchObject({ code: 0 });
      expect(await shown()).toEqual([]);
      await removeService();
    },
  );

  test.skipIf(refused !== null).each([
    ['no route leads to the pool', 'ENETUNREACH', ['ip', 'route', 'del', 'default'], DEFAULT_ROUTE],
    [
      'another tunnel closes the pool',
      'EHOSTUNREACH',
      ['ip', 'route', 'add', 'unreachable', POOL, 'metric', '427'],
      ['ip', 'route', 'del', 'unreachable', POOL, 'metric', '427'],
    ],
  ] as const)('where %s, plan says so, and what it names helps', async (_, error, break_, mend) => {
    await addService('Cluster');
    expect(await bed.mkplan('apply', bed.spec, ...ALLOW)).toMatchObject({ code: 0 });
    await waitUntil('the address answers', async () => answered(await reach()));

    await bed.host.must(break_);
    expect(await reach()).toMatchObject([{ error }, { error }]);
    const { stdout, stderr } = await bed.mkplan('plan', bed.spec);
    expect(stdout + stderr).toContain(`connections from this host to its pool ${POOL} fail`);
    const [, command = ''] = /sudo (ip route add \S+ dev lo)/.exec(stdout + stderr) ?? [];
    await bed.host.must(command.split(' ') as [string, ...string[]]);
    expect(answered(await reach())).toBe(true);
    expect(await bed.mkplan('plan', bed.spec).then((made) => made.stdout + made.stderr)).not.toContain(
      'fail',
    );

    await bed.host.must(['ip', 'route', 'del', POOL, 'dev', 'lo']);
    await bed.host.must(mend);
    expect(await bed.mkplan('destroy', bed.spec, '--auto-approve')).toMatchObject({ code: 0 });
    await removeService();
  });
});
