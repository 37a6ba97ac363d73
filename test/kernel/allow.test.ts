import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { requireNamespaces } from './netns.ts';
import { SandboxWorld, worldSpec } from './sandbox-world.ts';

const unavailable = requireNamespaces();

describe.skipIf(unavailable !== null)('what `allow` remembers', () => {
  let world: SandboxWorld;

  beforeEach(async () => {
    world = await SandboxWorld.create();
    await world.writeSpec(specWith('10.42.0.0/16'));
  });

  afterEach(() => world?.close());

  async function isRouted(): Promise<boolean> {
    return (await world.host.must(['ip', '-4', 'route', 'show', 'proto', '109'])).includes(
      '10.42.0.0/16 via ',
    );
  }

  it('lets a script apply without --allow, until the spec asks for more or it is revoked', async () => {
    const { spec } = world;
    const apply = () => world.mkplan('apply', spec, '--auto-approve');
    for (const refused of [await apply(), await world.mkplan('allow', spec)]) {
      expect(refused.code, refused.stderr).toBe(4);
      expect(refused.stderr).toContain('approve it at a terminal with `mkplan allow`');
    }

    const allowed = await world.mkplan('allow', spec, '--allow', 'unconfirmed');
    expect(allowed.code, allowed.stderr).toBe(0);
    expect(await isRouted()).toBe(false);
    expect((await world.mkplan('plan', spec)).stdout).toMatch(/approved on \d{4}-/);
    const applied = await apply();
    expect(applied.code, applied.stderr).toBe(0);
    expect(await isRouted()).toBe(true);

    await world.writeSpec(specWith('10.42.0.0/15'));
    const wider = await apply();
    expect(wider.code, wider.stderr).toBe(4);

    await world.writeSpec(specWith('10.42.0.0/16'));
    expect((await world.mkplan('destroy', spec, '--auto-approve')).code).toBe(0);
    expect((await world.mkplan('allow', '--revoke', spec)).stdout).toContain('Revoked: 1 approval of');
    expect((await apply()).code).toBe(4);
  });

  it('lets a session keep its routes, and holds what the spec asks for beyond it', async () => {
    expect((await world.mkplan('allow', world.spec, '--allow', 'unconfirmed')).code).toBe(0);
    const session = world.startMkplan('watch', world.spec, '--auto-approve');
    await session.until('it routes', isRouted);
    await world.writeSpec(specWith('10.42.0.0/16, 10.50.0.0/16'));
    await session.until('it says what is not approved', () =>
      session.said.includes('unconfirmed (10.50.0.0/16) needs approval'),
    );
    expect(await isRouted()).toBe(true);
    session.signal('SIGINT');
    expect(await session.exit(), session.said).toBe(0);
    expect(await isRouted()).toBe(false);
  });
});

function specWith(pods: string): string {
  return worldSpec(` [{ name: minikube, cidrs: { services: auto, pods: [${pods}] } }]\n`);
}
