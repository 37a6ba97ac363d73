import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Daemon } from '../cluster/daemon.ts';
import { endpointSlice, serviceObject } from '../cluster/objects.ts';
import { requireNamespaces } from './netns.ts';
import { BRIDGE, FIRST_ADDRESS, OTHER_ADDRESS, SandboxWorld, worldSpec } from './sandbox-world.ts';

const SERVICES = '/api/v1/namespaces/default/services';
const SLICES = '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices';
const MERGE = 'application/merge-patch+json';
const SERVICE_CIDR = '10.96.0.0/12';
const RESERVED = '10.200.0.10';
const SPEC = worldSpec(`
    - name: minikube
      loadBalancer:
        pool: [10.200.0.0/24]
        reservations: { default/web: ${RESERVED} }
`);
/** Prints the node that answers at an address, if any does. */
const ASK =
  'fetch(new URL("http://" + process.argv[1]), { signal: AbortSignal.timeout(2000) }).then((answer) => answer.json()).then(({ node }) => console.log(node), () => undefined)';

const unavailable = requireNamespaces();

describe.skipIf(unavailable !== null)('moves of a cluster in the sandbox, followed by mkplan watch', () => {
  let world: SandboxWorld;
  let session: Daemon;
  let before: readonly string[];

  beforeAll(async () => {
    world = await SandboxWorld.create();
    await world.writeSpec(SPEC);
  });

  afterAll(async () => {
    await world?.close();
  });

  beforeEach(async () => {
    before = await routes();
    await serve('web');
    session = world.startMkplan('watch', world.spec, '--auto-approve');
    await isAnswered(RESERVED);
  });

  afterEach(async () => {
    // What a watch of a move leaves behind is what it found.
    expect(await session.stop()).toBe(0);
    expect(await routes()).toEqual(before);
    for (const slice of ['web-0', 'web-1']) await world.client.send('DELETE', `${SLICES}/${slice}`);
    await world.client.send('DELETE', `${SERVICES}/web`);
  });

  /** A Service, and an endpoint of it on the first node. */
  async function serve(service: string): Promise<void> {
    const { name: node, podCidr } = world.node(0);
    const pod = { name: 'first', node, address: podCidr.replace(/0\/24$/, '20') };
    const metadata = { name: `${service}-0`, labels: { 'kubernetes.io/service-name': service } };
    await world.post(SERVICES, serviceObject(service));
    await world.post(SLICES, { ...endpointSlice(service, [pod]), metadata });
  }

  async function routes(): Promise<string[]> {
    const text = await world.host.must(['ip', '-4', 'route', 'show']);
    return text
      .split('\n')
      .map((line) => line.trim())
      .sort();
  }

  /** The gateway of a destination, where mkplan has a route for it. */
  async function gatewayOf(destination: string): Promise<string | null> {
    const ours = await world.host.must(['ip', '-4', 'route', 'show', 'proto', '109']);
    const line = ours.split('\n').find((one) => one.startsWith(`${destination} via `));
    return line?.split(' ')[2] ?? null;
  }

  async function leads(destination: string, gateway: string | null): Promise<void> {
    const is = async () => (await gatewayOf(destination)) === gateway;
    await session.until(`${destination} leads to ${gateway}`, is);
  }

  /** Everything that goes through the control-plane node. */
  async function allLeadTo(gateway: string): Promise<void> {
    for (const destination of [RESERVED, SERVICE_CIDR, world.node(0).podCidr])
      await leads(destination, gateway);
  }

  /** A request of the host is answered, by that node where one is named. */
  async function isAnswered(address: string, node?: string): Promise<void> {
    await session.until(`${address} is answered`, async () => {
      const said = await world.host.must([process.execPath, '-e', ASK, address]);
      return node === undefined ? said !== '' : said.trim() === node;
    });
  }

  it('a VM has another address, and later its first one again', async () => {
    for (const address of [OTHER_ADDRESS, FIRST_ADDRESS]) {
      await world.moveTo(address);
      await allLeadTo(address);
      await isAnswered(RESERVED);
    }
  });

  it('a node joins, has other pods, and leaves', async () => {
    await world.addNode();
    const { name, address, podCidr } = world.node(2);
    await leads(podCidr, address);
    const pod = podCidr.replace(/0\/24$/, '10');
    await world.post(SLICES, {
      ...endpointSlice('web', [{ name: 'joined', node: name, address: pod }]),
      ports: [{ name: 'http', port: 80, protocol: 'TCP' }],
    });
    await isAnswered(pod, name);
    await world.renumberPods('10.244.77.0/24');
    await leads('10.244.77.0/24', address);
    await leads(podCidr, null);
    await world.dropNode();
    await leads('10.244.77.0/24', null);
    await allLeadTo(FIRST_ADDRESS);
  });

  it('a VM that stops takes its routes with it, and gets them back', async () => {
    await allLeadTo(FIRST_ADDRESS);
    const served = await routes();
    const { device } = world.node(0);
    await world.shutDoor();
    await world.host.must(['ip', 'link', 'set', device, 'down']);
    await session.until('its routes are gone', async () => (await routes()).join() === before.join());
    await world.host.must(['ip', 'link', 'set', device, 'up']);
    await world.openDoor();
    await world.writeUserFiles();
    await session.until('all is as before', async () => (await routes()).join() === served.join());
    await isAnswered(RESERVED);
  });

  it('a kubeconfig has another port', async () => {
    const port = 8444;
    await world.shutDoor();
    await world.openDoor(port);
    await world.writeUserFiles(port);
    await serve('later');
    await leads('10.200.0.1', FIRST_ADDRESS);
    await isAnswered('10.200.0.1');
    await world.shutDoor();
    await world.openDoor();
    await world.writeUserFiles();
    await world.client.send('DELETE', `${SLICES}/later-0`);
    await world.client.send('DELETE', `${SERVICES}/later`);
    await leads('10.200.0.1', null);
  });

  it('a cluster is deleted and created anew under the same name', async () => {
    await world.recreateCluster();
    await leads(RESERVED, null);
    await serve('web');
    await allLeadTo(FIRST_ADDRESS);
    await isAnswered(RESERVED);
  });

  it('a link goes down and comes up', async () => {
    await allLeadTo(FIRST_ADDRESS);
    const served = await routes();
    await world.host.must(['ip', 'link', 'set', BRIDGE, 'down']);
    expect(await gatewayOf(SERVICE_CIDR)).toBeNull();
    await world.host.must(['ip', 'link', 'set', BRIDGE, 'up']);
    await session.until('all is as before', async () => (await routes()).join() === served.join());
    await isAnswered(RESERVED);
  });

  it('a profile that an edit brought is followed as those from before', async () => {
    await session.stop();
    const literal = '{ name: vm, gateway: 192.168.49.3, cidrs: { services: [10.150.0.0/16], pods: none } }';
    await world.writeSpec(SPEC.replace(/profiles:.*/s, `profiles: [${literal}]\n`));
    const allow = ['--allow', 'gateway,unconfirmed'] as const;
    session = world.startMkplan('watch', world.spec, '--auto-approve', ...allow, '--json');
    await leads('10.150.0.0/16', '192.168.49.3');
    await world.writeSpec(SPEC);
    await isAnswered(RESERVED);
    for (const address of [OTHER_ADDRESS, FIRST_ADDRESS]) {
      await world.moveTo(address);
      await session.until('its files are heard', () => session.said.includes('"source":"profile"'));
      await allLeadTo(address);
    }
  });

  it('externalTrafficPolicy Local: an address moves with its endpoint', async () => {
    const on = (index: number) => {
      const { name, podCidr } = world.node(index);
      return endpointSlice('web', [{ name: 'pod', node: name, address: podCidr.replace(/0\/24$/, '10') }]);
    };
    await world.client.send('DELETE', `${SLICES}/web-0`);
    await world.post(SLICES, on(0));
    await world.client.send('PATCH', `${SERVICES}/web`, { spec: { externalTrafficPolicy: 'Local' } }, MERGE);
    await leads(RESERVED, FIRST_ADDRESS);
    const { endpoints } = on(1) as { endpoints: never };
    await world.client.send('PATCH', `${SLICES}/web-1`, { endpoints }, MERGE);
    await leads(RESERVED, world.node(1).address);
    await isAnswered(RESERVED, world.node(1).name);
  });
});
