import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type JsonObject, textAt } from '../../src/embedded-api/objects/json.ts';
import { Bed, type BedPod, type Heard, post, type Question } from './bed.ts';
import { waitUntil } from './daemon.ts';
import { modeRefused, type ProxyMode } from './kube-proxy.ts';
import { endpointSlice, serviceObject } from './objects.ts';
import { clusterRefused } from './programs.ts';
import { HOST_ADDRESS, POD_PORT, PROFILE } from './wiring.ts';

const SERVICES = '/api/v1/namespaces/default/services';
const SLICES = '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices';
const RESERVED = '10.200.0.10';
const UNALLOCATED = '10.200.0.77';
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

/** The kernel's own list of virtual servers is there when it has IPVS. */
const KERNEL_HAS_IPVS = existsSync('/proc/net/ip_vs');
const MODES: readonly ProxyMode[] = KERNEL_HAS_IPVS
  ? ['iptables', 'nftables', 'ipvs']
  : ['iptables', 'nftables'];

const BEDS = MODES.flatMap((mode) => {
  const refused = clusterRefused ?? modeRefused(mode);
  const why = refused === null ? '' : ` (skipped: ${refused})`;
  return ([1, 2] as const).map((nodes) => ({
    mode,
    nodes,
    refused,
    title: `kube-proxy in ${mode} mode, ${nodes === 1 ? 'one node' : 'two nodes'}${why}`,
  }));
});

interface Reached {
  readonly service: readonly Heard[];
  readonly pod: readonly Heard[];
  readonly unallocated: readonly Heard[];
}

function failed(heard: readonly Heard[]): boolean {
  return heard.every((one) => one.error !== undefined);
}

function answered(heard: readonly Heard[]): boolean {
  return heard.every((one) => one.error === undefined);
}

describe.each(BEDS)('$title', ({ mode, nodes, refused }) => {
  // The gateway's own address on the side where it sends the packet on: to the pod, or to the pod's node.
  const masquerade = nodes === 1 ? '10.244.0.1' : '192.168.39.10';
  let bed: Bed;
  let pod: BedPod;

  beforeAll(async () => {
    if (refused !== null) return;
    bed = await Bed.create({ nodes, mode });
    // On several nodes, on another one than that of the API server, which is the gateway.
    pod = await bed.addPod('web-0', nodes - 1);
    await bed.writeSpec(SPEC);
  });

  afterAll(async () => {
    await bed?.close();
  });

  /** Asks everything over TCP and UDP, from the host. */
  async function reach(clusterIp: string): Promise<{ lb: Heard[] } & Reached> {
    const both = (address: string, port: number): Question[] => [
      ['tcp', address, port],
      ['udp', address, port],
    ];
    const questions = [
      ...both(RESERVED, 80),
      ...both(clusterIp, 80),
      ...both(pod.address, POD_PORT),
      ...both(UNALLOCATED, 80),
    ];
    const heard = await bed.ask(bed.host, questions, 1_000);
    return {
      lb: heard.slice(0, 2),
      service: heard.slice(2, 4),
      pod: heard.slice(4, 6),
      unallocated: heard.slice(6, 8),
    };
  }

  test.skipIf(refused !== null).each(['Cluster', 'Local'])(
    'externalTrafficPolicy %s: answers from apply to destroy',
    async (policy) => {
      const spec: JsonObject = { externalTrafficPolicy: policy, allocateLoadBalancerNodePorts: false };
      const service = await post(bed.client, SERVICES, serviceObject('web', spec));
      await post(bed.client, SLICES, endpointSlice('web', [pod]));
      const clusterIp = textAt(service, 'spec', 'clusterIP') ?? '';
      await waitUntil('every node answers for the clusterIP', async () => {
        const questions: Question[] = [
          ['tcp', clusterIp, 80],
          ['udp', clusterIp, 80],
        ];
        const heard = await Promise.all(bed.nodes.map((node) => bed.ask(node.namespace, questions, 500)));
        return heard.every(answered);
      });

      const before = await reach(clusterIp);
      expect(Object.values(before).map(failed)).toEqual([true, true, true, true]);

      expect(await bed.mkplan('apply', bed.spec, '--auto-approve')).toMatchObject({ code: 0 });
      await waitUntil('the LB address answers', async () => answered((await reach(clusterIp)).lb));
      const after = await reach(clusterIp);
      const from = { pod: pod.name, node: pod.node };
      const seen = policy === 'Local' ? HOST_ADDRESS : masquerade;
      expect(after.lb).toEqual([
        { ...from, client: seen },
        { ...from, client: seen },
      ]);
      expect(after.service).toMatchObject([from, from]);
      expect(after.pod).toEqual([
        { ...from, client: HOST_ADDRESS },
        { ...from, client: HOST_ADDRESS },
      ]);
      for (const { error } of after.unallocated) expect(error).toMatch(/^(EHOSTUNREACH|ECONNREFUSED)$/);
      const through = policy === 'Local' ? pod.node : PROFILE;
      const status = await bed.mkplan('status', bed.spec);
      expect(status.stdout).toMatch(
        new RegExp(`default/web +${RESERVED} .* ${through} Ready +1 ready +80 yes`),
      );

      expect(await bed.mkplan('destroy', bed.spec, '--auto-approve')).toMatchObject({ code: 0 });
      const destroyed = await reach(clusterIp);
      expect(Object.values(destroyed).map(failed)).toEqual([true, true, true, true]);
      await bed.client.send('DELETE', `${SLICES}/web-1`);
      await bed.client.send('DELETE', `${SERVICES}/web`);
    },
  );
});

// Where there is IPVS, it stands in the table above.
if (!KERNEL_HAS_IPVS) {
  describe.skipIf(clusterRefused !== null)('kube-proxy in ipvs mode', () => {
    test('does not run on a kernel without IPVS, and says so', async () => {
      const bed = await Bed.create({ nodes: 1, mode: 'ipvs' });
      try {
        const proxy = bed.nodes[0]?.proxy;
        await waitUntil('kube-proxy ends', () => proxy?.ended ?? false);
        expect(proxy?.said).toContain("can't use the IPVS proxier");
      } finally {
        await bed.close();
      }
    });
  });
}
