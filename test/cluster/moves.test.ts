import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { JsonObject } from '../../src/embedded-api/objects/json.ts';
import { Bed, type BedPod, OTHER_ADDRESS, post } from './bed.ts';
import { API_PORT } from './control-plane.ts';
import { Daemon, waitUntil } from './daemon.ts';
import { modeRefused } from './kube-proxy.ts';
import { endpointSlice, serviceObject } from './objects.ts';
import { clusterRefused } from './programs.ts';
import { RouteGaps } from './route-gaps.ts';
import { SteadyClient } from './steady.ts';
import { BRIDGE, deviceOf, POD_PORT, PROFILE } from './wiring.ts';

const SERVICES = '/api/v1/namespaces/default/services';
const SLICES = '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices';
const FIRST_ADDRESS = '192.168.39.10';
const SERVICE_CIDR = '10.96.0.0/12';
const RESERVED = '10.200.0.10';
const SPEC = `apiVersion: mkplan/v1alpha1
kind: Tunnel
metadata: { name: bed }
spec:
  profiles:
    - name: ${PROFILE}
      loadBalancer:
        pool: [10.200.0.0/24]
        reservations: { default/web: ${RESERVED} }
`;
/** Requests that a client may lose while mkplan finds its way, when it asks a hundred times a second. */
const MOST_LOST = 1_000;
/** Of the VM that comes back. */
const OTHER_HARDWARE = '52:54:00:00:00:77';
/** How long the VM of the abrupt move stays away. */
const LOST_WHILE_AWAY = 50;
const TIMEOUT_MS = 240_000;

const MODE = modeRefused('iptables') === null ? 'iptables' : 'nftables';
const refused = clusterRefused ?? modeRefused(MODE);
const why = refused === null ? '' : ` (skipped: ${refused})`;

describe.skipIf(refused !== null)(`moves, followed by mkplan watch${why}`, { timeout: TIMEOUT_MS }, () => {
  let bed: Bed;
  let pods: readonly [BedPod, BedPod];
  let session: Daemon;
  let before: readonly string[];

  beforeAll(async () => {
    bed = await Bed.create({ nodes: 2, mode: MODE });
    pods = [await bed.addPod('web-0', 0), await bed.addPod('web-1', 1)];
    await bed.writeSpec(SPEC);
  }, TIMEOUT_MS);

  afterAll(async () => {
    await bed?.close();
  });

  beforeEach(async () => {
    before = await routes();
    await addService('web', [pods[0]]);
    session = bed.startMkplan('watch', bed.spec, '--auto-approve');
    await session.until('serves', async () => await answers(RESERVED, 80));
  }, TIMEOUT_MS);

  afterEach(async () => {
    // What a watch of a move leaves behind is what it found.
    expect(await session.stop()).toBe(0);
    expect(await routes()).toEqual(before);
    await bed.client.send('DELETE', `${SLICES}/web-1`);
    await bed.client.send('DELETE', `${SERVICES}/web`);
  }, TIMEOUT_MS);

  async function addService(name: string, endpoints: readonly BedPod[], spec: JsonObject = {}) {
    await post(bed.client, SERVICES, serviceObject(name, spec));
    await post(bed.client, SLICES, endpointSlice(name, endpoints));
  }

  /** Whether the host gets an answer. */
  async function answers(address: string, port: number): Promise<boolean> {
    const [heard] = await bed.ask(bed.host, [['tcp', address, port]], 2_000);
    return heard !== undefined && heard.error === undefined;
  }

  async function routes(): Promise<string[]> {
    const text = await bed.host.must(['ip', '-4', 'route', 'show']);
    return text
      .split('\n')
      .map((line) => line.trim())
      .sort();
  }

  /** The gateway of a destination, where mkplan has a route for it. */
  async function gatewayOf(destination: string): Promise<string | null> {
    const ours = await bed.host.must(['ip', '-4', 'route', 'show', 'proto', '109']);
    const line = ours.split('\n').find((one) => one.startsWith(`${destination} via `));
    return line?.split(' ')[2] ?? null;
  }

  async function leads(destination: string, gateway: string | null): Promise<void> {
    await session.until(
      `${destination} leads to ${gateway}`,
      async () => (await gatewayOf(destination)) === gateway,
    );
  }

  /** Everything that goes through the control-plane node. */
  async function allLeadTo(gateway: string): Promise<void> {
    for (const destination of [RESERVED, SERVICE_CIDR, bed.node(0).podCidr])
      await leads(destination, gateway);
  }

  test('a VM has another address, and keeps the old one for a while: nothing is lost', async () => {
    await allLeadTo(FIRST_ADDRESS);
    const gaps = await RouteGaps.listen(bed.host);
    const client = await SteadyClient.start(bed.host, RESERVED, 80);
    await bed.gainAddress(OTHER_ADDRESS);
    await bed.adoptAddress(OTHER_ADDRESS);
    await allLeadTo(OTHER_ADDRESS);
    await bed.loseAddress(FIRST_ADDRESS);
    await bed.restartProxies();
    await waitUntil('it answers', async () => await answers(RESERVED, 80));
    const { sent, lost } = await client.stop();
    process.stdout.write(`both addresses at once: ${lost.length} of ${sent} requests lost\n`);
    expect(lost).toEqual([]);
    expect(await gaps.found()).toEqual([]);
  });

  test('a VM comes back at another address: what is lost is what it was away for', async () => {
    const [old, next] = [OTHER_ADDRESS, FIRST_ADDRESS];
    await allLeadTo(old);
    const gaps = await RouteGaps.listen(bed.host);
    const client = await SteadyClient.start(bed.host, RESERVED, 80);
    const goneAt = Date.now();
    await bed.unplug();
    await waitUntil('requests are lost', () => client.lost.length >= LOST_WHILE_AWAY);
    await bed.plugIn(next, OTHER_HARDWARE);
    await bed.adoptAddress(next);
    const backAt = Date.now();
    await allLeadTo(next);
    await bed.restartProxies();
    await waitUntil('it answers', async () => await answers(RESERVED, 80));
    const { sent, lost } = await client.stop();
    const after = lost.filter((at) => at > backAt);
    const without = (await gaps.found()).length;
    process.stdout.write(
      `away for ${backAt - goneAt} ms: ${lost.length} of ${sent} requests lost, ${after.length} of them once it was back; ` +
        `${without} destinations without a route meanwhile\n`,
    );
    expect(lost.filter((at) => at < goneAt)).toEqual([]);
    expect(after.length).toBeLessThan(MOST_LOST);
  });

  test('a node joins, leaves, and joins with other pods', async () => {
    await bed.addNode();
    const { address, podCidr } = bed.node(2);
    await leads(podCidr, address);
    const { address: pod } = await bed.addPod('joined', 2);
    await waitUntil('its pod answers', async () => await answers(pod, POD_PORT));
    await bed.dropNode();
    await leads(podCidr, null);
    await bed.rejoinNode('10.244.77.0/24');
    await leads('10.244.77.0/24', address);
    expect(await gatewayOf(podCidr)).toBeNull();
    await bed.dropNode();
    await leads('10.244.77.0/24', null);
    await allLeadTo(FIRST_ADDRESS);
  });

  test('a VM that stops takes its routes with it, and gets them back', async () => {
    await allLeadTo(FIRST_ADDRESS);
    const served = await routes();
    const gaps = await RouteGaps.listen(bed.host);
    await bed.controlPlane.kill();
    await bed.host.must(['ip', 'link', 'set', deviceOf(FIRST_ADDRESS), 'down']);
    await session.until('its routes are gone', async () => (await routes()).join() === before.join());
    expect(await gaps.found()).toEqual(expect.arrayContaining([RESERVED, SERVICE_CIDR]));
    await bed.host.must(['ip', 'link', 'set', deviceOf(FIRST_ADDRESS), 'up']);
    await bed.controlPlane.restart();
    // As a VM that boots does; one that waits for its server would hear of no change for up to a minute.
    await bed.restartProxies();
    await session.until('all is as before', async () => (await routes()).join() === served.join());
    await waitUntil('it answers', async () => await answers(RESERVED, 80));
  });

  test('a kubeconfig has another port and another certificate', async () => {
    const port = 8444;
    const script = fileURLToPath(new URL('relay.mjs', import.meta.url));
    const door = [process.execPath, script, `${FIRST_ADDRESS}:${port}`, `127.0.0.1:${API_PORT}`] as const;
    const relay = new Daemon('relay', bed.node(0).namespace, door);
    await relay.until('listens', () => relay.said.includes('ready'));
    const access = await bed.controlPlane.accessOf('O=system:masters,CN=another');
    await bed.writeUserFiles({ port, access });
    const connected = async (to: number) =>
      (await bed.host.must(['ss', '-Htn', 'state', 'established', 'dst', `${FIRST_ADDRESS}:${to}`])) !== '';
    await session.until(
      'it is connected there alone',
      async () => (await connected(port)) && !(await connected(API_PORT)),
    );
    await addService('later', [pods[0]]);
    await leads('10.200.0.1', FIRST_ADDRESS);
    await waitUntil('a new Service is served', async () => await answers('10.200.0.1', 80));
    await bed.writeUserFiles();
    await session.until('it is connected as before', async () => !(await connected(port)));
    await bed.client.send('DELETE', `${SLICES}/later-1`);
    await bed.client.send('DELETE', `${SERVICES}/later`);
    await leads('10.200.0.1', null);
    await relay.stop();
  });

  test('a cluster is deleted and created anew under the same name', async () => {
    await bed.recreateCluster();
    await leads(RESERVED, null);
    await addService('web', [pods[0]]);
    await leads(RESERVED, FIRST_ADDRESS);
    await waitUntil('it answers', async () => await answers(RESERVED, 80));
    await allLeadTo(FIRST_ADDRESS);
  });

  test('a link goes down and comes up', async () => {
    await allLeadTo(FIRST_ADDRESS);
    const served = await routes();
    await bed.host.must(['ip', 'link', 'set', BRIDGE, 'down']);
    expect(await gatewayOf(SERVICE_CIDR)).toBeNull();
    await bed.host.must(['ip', 'link', 'set', BRIDGE, 'up']);
    await session.until('all is as before', async () => (await routes()).join() === served.join());
    await waitUntil('it answers', async () => await answers(RESERVED, 80));
  });

  test('externalTrafficPolicy Local: an address moves with its endpoint', async () => {
    const path = `${SERVICES}/web`;
    const merge = 'application/merge-patch+json';
    await bed.client.send('PATCH', path, { spec: { externalTrafficPolicy: 'Local' } }, merge);
    await leads(RESERVED, FIRST_ADDRESS);
    await bed.client.send(
      'PATCH',
      `${SLICES}/web-1`,
      { endpoints: endpointSlice('web', [pods[1]])['endpoints'] },
      merge,
    );
    await leads(RESERVED, bed.node(1).address);
    await waitUntil('the other node answers', async () => await answers(RESERVED, 80));
  });
});
