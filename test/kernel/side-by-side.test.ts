import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { CommandResult } from '../../src/platform/command.ts';
import { serviceObject } from '../cluster/objects.ts';
import { requireNamespaces } from './netns.ts';
import { buildOlder, type OlderBuild, requireHistory } from './older-build.ts';
import { SandboxWorld } from './sandbox-world.ts';

const SERVICES = '/api/v1/namespaces/default/services';
const RECORD = '/api/v1/namespaces/kube-system/configmaps/mkplan-allocations';
const SPEC = `apiVersion: mkplan/v1alpha1
kind: Tunnel
metadata: { name: dev }
spec:
  profiles:
    - name: minikube
      loadBalancer: { pool: [10.200.0.0/28] }
`;

const refused = requireNamespaces() ?? (await requireHistory());

describe.skipIf(refused !== null)(
  `an older mkplan beside this one${refused === null ? '' : `: ${refused}`}`,
  () => {
    let older: OlderBuild;
    let world: SandboxWorld;
    let before: string;

    beforeAll(async () => {
      older = await buildOlder();
    }, 240_000);
    afterAll(() => older.remove());

    beforeEach(async () => {
      world = await SandboxWorld.create();
      await world.writeSpec(SPEC);
      before = await table();
    });
    afterEach(() => world.close());

    const table = async () => {
      const routes = await world.host.must(['ip', '-N', 'route', 'show', 'table', 'all']);
      return routes.split('\n').sort().join('\n');
    };

    /** Runs a build with a state directory of its own. */
    async function run(
      build: 'this' | 'older',
      state: string,
      ...args: readonly string[]
    ): Promise<CommandResult> {
      const [env, ...words] = world.argv(...args);
      const node = words.indexOf(process.execPath);
      const [execPath = '', main = '', ...rest] = words.slice(node);
      const home = `XDG_STATE_HOME=${join(dirname(world.spec), state)}`;
      const program = build === 'this' ? main : older.main;
      return await world.host.run([env, ...words.slice(0, node), home, execPath, program, ...rest], {
        timeoutMs: 60_000,
      });
    }

    async function must(build: 'this' | 'older', state: string, verb: string): Promise<void> {
      const { code, stdout, stderr } = await run(build, state, verb, world.spec, '--auto-approve');
      expect({ verb, code, stdout, stderr }).toMatchObject({ verb, code: 0 });
    }

    /** Each on a laptop of its own: the other's routes are not in its table. */
    async function turn(build: 'this' | 'older', state: string, verb: string): Promise<void> {
      await world.host.must(['ip', 'route', 'flush', 'proto', '109']);
      await must(build, state, verb);
    }

    const post = async (name: string) => {
      await world.post(SERVICES, serviceObject(name));
    };

    /** The addresses that Services show, by name. */
    async function shown(): Promise<Record<string, string>> {
      const { body } = await world.client.send('GET', SERVICES);
      const { items } = body as unknown as {
        items: {
          spec: { type: string };
          metadata: { name: string };
          status?: { loadBalancer?: { ingress?: { ip: string }[] } };
        }[];
      };
      return Object.fromEntries(
        items
          .filter(({ spec }) => spec.type === 'LoadBalancer')
          .map(({ metadata, status }) => [metadata.name, status?.loadBalancer?.ingress?.[0]?.ip ?? '']),
      );
    }

    async function recorded(): Promise<string[]> {
      const { body } = await world.client.send('GET', RECORD);
      const { data } = body as unknown as { data: { allocations: string } };
      return data.allocations
        .split('\n')
        .filter((line) => line !== '')
        .sort();
    }

    const linesOf = (addresses: Record<string, string>) =>
      Object.entries(addresses)
        .map(([name, address]) => `${address} default/${name}`)
        .sort();

    it('shares a cluster with it: no address is lost, none is given twice, and the last one out clears', async () => {
      await Promise.all(['a', 'b', 'c'].map(post));
      await turn('older', 'one', 'apply');
      const first = await shown();
      await turn('this', 'two', 'apply');
      expect(await shown()).toEqual(first);
      await post('d');
      await turn('this', 'two', 'apply');
      await post('e');
      await turn('older', 'one', 'apply');
      const all = await shown();
      expect(all).toMatchObject(first);
      expect(new Set(Object.values(all)).size).toBe(5);
      expect(await recorded()).toEqual(linesOf(all));

      // What one remembers of a Service that is gone, the other gives back.
      await world.client.send('DELETE', `${SERVICES}/c`);
      await post('f');
      await turn('this', 'two', 'apply');
      await post('c');
      await turn('older', 'one', 'apply');
      const again = await shown();
      expect(again).toMatchObject(all);
      expect(new Set(Object.values(again)).size).toBe(6);
      expect(await recorded()).toEqual(linesOf(again));

      await turn('older', 'one', 'destroy');
      expect(await shown()).toEqual(again);
      await turn('this', 'two', 'destroy');
      expect(new Set(Object.values(await shown()))).toEqual(new Set(['']));
      expect(await table()).toBe(before);
    });

    it('reads the files that it left, and is then named by it as newer, which changes nothing', async () => {
      await post('a');
      await must('older', 'one', 'apply');
      const applied = await table();
      const planned = await run('this', 'one', 'plan', world.spec, '--detailed-exitcode');
      expect(planned).toMatchObject({ code: 0 });
      expect(await table()).toBe(applied);
      await post('b');
      await must('this', 'one', 'apply');
      const both = await table();
      for (const verb of ['apply', 'destroy']) {
        const { code, stderr } = await run('older', 'one', verb, world.spec, '--auto-approve');
        expect({ code, stderr }).toMatchObject({
          code: 1,
          stderr: expect.stringContaining('[registry-newer]'),
        });
      }
      expect(await table()).toBe(both);
      expect(Object.keys(await shown())).toEqual(['a', 'b']);
      await must('this', 'one', 'destroy');
      expect(await table()).toBe(before);
    });
  },
);
