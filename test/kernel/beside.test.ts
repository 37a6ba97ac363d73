import { readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { arrayAt } from '../../src/embedded-api/objects/json.ts';
import { pathsOf } from '../../src/sandbox/files.ts';
import { post } from '../cluster/bed.ts';
import { type Daemon, waitUntil } from '../cluster/daemon.ts';
import { serviceObject } from '../cluster/objects.ts';
import { AILMENTS, AilingCluster, type Ailment } from './ailing-cluster.ts';
import { requireNamespaces } from './netns.ts';
import { FIRST_ADDRESS, SandboxWorld, worldSpec } from './sandbox-world.ts';

const SERVICES = '/api/v1/namespaces/default/services';
const LEASES = '/apis/coordination.k8s.io/v1/namespaces/kube-system/leases';
const OURS = `${LEASES}?labelSelector=app.kubernetes.io%2Fmanaged-by%3Dmkplan`;
const SPEC = worldSpec(`
    - name: minikube
      loadBalancer: { pool: [10.200.0.0/24] }
    - name: ailing
      cidrs: { services: none, pods: none }
      loadBalancer: { pool: [10.201.0.0/24], unclassed: true }
`);
/** On the network of the machines, and none of theirs. */
const NOBODY = '192.168.49.99';
const PORT = 8444;
/** From the start of a session to the address of a Service, whatever another cluster does; and to the session's end. */
const SERVED_MS = 15_000;
const ENDED_MS = 12_000;
/** To the address of a Service of a cluster that answers from time to time. */
const FLAPPING_MS = 100_000;
const SERVED = 0;
const LEFT_SOMETHING = 6;

const unavailable = requireNamespaces();

describe.skipIf(unavailable !== null)('a session beside a cluster that ails', () => {
  let world: SandboxWorld;
  let ailing: AilingCluster | null = null;
  let before: string;

  beforeEach(async () => {
    world = await SandboxWorld.create();
    await world.writeSpec(SPEC);
    await world.post(SERVICES, serviceObject('web'));
    before = await table();
  });

  afterEach(async () => {
    await ailing?.close();
    ailing = null;
    await world?.close();
  });

  const table = () => world.host.must(['ip', '-N', '-details', 'route', 'show', 'table', 'all']);

  async function isServed(name: string, { client }: Pick<SandboxWorld, 'client'> = world): Promise<boolean> {
    const { body } = await client.get(`${SERVICES}/${name}`);
    return arrayAt(body, 'status', 'loadBalancer', 'ingress').length > 0;
  }

  async function within(ms: number, session: Daemon, what: string, check: () => boolean | Promise<boolean>) {
    await waitUntil(what, check, ms).catch((error: unknown) => {
      throw new Error(`${String(error)}\n${session.said}`);
    });
  }

  async function ail(ailment: Ailment): Promise<AilingCluster> {
    const directory = dirname(world.spec);
    ailing = await AilingCluster.create(ailment, 'ailing', pathsOf(directory).kubeconfig, {
      address: ailment === 'off' ? NOBODY : FIRST_ADDRESS,
      port: PORT,
      start: (argv) => world.startOn(0, argv),
      directory,
    });
    return ailing;
  }

  const watch = () => world.startMkplan('watch', world.spec, '--auto-approve', '--allow', 'context');

  it('serves the one that comes and goes each second, too, however long that lasts', async () => {
    const flapping = await ail('flapping');
    const { client } = flapping;
    const session = watch();
    for (const [index, name] of ['first', 'second', 'third', 'fourth'].entries()) {
      await within(FLAPPING_MS, session, 'it has flapped', () => flapping.turns >= 7 * index);
      await post(client, SERVICES, serviceObject(name));
      await within(FLAPPING_MS, session, `${name} is served`, () => isServed(name, { client }));
    }
    session.signal('SIGINT');
    await within(ENDED_MS, session, 'the session ends', () => session.ended);
  }, 500_000);

  it.each(Object.entries(AILMENTS) as [Ailment, string][])(
    'that is %s (%s) serves its own, and ends',
    async (ailment) => {
      await ail(ailment);
      const session = watch();
      await within(SERVED_MS, session, 'what was there before is served', () => isServed('web'));
      await world.post(SERVICES, serviceObject('late'));
      await within(SERVED_MS, session, 'what came later is served', () => isServed('late'));
      session.signal('SIGINT');
      await within(ENDED_MS, session, 'the session ends', () => session.ended);
      // The cluster that ails may keep what nobody can take from it now, and is named then.
      const code = await session.exit();
      expect([SERVED, LEFT_SOMETHING], session.said).toContain(code);
      if (code === LEFT_SOMETHING) expect(session.said).toMatch(/ailing/);
      expect(await table(), session.said).toBe(before);
      expect([await isServed('web'), await isServed('late')]).toEqual([false, false]);
      expect(arrayAt((await world.client.get(OURS)).body, 'items')).toEqual([]);
      expect(await readdir(join(world.state, 'sessions'))).toEqual([]);
    },
  );
});
