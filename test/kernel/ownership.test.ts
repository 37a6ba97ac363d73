import { mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { requireNamespaces } from './netns.ts';
import { Rig, specOf, VM } from './rig.ts';

const refused = requireNamespaces();

const SPEC = specOf({ cidrs: ['10.96.0.0/12', '10.244.0.0/16'] });
/** What `minikube tunnel` adds. */
const PLAIN = ['10.96.0.0/12', 'via', VM] as const;

describe.skipIf(refused !== null)('ownership on a live kernel', () => {
  let rig: Rig;
  let before: string;

  beforeEach(async () => {
    rig = await Rig.create();
    before = await rig.table();
    await rig.write(SPEC);
  });

  afterEach(async () => {
    await rig.close();
  });

  const registry = () => join(rig.state, 'registry.json');
  const imports = (...args: readonly string[]) => rig.mkplan('import', ...args, rig.spec);

  it('imports what a lost registry had; all is then as before, to the end', async () => {
    await rig.apply();
    const applied = await rig.table();
    await rm(registry());

    const planned = await rig.plan('--detailed-exitcode');
    expect(planned).toMatchObject({ code: 0 });
    expect(planned.stdout).toContain(`? 10.96.0.0/12 via ${VM} dev vm0 proto 109 metric 109`);
    expect(planned.stdout).toContain('mkplan import');
    expect(await rig.destroy()).toMatchObject({ code: 0 });
    expect(await rig.table()).toBe(applied);

    const listed = await imports();
    expect(listed.stdout).toContain(`mkplan import 10.96.0.0/12 10.244.0.0/16 ${rig.spec}`);
    expect(await imports('--all', '--auto-approve')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('Adopted: 2 routes'),
    });
    expect(await rig.table()).toBe(applied);
    const again = await rig.plan('--detailed-exitcode');
    expect(again).toMatchObject({ code: 0 });
    expect(again.stdout).not.toContain('?');
    expect(await rig.destroy()).toMatchObject({ code: 0 });
    expect(await rig.table()).toBe(before);
  });

  it('imports a route that was made by hand, with its protocol, and destroy removes exactly it', async () => {
    await rig.ip('route', 'add', ...PLAIN);
    const made = await rig.table();
    await rig.ip('route', 'add', '10.50.0.0/16', 'via', VM);
    expect(await imports('10.96.0.0/12', '--auto-approve')).toMatchObject({ code: 0 });
    expect(await rig.apply()).toMatchObject({ code: 0 });
    expect(await rig.ip('route', 'show', '10.96.0.0/12')).toBe(`10.96.0.0/12 via ${VM} dev vm0 \n`);
    expect(await rig.destroy()).toMatchObject({ code: 0 });
    await rig.ip('route', 'add', ...PLAIN);
    await rig.ip('route', 'del', '10.50.0.0/16');
    expect(await rig.table()).toBe(made);
  });

  it('imports a route that was changed by hand, and apply moves it back', async () => {
    await rig.apply();
    const applied = await rig.ours();
    await rig.ip('route', 'del', '10.96.0.0/12');
    await rig.ip('route', 'add', '10.96.0.0/12', 'via', '10.8.0.1', 'proto', '109', 'metric', '109');
    const planned = await rig.plan();
    expect(planned.code).toBe(4);
    expect(planned.stdout).toContain('mkplan import 10.96.0.0/12');
    expect(await imports('10.96.0.0/12', '--auto-approve')).toMatchObject({ code: 0 });
    expect(await rig.apply()).toMatchObject({ code: 0 });
    const moved = applied.map((line) =>
      line.startsWith('1 10.96') ? line.replace('metric 109', 'metric 110') : line,
    );
    expect((await rig.ours()).sort()).toEqual(moved.sort());
    expect(await rig.destroy()).toMatchObject({ code: 0 });
    expect(await rig.table()).toBe(before);
  });

  it('refuses to import what another spec has a claim to, and does not say which', async () => {
    await rig.apply();
    const other = join(rig.directory, 'other.yaml');
    await writeFile(other, SPEC);
    const tried = await rig.mkplan('import', '10.96.0.0/12', '--auto-approve', other);
    expect(tried.code).toBe(4);
    expect(tried.stdout).toContain('Another spec has a claim to it');
    expect(tried.stdout).not.toContain(rig.spec);
  });

  it('cleans up with no minikube, no profile and no spec', async () => {
    await rig.apply();
    await rm(join(rig.directory, 'minikube'), { recursive: true, force: true });
    await rm(rig.spec);
    const path = await rig.host.must(['sh', '-c', 'dirname "$(command -v ip)"']);
    const cleaned = await rig.host.run(
      ['env', `PATH=${path.trim()}:/usr/bin:/bin`, ...rig.argv('cleanup', '--auto-approve')],
      {
        timeoutMs: 60_000,
      },
    );
    expect(cleaned).toMatchObject({ code: 0 });
    expect(await rig.table()).toBe(before);
  });

  describe('beside minikube tunnel', () => {
    const file = () => join(rig.directory, 'minikube', '.minikube', 'tunnels.json');

    async function record(pid: number, machine = 'vm'): Promise<string> {
      const text = JSON.stringify([
        {
          Route: {
            Gateway: VM,
            DestCIDR: { IP: '10.96.0.0', Mask: '//AAAA==' },
            ClusterDomain: 'cluster.local',
            ClusterDNSIP: '10.96.0.10',
          },
          MachineName: machine,
          Pid: pid,
        },
      ]);
      await mkdir(dirname(file()), { recursive: true });
      await writeFile(file(), text);
      return text;
    }

    /** A process that is called minikube. */
    async function startMinikube(): Promise<number> {
      const sleep = (await rig.host.must(['sh', '-c', 'command -v sleep'])).trim();
      const program = join(rig.directory, 'minikube-linux');
      await symlink(sleep, program);
      const { pid } = rig.host.spawn([program, '600']);
      if (pid === undefined) throw new Error('no pid');
      await expect
        .poll(() => readFile(`/proc/${pid}/comm`, 'utf8'), { timeout: 10_000 })
        .toBe('minikube-linux\n');
      return pid;
    }

    it('refuses the profile whose tunnel runs, and names its process', async () => {
      const pid = await startMinikube();
      const text = await record(pid);
      for (const tried of [await rig.plan(), await rig.apply()]) {
        expect(tried.code).toBe(4);
        expect(tried.stdout).toContain(`\`minikube tunnel\` is running for profile vm (pid ${pid})`);
        expect(tried.stdout).toContain(`kill -INT ${pid}`);
      }
      expect(await rig.table()).toBe(before);
      expect(await readFile(file(), 'utf8')).toBe(text);
    });

    it('does not take another process with a used pid for it', async () => {
      await record(process.pid);
      const planned = await rig.plan();
      expect(planned.code).toBe(0);
      expect(planned.stdout).toContain('ended without cleaning up');
    });

    it('removes what a dead one left, once that is approved, and leaves its file to minikube', async () => {
      const text = await record(2 ** 22);
      await rig.ip('route', 'add', ...PLAIN);
      const left = await rig.table();
      expect((await rig.plan()).stdout).toContain('mkplan cleanup --minikube');
      expect(await rig.mkplan('cleanup', '--auto-approve')).toMatchObject({ code: 0 });
      const unapproved = await rig.mkplan('cleanup', '--minikube', '--auto-approve');
      expect(unapproved.code).toBe(4);
      expect(unapproved.stderr).toContain('--allow minikube');
      expect(await rig.table()).toBe(left);
      expect(
        await rig.mkplan('cleanup', '--minikube', '--auto-approve', '--allow', 'minikube'),
      ).toMatchObject({ code: 0 });
      expect(await rig.table()).toBe(before);
      expect(await readFile(file(), 'utf8')).toBe(text);
    });

    it('goes on beside a file that is no file of tunnels', async () => {
      await mkdir(file(), { recursive: true });
      const planned = await rig.plan();
      expect(planned.code).toBe(0);
      expect(planned.stdout).toContain('tunnels.json');
    });
  });
});
