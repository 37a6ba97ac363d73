import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { arrayAt, textAt } from '../../src/embedded-api/objects/json.ts';
import { post } from '../cluster/bed.ts';
import { type Daemon, waitUntil } from '../cluster/daemon.ts';
import { serviceObject } from '../cluster/objects.ts';
import { FurtherCluster } from './further-cluster.ts';
import { requireNamespaces } from './netns.ts';
import { SandboxWorld, worldSpec } from './sandbox-world.ts';

const SERVICES = '/api/v1/namespaces/default/services';
const LEASES = '/apis/coordination.k8s.io/v1/namespaces/kube-system/leases';
const OURS = `${LEASES}?labelSelector=app.kubernetes.io%2Fmanaged-by%3Dmkplan`;
const SERVICE_CIDR = '10.96.0.0/12';
const ADDRESS = '10.200.0.1';
const SPEC = worldSpec(`
    - name: minikube
      loadBalancer: { pool: [10.200.0.0/24] }
`);

const unavailable = requireNamespaces();

describe.skipIf(unavailable !== null)('how a session ends', () => {
  let world: SandboxWorld;
  let before: string;

  beforeEach(async () => {
    world = await SandboxWorld.create();
    await world.writeSpec(SPEC);
    await world.post(SERVICES, serviceObject('web'));
    before = await table();
  });

  afterEach(() => world?.close());

  async function table(): Promise<string> {
    const families = ['-4', '-6'].map((family) =>
      world.host.must(['ip', '-N', '-details', family, 'route', 'show', 'table', 'all']),
    );
    return (await Promise.all(families)).join('');
  }

  async function hasRoute(destination: string): Promise<boolean> {
    return (await world.host.must(['ip', '-4', 'route', 'show', 'proto', '109'])).includes(
      `${destination} via `,
    );
  }

  async function shown(): Promise<string[]> {
    const { body } = await world.client.get(`${SERVICES}/web`);
    return arrayAt(body, 'status', 'loadBalancer', 'ingress').map((one) => textAt(one, 'ip') ?? '');
  }

  async function sessions(): Promise<string[]> {
    return await readdir(join(world.state, 'sessions'));
  }

  /** Starts a session, and waits until all that it makes is there. */
  async function watch(): Promise<Daemon> {
    const session = world.startMkplan('watch', world.spec, '--auto-approve');
    await session.until('it serves', async () => (await isServed()) && session.said.includes('Watching.'));
    return session;
  }

  async function isServed(): Promise<boolean> {
    const routed = (await hasRoute(SERVICE_CIDR)) && (await hasRoute(ADDRESS));
    return routed && (await shown()).join() === ADDRESS;
  }

  /** Neither on this host, nor in the cluster, nor in a file. */
  async function nothingIsLeft(): Promise<void> {
    expect(await table()).toBe(before);
    expect(await shown()).toEqual([]);
    expect(arrayAt((await world.client.get(OURS)).body, 'items')).toEqual([]);
    expect(await sessions()).toEqual([]);
    const { stdout, stderr } = await world.mkplan('status', world.spec);
    expect(stdout + stderr).not.toMatch(/Watched by|session|interrupted/);
  }

  /** Of the helper that a session has started. */
  async function helperOf(pid: number): Promise<number> {
    const children = (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8'))
      .trim()
      .split(' ')
      .map(Number);
    for (const child of children) {
      const line = await readFile(`/proc/${child}/cmdline`, 'utf8').catch(() => '');
      if (line.includes('helper.js')) return child;
    }
    throw new Error(`no helper among ${children.join(' ')}`);
  }

  it('goes on with another helper where its own is killed, and takes everything away', async () => {
    const session = await watch();
    const helper = await helperOf(session.pid);
    process.kill(helper, 'SIGKILL');
    await world.host.must(['ip', 'route', 'del', SERVICE_CIDR]);
    await session.until('the route is back', () => hasRoute(SERVICE_CIDR));
    const next = await helperOf(session.pid);
    expect(next).not.toBe(helper);
    process.kill(next, 'SIGKILL');
    session.signal('SIGINT');
    expect(await session.exit(), session.said).toBe(0);
    await nothingIsLeft();
  });

  it('leaves at once at a second signal while it is leaving; status, cleanup and destroy put it right', async () => {
    const session = await watch();
    world.suspendApi('SIGSTOP');
    session.signal('SIGINT');
    await session.until('it heard', () => session.said.includes('Got SIGINT'));
    session.signal('SIGINT');
    expect(await session.exit(), session.said).toBe(6);
    expect(session.said).toContain('Left at once');
    world.suspendApi('SIGCONT');
    const status = await world.mkplan('status', world.spec);
    expect(status.stdout + status.stderr).toMatch(/a session \(pid \d+, since .*\) ended without/);
    expect((await world.mkplan('cleanup', '--auto-approve')).code).toBe(0);
    expect(await table()).toBe(before);
    expect((await world.mkplan('destroy', world.spec, '--auto-approve')).code).toBe(0);
    await nothingIsLeft();
  });

  it('ends in bounded time though the API server hangs, without its routes, and names what stays in the cluster', async () => {
    const session = await watch();
    world.suspendApi('SIGSTOP');
    session.signal('SIGINT');
    expect(await session.exit(), session.said).toBe(6);
    expect(await table(), session.said).toBe(before);
    expect(session.said).toMatch(/default\/web/);
    expect(session.said).toContain('mkplan destroy');
    world.suspendApi('SIGCONT');
    expect(await shown()).toEqual([ADDRESS]);
    expect((await world.mkplan('destroy', world.spec, '--auto-approve')).code).toBe(0);
    await nothingIsLeft();
  });

  it('ends without its routes where two of three clusters hang, clears the third, and names what stays in the two', async () => {
    const names = ['two', 'three'];
    const profiles = names.map(
      (name, index) => `    - name: ${name}
      cidrs: { services: none, pods: none }
      loadBalancer: { pool: [10.20${index + 1}.0.0/24], unclassed: true }
`,
    );
    await world.writeSpec(SPEC + profiles.join(''));
    const hanging: FurtherCluster[] = [];
    try {
      for (const [index, name] of names.entries()) {
        hanging.push(await FurtherCluster.create(world, name, 8444 + index));
      }
      for (const [index, { client }] of hanging.entries()) {
        await post(client, SERVICES, serviceObject(names[index] ?? ''));
      }
      const routes = ['10.201.0.1', '10.202.0.1'];
      const shownThere = () =>
        Promise.all(
          hanging.map(async ({ client }, index) => {
            const { body } = await client.get(`${SERVICES}/${names[index]}`);
            return arrayAt(body, 'status', 'loadBalancer', 'ingress').map((one) => textAt(one, 'ip'));
          }),
        );
      const allow = ['--auto-approve', '--allow', 'context'];
      const session = world.startMkplan('watch', world.spec, ...allow);
      await session.until('it serves', async () => {
        const routed = await Promise.all(routes.map(hasRoute));
        const given = (await shownThere()).flat().length === 2;
        return (await isServed()) && routed.every(Boolean) && given && session.said.includes('Watching.');
      });
      for (const one of hanging) one.suspend('SIGSTOP');
      session.signal('SIGINT');
      expect(await session.exit(), session.said).toBe(6);
      expect(await table(), session.said).toBe(before);
      expect(await shown()).toEqual([]);
      expect(arrayAt((await world.client.get(OURS)).body, 'items')).toEqual([]);
      expect(session.said).toMatch(/default\/two 10\.201\.0\.1/);
      expect(session.said).toMatch(/default\/three 10\.202\.0\.1/);
      for (const one of hanging) one.suspend('SIGCONT');
      expect(await shownThere()).toEqual(routes.map((route) => [route]));
      expect((await world.mkplan('destroy', world.spec, ...allow)).code).toBe(0);
      expect(await shownThere()).toEqual([[], []]);
    } finally {
      for (const one of hanging) await one.close();
    }
  });

  it('ends without its routes where the cluster is out of reach, and names what stays there', async () => {
    const session = await watch();
    await world.shutDoor();
    session.signal('SIGINT');
    expect(await session.exit(), session.said).toBe(6);
    expect(await table(), session.said).toBe(before);
    expect(session.said).toMatch(/minikube/);
    expect(session.said).toContain('mkplan destroy');
    await world.openDoor();
    expect((await world.mkplan('destroy', world.spec, '--auto-approve')).code).toBe(0);
    await nothingIsLeft();
  });

  it('outlives whoever reads what it says', async () => {
    const session = await watch();
    session.hangUp();
    await world.host.must(['ip', 'route', 'del', SERVICE_CIDR]);
    await session.until('the route is back', () => hasRoute(SERVICE_CIDR));
    session.signal('SIGTERM');
    expect(await session.exit()).toBe(0);
    await nothingIsLeft();
  });

  describe('in a terminal', () => {
    /** A session in a terminal of its own: the program that has the terminal, and the pid of the session. */
    async function watchInTerminal() {
      const command = world.argv('watch', world.spec, '--auto-approve').map((word) => `'${word}'`);
      const terminal = world.host.spawn([
        'script',
        '--quiet',
        '--return',
        '--flush',
        '--command',
        `exec ${command.join(' ')}`,
        '/dev/null',
      ]);
      terminal.stdout?.resume();
      await waitUntil('it serves', isServed);
      const [record = ''] = await sessions();
      const { pid } = JSON.parse(await readFile(join(world.state, 'sessions', record), 'utf8')) as {
        pid: number;
      };
      return { terminal, pid };
    }

    it.each(['SIGHUP', 'SIGTERM', 'SIGINT'] as const)('%s takes everything away', async (signal) => {
      const { terminal, pid } = await watchInTerminal();
      const ended = once(terminal, 'exit');
      process.kill(pid, signal);
      expect((await ended)[0]).toBe(0);
      await nothingIsLeft();
    });

    it('takes everything away when the terminal is closed', async () => {
      const { terminal } = await watchInTerminal();
      terminal.kill('SIGKILL');
      await waitUntil('its record is gone', async () => (await sessions()).length === 0);
      await nothingIsLeft();
    });
  });

  it('killed, it leaves the truth to status, and the next session takes everything over and away', async () => {
    const first = await watch();
    await first.kill();
    expect(await isServed()).toBe(true);
    const status = await world.mkplan('status', world.spec);
    expect(status.stdout).toContain(ADDRESS);
    expect(status.stdout + status.stderr).toMatch(/a session \(pid \d+, since .*\) ended without/);
    const next = await watch();
    await world.host.must(['ip', 'route', 'del', SERVICE_CIDR]);
    await next.until('the route is back', () => hasRoute(SERVICE_CIDR));
    next.signal('SIGINT');
    expect(await next.exit(), next.said).toBe(0);
    await nothingIsLeft();
  });

  it('killed, what it told Services is shown as such once cleanup has its routes, until the next session ends', async () => {
    await (await watch()).kill();
    expect((await world.mkplan('cleanup', '--auto-approve')).code).toBe(0);
    expect(await table()).toBe(before);
    expect(await sessions()).toEqual([]);
    expect(await shown()).toEqual([ADDRESS]);
    const status = await world.mkplan('status', world.spec);
    expect(status.stdout + status.stderr).toMatch(new RegExp(`${ADDRESS}[\\s\\S]*route`));
    const next = await watch();
    next.signal('SIGINT');
    expect(await next.exit(), next.said).toBe(0);
    await nothingIsLeft();
  });
});
