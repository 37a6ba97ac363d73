import { readdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { arrayAt, textAt } from '../../src/embedded-api/objects/json.ts';
import type { Daemon } from '../cluster/daemon.ts';
import { serviceObject } from '../cluster/objects.ts';
import { requireNamespaces } from './netns.ts';
import { SandboxWorld, worldSpec } from './sandbox-world.ts';

const SERVICES = '/api/v1/namespaces/default/services';
const SERVICE_CIDR = '10.96.0.0/12';
const ADDRESS = '10.200.0.1';
const SPEC = worldSpec(`
    - name: minikube
      loadBalancer: { pool: [10.200.0.0/24] }
`);

const unavailable = requireNamespaces();

describe.skipIf(unavailable !== null)('status', () => {
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
    return await world.host.must(['ip', '-N', '-details', 'route', 'show', 'table', 'all']);
  }

  async function hasRoute(destination: string): Promise<boolean> {
    return (await world.host.must(['ip', 'route', 'show', 'proto', '109'])).includes(`${destination} via `);
  }

  async function shown(name = 'web'): Promise<string[]> {
    const { body } = await world.client.get(`${SERVICES}/${name}`);
    return arrayAt(body, 'status', 'loadBalancer', 'ingress').map((one) => textAt(one, 'ip') ?? '');
  }

  /** Starts a session, and waits until all that it makes is there. */
  async function watch(): Promise<Daemon> {
    const session = world.startMkplan('watch', world.spec, '--auto-approve');
    await session.until(
      'it serves',
      async () =>
        (await hasRoute(ADDRESS)) && (await shown()).join() === ADDRESS && session.said.includes('Watching.'),
    );
    return session;
  }

  /** Neither on this host, nor in the cluster, nor in a file. */
  async function nothingIsLeft(): Promise<void> {
    expect(await table()).toBe(before);
    expect(await shown()).toEqual([]);
    expect(await readdir(join(world.state, 'sessions'))).toEqual([]);
  }

  describe('of a session that was killed', () => {
    const LEFT = /ended without taking away what it made: \d+ routes and the address of 1 Service\./;

    it('names one command that takes routes and Services away, and that command does', async () => {
      await (await watch()).kill();
      const { stdout, code } = await world.mkplan('status', world.spec);
      expect(code).toBe(0);
      expect(stdout).toMatch(LEFT);
      const [, command = ''] = /Service\. `mkplan ([^`]+)` takes both away\./.exec(stdout) ?? [];
      expect(command).toBe(`destroy ${world.spec}`);
      expect(stdout).not.toContain('mkplan apply');
      expect((await world.mkplan(...command.split(' '), '--auto-approve')).code).toBe(0);
      await nothingIsLeft();
      const after = await world.mkplan('status', world.spec);
      expect(after.stdout).toContain('Nothing is applied.');
      expect(after.stdout).not.toMatch(/missing|unwanted/);
    });

    it('tells that without the spec, too, and names the same command', async () => {
      await (await watch()).kill();
      const { stdout } = await world.mkplan('status', join(dirname(world.spec), 'none.yaml'));
      expect(stdout).toMatch(/\d+ routes and whatever addresses its Services still show\./);
      expect(stdout).toContain(`\`mkplan destroy ${world.spec}\` takes both away`);
    });

    it('names the way where the spec is gone: cleanup for its routes, the spec for its Services', async () => {
      await (await watch()).kill();
      await rm(world.spec);
      const { stdout } = await world.mkplan('status', world.spec);
      expect(stdout).toContain('`mkplan cleanup` takes the routes away.');
      expect(stdout).toContain(`until ${world.spec} is back and \`mkplan destroy ${world.spec}\` is run.`);
      expect((await world.mkplan('cleanup', '--auto-approve')).code).toBe(0);
      expect(await table()).toBe(before);
      await world.writeSpec(SPEC);
      expect((await world.mkplan('destroy', world.spec, '--auto-approve')).code).toBe(0);
      await nothingIsLeft();
    });

    it('does not call its routes unwanted while the cluster is silent, but unknown', async () => {
      await (await watch()).kill();
      world.suspendApi('SIGSTOP');
      const { stdout } = await world.mkplan('status', world.spec);
      world.suspendApi('SIGCONT');
      expect(stdout).toMatch(new RegExp(`${ADDRESS}/32 .* unknown +unknown`));
      expect(stdout).not.toContain('unwanted');
      expect(stdout).toMatch(/takes both away once its clusters answer\./);
    });

    it('keeps what apply made to last apart', async () => {
      expect((await world.mkplan('apply', world.spec, '--auto-approve')).code).toBe(0);
      await world.post(SERVICES, serviceObject('second'));
      await (await watch()).kill();
      const { stdout } = await world.mkplan('status', world.spec);
      expect(stdout).toContain("`mkplan cleanup` takes away the session's routes alone.");
      expect((await world.mkplan('cleanup', '--auto-approve')).code).toBe(0);
      expect(await hasRoute(SERVICE_CIDR)).toBe(true);
      expect((await world.mkplan('destroy', world.spec, '--auto-approve')).code).toBe(0);
      await nothingIsLeft();
    });
  });

  describe('asked for its verdict', () => {
    const ask = (...args: readonly string[]) => world.mkplan('status', world.spec, ...args);

    it('exits 2 where nothing is applied, 0 once a session serves, 1 where the cluster is silent', async () => {
      expect((await ask('--detailed-exitcode')).code).toBe(2);
      const waiting = ask('--wait=60s');
      const session = await watch();
      expect((await waiting).code).toBe(0);
      expect((await waiting).stdout).toContain(ADDRESS);
      const live = await ask('--detailed-exitcode');
      expect(live.code).toBe(0);
      expect(live.stdout).not.toContain('mkplan apply');
      world.suspendApi('SIGSTOP');
      expect((await ask('--detailed-exitcode')).code).toBe(1);
      world.suspendApi('SIGCONT');
      session.signal('SIGINT');
      expect(await session.exit(), session.said).toBe(0);
    });

    it('shows at the end of the time what it saw last, and is ended by Ctrl-C', async () => {
      const ended = await ask('--wait=1500ms');
      expect(ended.code).toBe(2);
      expect(ended.stdout).toContain('Nothing is applied.');
      const waiting = world.startMkplan('status', world.spec, '--wait=5m');
      await waiting.until('it waits', () => waiting.said.includes('Waiting until'));
      waiting.signal('SIGINT');
      expect(await waiting.exit()).toBe(130);
    });
  });
});
