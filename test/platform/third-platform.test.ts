import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { run } from '../../src/cli/program.ts';
import { fakeTerminal } from '../cli/terminals.ts';
import { temporaryDirectory } from '../fakes/temporary.ts';
import { ThirdPlatform } from '../fakes/third-platform.ts';

const SPEC = `apiVersion: mkplan/v1alpha1
kind: Tunnel
metadata: { name: test }
spec:
  profiles:
    - name: lab
      gateway: 192.168.39.10
      cidrs: { services: [10.96.0.0/12], pods: [10.244.0.0/16] }
      loadBalancer: { assign: none }
`;
const ALLOW = ['--auto-approve', '--allow', 'gateway,unconfirmed'];
const BEFORE = ['0.0.0.0/0', '192.168.39.0/24'];
const AFTER = ['0.0.0.0/0', '10.244.0.0/16', '10.96.0.0/12', '192.168.39.0/24'];

let system: ThirdPlatform;
let directory: string;
beforeEach(async () => {
  system = new ThirdPlatform();
  directory = await temporaryDirectory();
  await writeFile(join(directory, 'tunnel.yaml'), SPEC);
});

/** A command line on it that runs until it has ended. */
function begin(...argv: readonly string[]) {
  const env = { XDG_STATE_HOME: directory, MINIKUBE_HOME: directory, KUBECONFIG: join(directory, 'none') };
  const fake = fakeTerminal({ cwd: directory, env });
  // Everything but the system is wired as ever.
  const code = run(argv, { ...fake.terminal, openPlatform: () => system });
  return { ...fake, code };
}

async function mkplan(...argv: readonly string[]) {
  const { code, stdout, stderr } = begin(...argv);
  return { code: await code, stdout: stdout(), stderr: stderr() };
}

describe('on a system of other rules', () => {
  it('plans routes without a protocol', async () => {
    const { code, stdout } = await mkplan('plan', '--json');
    expect(code).toBe(0);
    const steps = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
      .filter(({ type }) => type === 'step');
    expect(steps).toHaveLength(2);
    for (const { after } of steps) expect(after).not.toHaveProperty('protocol');
    expect((await mkplan('plan', '--wide')).stdout).not.toContain('proto');
    expect(system.destinations).toEqual(BEFORE);
  });

  it('applies, then has nothing to do, and removes what it made', async () => {
    expect(await mkplan('apply', ...ALLOW)).toMatchObject({ code: 0 });
    expect(system.destinations).toEqual(AFTER);
    const again = await mkplan('plan', '--detailed-exitcode');
    expect(again).toMatchObject({ code: 0 });
    expect(await mkplan('destroy', '--auto-approve')).toMatchObject({ code: 0 });
    expect(system.destinations).toEqual(BEFORE);
  });

  it('moves routes to another gateway, the new ones standing before the old ones go', async () => {
    await mkplan('apply', ...ALLOW);
    const counts: number[] = [];
    system.routeEvents.listen(() => counts.push(system.destinations.length));
    await writeFile(join(directory, 'tunnel.yaml'), SPEC.replace('39.10', '39.11'));
    expect(await mkplan('apply', ...ALLOW)).toMatchObject({ code: 0 });
    expect(counts).toEqual([5, 6, 5, 4]);
  });

  it('undoes what was made when a step fails', async () => {
    system.refused.add('10.96.0.0/12');
    const { code, stderr } = await mkplan('apply', ...ALLOW);
    expect(stderr).toContain('5: access is denied');
    expect(stderr).toContain('run  Get-NetRoute 10.96.0.0/12');
    expect(stderr).not.toMatch(/\bip \S*route/);
    expect(code).toBe(5);
    expect(system.destinations).toEqual(BEFORE);
  });

  it('watches: a route that somebody deletes comes back, and leaving takes all of it away', async () => {
    const watching = begin('watch', ...ALLOW);
    await expect.poll(() => system.destinations, { timeout: 20_000 }).toEqual(AFTER);
    system.remove('10.96.0.0/12');
    expect(system.destinations).not.toEqual(AFTER);
    await expect.poll(() => system.destinations, { timeout: 20_000 }).toEqual(AFTER);
    watching.signals.send('SIGINT');
    expect(await watching.code).toBe(0);
    expect(system.destinations).toEqual(BEFORE);
  });
});
