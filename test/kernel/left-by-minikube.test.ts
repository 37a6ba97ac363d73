import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { arrayAt, textAt } from '../../src/embedded-api/objects/json.ts';
import { type Daemon, waitUntil } from '../cluster/daemon.ts';
import { leaveAsMinikube } from '../cluster/left-by-minikube.ts';
import { serviceObject } from '../cluster/objects.ts';
import { requireNamespaces } from './netns.ts';
import { SandboxWorld, worldSpec } from './sandbox-world.ts';

const SERVICES = '/api/v1/namespaces/default/services';
const SPEC = worldSpec(`
    - name: minikube
      cidrs: { services: none, pods: none }
      loadBalancer: { pool: [10.200.0.0/24] }
`);
/** From the start of a session to the address of a Service. */
const SERVED_MS = 15_000;
const CONFLICT = 4;

const unavailable = requireNamespaces();

describe.skipIf(unavailable !== null)('what a killed minikube tunnel left', () => {
  let world: SandboxWorld;
  let left: string;

  beforeEach(async () => {
    world = await SandboxWorld.create();
    await world.writeSpec(SPEC);
    await world.post(SERVICES, serviceObject('web'));
    left = await leave('web');
  });

  afterEach(async () => {
    await world?.close();
  });

  const leave = (name: string, manager?: string) =>
    leaveAsMinikube(world.client, `${SERVICES}/${name}`, manager);

  async function shown(name: string): Promise<string[]> {
    const { body } = await world.client.get(`${SERVICES}/${name}`);
    return arrayAt(body, 'status', 'loadBalancer', 'ingress').map((one) => textAt(one, 'ip') ?? '');
  }

  /** The field managers that own something of a Service's status. */
  async function managers(name: string): Promise<string[]> {
    const { body } = await world.client.get(`${SERVICES}/${name}`);
    const entries = arrayAt(body, 'metadata', 'managedFields');
    return entries
      .filter((one) => textAt(one, 'subresource') === 'status')
      .map((one) => textAt(one, 'manager') ?? '');
  }

  async function shows(session: Daemon, name: string, addresses: readonly string[]): Promise<void> {
    const check = async () => (await shown(name)).join() === addresses.join();
    await waitUntil(`${name} shows ${addresses.join()}`, check, SERVED_MS).catch((error: unknown) => {
      throw new Error(`${String(error)}\n${session.said}`);
    });
  }

  it('is shown as a step that needs approval, and nothing is changed without it', async () => {
    const planned = await world.mkplan('plan', world.spec);
    expect(planned.stdout).toMatch(
      new RegExp(`~ default/web\\s+${left} -> 10\\.200\\.0\\.1.*left by minikube tunnel, process gone`),
    );
    const applied = await world.mkplan('apply', world.spec, '--auto-approve');
    expect(applied.code, applied.stderr).toBe(CONFLICT);
    expect(applied.stderr).toContain('[approval-missing]');
    expect(await shown('web')).toEqual([left]);
    expect(await managers('web')).toEqual(['minikube']);
  });

  it.each(['minikube', 'minikube.exe', 'minikube-linux-amd64'])(
    'is taken over by apply with approval, from %s, and cleared by destroy',
    async (manager) => {
      await world.post(SERVICES, serviceObject('other'));
      await leave('other', manager);
      const applied = await world.mkplan('apply', world.spec, '--auto-approve', '--allow', 'minikube');
      expect(applied.code, applied.stderr).toBe(0);
      expect((await shown('other')).concat(await shown('web')).sort()).toEqual(['10.200.0.1', '10.200.0.2']);
      expect(new Set([...(await managers('web')), ...(await managers('other'))])).toEqual(
        new Set(['mkplan']),
      );
      expect((await world.mkplan('plan', world.spec, '--detailed-exitcode')).code).toBe(0);
      expect((await world.mkplan('destroy', world.spec, '--auto-approve')).code).toBe(0);
      expect([...(await shown('web')), ...(await shown('other'))]).toEqual([]);
    },
  );

  it('keeps a session from starting without approval', async () => {
    const session = world.startMkplan('watch', world.spec, '--auto-approve');
    expect(await session.exit()).toBe(CONFLICT);
    expect(session.said).toContain('[approval-missing]');
    expect(await shown('web')).toEqual([left]);
  });

  it('is left alone by a session that runs without approval, and serves the others', async () => {
    await world.client.send('DELETE', `${SERVICES}/web`);
    const session = world.startMkplan('watch', world.spec, '--auto-approve');
    await session.until('it watches', () => session.said.includes('Watching.'));
    // Suspended meanwhile, so that it does not come first.
    session.signal('SIGSTOP');
    await world.post(SERVICES, serviceObject('web'));
    const clusterIp = await leave('web');
    session.signal('SIGCONT');
    await world.post(SERVICES, serviceObject('other'));
    // Which of the two comes first depends on the second in which each is made.
    await session.until('other is served', async () =>
      /^10\.200\.0\.[12]$/.test((await shown('other')).join()),
    );
    await session.until('it says so', () => /default\/web.*needs approval/.test(session.said));
    expect(await shown('web')).toEqual([clusterIp]);
    session.signal('SIGINT');
    expect(await session.exit(), session.said).toBe(0);
    expect(await shown('web')).toEqual([clusterIp]);
  });

  it('is taken over by a session with approval, also where it is left later', async () => {
    const session = world.startMkplan('watch', world.spec, '--auto-approve', '--allow', 'minikube');
    await shows(session, 'web', ['10.200.0.1']);
    await world.post(SERVICES, serviceObject('late', { loadBalancerClass: 'of/nobody' }));
    await leave('late');
    await world.client.send('DELETE', `${SERVICES}/web`);
    await world.post(SERVICES, serviceObject('web'));
    await shows(session, 'web', ['10.200.0.1']);
    expect(await managers('late')).toEqual(['minikube']);
    session.signal('SIGINT');
    expect(await session.exit(), session.said).toBe(0);
    expect(await shown('web')).toEqual([]);
  });
});
