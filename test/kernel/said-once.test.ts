import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { arrayAt } from '../../src/embedded-api/objects/json.ts';
import { type Daemon, waitUntil } from '../cluster/daemon.ts';
import { serviceObject } from '../cluster/objects.ts';
import { requireNamespaces } from './netns.ts';
import { SandboxWorld, worldSpec } from './sandbox-world.ts';

const SERVICES = '/api/v1/namespaces/default/services';
const SERVICE_CIDR = '10.96.0.0/12';
const PODS = '10.244.0.0/24';
const INSIDE = '10.96.5.0/24';
const UNCONFIRMED = '10.42.0.0/16';

const specWith = (cidrs: string) =>
  worldSpec(`
    - name: minikube
      cidrs: { ${cidrs} }
      loadBalancer: { pool: [10.200.0.0/24] }
`);
const SPEC = specWith('services: auto');

/** A transaction that is committed, and a pass that fails, are news each time. */
const isOnceOnly = (line: string) => /^(Watching|Plan:)/.test(line);

const unavailable = requireNamespaces();

/** The lines that say what a session rests at and plans, and what came of it. */
function course(said: string): string[] {
  return said.split('\n').filter((line) => /^(Watching|Plan:|Committed|This pass failed)/.test(line));
}

describe.skipIf(unavailable !== null)('what a session says', () => {
  let world: SandboxWorld;
  let session: Daemon;

  beforeEach(async () => {
    world = await SandboxWorld.create();
    await world.writeSpec(SPEC);
    await world.post(SERVICES, serviceObject('web'));
    session = world.startMkplan('watch', world.spec, '--auto-approve');
    await session.until('it rests', () => session.said.includes('Watching.'));
    await session.until('the Service is served', () => isServed('web'));
  });

  afterEach(() => world?.close());

  async function hasRoute(destination: string): Promise<boolean> {
    const routes = await world.host.must(['ip', '-4', 'route', 'show', 'proto', '109']);
    return routes.includes(`${destination} via `);
  }

  async function isServed(name: string): Promise<boolean> {
    const { body } = await world.client.get(`${SERVICES}/${name}`);
    return arrayAt(body, 'status', 'loadBalancer', 'ingress').length > 0;
  }

  const ip = (...args: readonly string[]) => world.host.must(['ip', ...args]);
  const until = (what: string, check: () => boolean | Promise<boolean>) => session.until(what, check);

  /** Something to do, so that what came before it has been looked at by the time that it is done. */
  async function mend(): Promise<void> {
    const made = times('Committed');
    await ip('route', 'del', PODS);
    await until('the route is back', async () => times('Committed') > made && (await hasRoute(PODS)));
  }

  /** Counts what was said, the plan on standard output included. */
  const times = (text: string) => session.said.split(text).length - 1;

  it('is said once: a plan, where it rests, a mistake in its spec', async () => {
    expect(times('Plan: 5 to add')).toBe(1);
    await world.post(SERVICES, serviceObject('late'));
    await until('it is served', () => isServed('late'));
    await mend();
    await world.writeSpec('spec: [');
    await until('the mistake is named', () => session.said.includes('not valid YAML'));
    await mend();
    // Saved again as it is, which counts as a change where what it rests on is read again.
    session.signal('SIGHUP');
    await mend();
    await mend();
    await world.writeSpec(SPEC);
    await ip('route', 'add', INSIDE, 'via', '192.168.1.1');
    await until('it leaves the profile alone', () => session.said.includes('Left as it is'));
    await ip('route', 'del', INSIDE, 'via', '192.168.1.1');
    await until('it goes on', () => session.said.includes('Tried again'));
    await mend();
    const { said } = session;
    expect(times('not valid YAML'), said).toBe(1);
    const told = course(said);
    const rests = told.filter((line) => !/^(Plan:|Committed)/.test(line));
    const plans = told.filter((line) => !line.startsWith('Watching'));
    for (const lines of [rests, plans]) {
      expect(
        lines.filter((line, index) => isOnceOnly(line) && line === lines[index - 1]),
        said,
      ).toEqual([]);
    }
    expect(said).not.toMatch(/mkplan (watch|apply)/);
  });

  it('is what helps: an approval given meanwhile is taken up', async () => {
    await world.writeSpec(specWith(`services: [${UNCONFIRMED}]`));
    await until('it asks for approval', () => session.said.includes('mkplan allow'));
    expect(session.said).not.toMatch(/start it again/);
    const allowed = await world.mkplan('allow', world.spec, '--allow', 'unconfirmed');
    expect(allowed.code, allowed.stderr).toBe(0);
    session.signal('SIGHUP');
    await until('the network is routed', () => hasRoute(UNCONFIRMED));
    await until('the other one is not', async () => !(await hasRoute(SERVICE_CIDR)));
  });

  it('is not contradicted by what is run beside it', async () => {
    session.signal('SIGSTOP');
    await ip('route', 'del', PODS);
    for (const words of [
      ['status', world.spec],
      ['plan', world.spec],
      ['apply', world.spec, '--auto-approve'],
    ]) {
      const { code, stdout, stderr } = await world.mkplan(...words);
      expect(code, stderr).toBe(0);
      expect(stdout + stderr).not.toMatch(/mkplan (watch|apply)/);
      if (words[0] === 'apply')
        expect(stdout).toContain(`the session (pid ${session.pid}) serves new Services`);
    }
    session.signal('SIGCONT');
    session.signal('SIGINT');
    await waitUntil('the session has ended', () => session.ended);
  });
});
