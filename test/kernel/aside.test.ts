import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { pathsOf } from '../../src/sandbox/files.ts';
import { serviceObject } from '../cluster/objects.ts';
import { FurtherCluster } from './further-cluster.ts';
import { requireNamespaces } from './netns.ts';
import { SandboxWorld, worldSpec } from './sandbox-world.ts';

const DRIP = join(dirname(fileURLToPath(import.meta.url)), 'drip.mjs');
const SERVICES = '/api/v1/namespaces/default/services';
const [FIRST, SECOND] = ['10.200.0.1', '10.201.0.1'];
const PORT = 8445;

/** Two profiles that share the service network; minikube knows the second one, too. */
const SPEC = worldSpec(`
    - name: minikube
      cidrs: { services: none, pods: none }
      loadBalancer: { pool: [10.200.0.0/24], unclassed: true }
    - name: second
      cidrs: { services: none, pods: none }
      loadBalancer: { pool: [10.201.0.0/24], unclassed: true }
`);
const YES = ['--auto-approve', '--allow', 'context'] as const;

const unavailable = requireNamespaces();

describe.skipIf(unavailable !== null)('beside a profile that is out of reach', () => {
  let world: SandboxWorld;
  let second: FurtherCluster | null = null;

  beforeEach(async () => {
    world = await SandboxWorld.create();
    await world.writeSpec(SPEC);
    await world.post(SERVICES, serviceObject('web'));
  });

  afterEach(async () => {
    await second?.close();
    second = null;
    await world?.close();
  });

  async function openSecond(relay?: string): Promise<FurtherCluster> {
    second = await FurtherCluster.create(world, 'second', PORT, relay);
    const { code } = await second.client.send('POST', SERVICES, serviceObject('api'));
    expect(code).toBe(201);
    const { address } = world.node(0);
    const KubernetesConfig = { ServiceCIDR: '10.96.0.0/12' };
    const profile = {
      Name: 'second',
      Driver: 'kvm2',
      KubernetesConfig,
      Nodes: [{ Name: '', IP: address, Port: PORT, ControlPlane: true, Worker: true }],
    };
    const folder = join(pathsOf(dirname(world.spec)).minikubeHome, 'profiles', 'second');
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'config.json'), JSON.stringify(profile));
    return second;
  }

  async function suspended(): Promise<void> {
    (await openSecond()).suspend('SIGSTOP');
  }

  async function off(): Promise<void> {
    const opened = await openSecond();
    await opened.close();
    second = null;
  }

  async function hasRoute(address: string): Promise<boolean> {
    return (await world.host.must(['ip', 'route', 'show', address])).includes(' via ');
  }

  /** A `minikube` that says of each VM that it is stopped. */
  async function stoppedArgv(...args: readonly string[]): Promise<[string, ...string[]]> {
    const bin = join(dirname(world.spec), 'said');
    await mkdir(bin, { recursive: true });
    const program = join(bin, 'minikube');
    await writeFile(program, `#!/bin/sh\n[ "$1" = status ] && echo '{"Host":"Stopped"}'\nexit 7\n`);
    await chmod(program, 0o700);
    return ['env', `PATH=${bin}:${process.env['PATH'] ?? ''}`, ...world.argv(...args)];
  }

  it.each<[string, () => Promise<unknown>]>([
    ['off', off],
    ['paused', suspended],
    ['slow: a byte a second', () => openSecond(DRIP)],
  ])('serves the others whole where it is %s', async (_, lay) => {
    await lay();
    const planned = await world.mkplan('plan', world.spec);
    expect(planned.code, planned.stdout + planned.stderr).toBe(8);
    expect(planned.stdout).toContain('Set aside: second (silent).');
    const strict = await world.mkplan('apply', world.spec, '--strict', ...YES);
    expect(strict.code).toBe(4);
    expect(await hasRoute(FIRST)).toBe(false);
    const applied = await world.mkplan('apply', world.spec, ...YES);
    expect(applied.code, applied.stderr).toBe(8);
    expect(await hasRoute(FIRST)).toBe(true);
  });

  it('exits with 0 where minikube says that it is stopped, and with 1 where nothing is left to serve', async () => {
    await off();
    const applied = await world.host.run(await stoppedArgv('apply', world.spec, ...YES), {
      timeoutMs: 60_000,
    });
    expect(applied.code, applied.stderr).toBe(0);
    expect(applied.stdout).toContain('Set aside: second (stopped).');
    expect(await hasRoute(FIRST)).toBe(true);
    const alone = await world.mkplan('apply', world.spec, '-p', 'second', ...YES);
    expect(alone.code).toBe(1);
    expect(alone.stderr).toContain('[nothing-served]');
  });

  it('leaves what stands for it alone, until it is destroyed by name', async () => {
    const opened = await openSecond();
    expect((await world.mkplan('apply', world.spec, ...YES)).code).toBe(0);
    opened.suspend('SIGSTOP');
    expect((await world.mkplan('apply', world.spec, ...YES)).code).toBe(8);
    expect([await hasRoute(FIRST), await hasRoute(SECOND)]).toEqual([true, true]);
    const destroyed = await world.mkplan('destroy', world.spec, '-p', 'second', '--auto-approve');
    expect(destroyed.code, destroyed.stderr).toBe(8);
    expect(destroyed.stderr).toContain('its Services may still show addresses: second (silent)');
    expect([await hasRoute(FIRST), await hasRoute(SECOND)]).toEqual([true, false]);
  });

  it('holds a saved plan to what it set aside', async () => {
    const opened = await openSecond();
    opened.suspend('SIGSTOP');
    const file = join(dirname(world.spec), 'part.plan.json');
    expect((await world.mkplan('plan', world.spec, '--out', file)).code).toBe(8);
    expect((await world.mkplan('show', file)).stdout).toContain('set aside (silent)');
    opened.suspend('SIGCONT');
    expect((await world.mkplan('apply', file, ...YES)).code).toBe(3);
    expect(await hasRoute(FIRST)).toBe(false);
    const only = join(dirname(world.spec), 'only.plan.json');
    expect((await world.mkplan('plan', world.spec, '-p', 'minikube', '--out', only)).code).toBe(0);
    expect((await world.mkplan('apply', only, ...YES, '-p', 'second')).code).toBe(64);
    expect((await world.mkplan('apply', only, ...YES)).code).toBe(0);
    expect([await hasRoute(FIRST), await hasRoute(SECOND)]).toEqual([true, false]);
  });

  it('has a session of one profile stand beside an apply of another, and refuses a second session', async () => {
    await openSecond();
    const session = world.startMkplan('watch', world.spec, '-p', 'minikube', ...YES);
    await session.until(
      'it serves',
      async () => (await hasRoute(FIRST)) && session.said.includes('Watching.'),
    );
    expect((await world.mkplan('apply', world.spec, '-p', 'second', ...YES)).code).toBe(0);
    for (const verb of ['watch', 'destroy']) {
      const refused = await world.mkplan(verb, world.spec, '-p', 'second', ...YES);
      expect([verb, refused.code]).toEqual([verb, 7]);
    }
    session.signal('SIGINT');
    await session.until('it has left', async () => !(await hasRoute(FIRST)));
    expect(await hasRoute(SECOND)).toBe(true);
  });
});
