import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Claim } from '../../src/model/claim.ts';
import type { ObservedParticipant } from '../../src/model/participant.ts';
import { isEmpty, isRefused, type Plan, serviceName } from '../../src/model/plan.ts';
import { formatPrefix } from '../../src/model/prefix.ts';
import { type Held, hold, ofSession, refusalsByProfile } from '../../src/planner/hold.ts';
import { plan } from '../../src/planner/plan.ts';
import * as build from './build.ts';
import { replay } from './simulate.ts';

function held(parts: { profiles?: string[]; services?: string[]; destinations?: string[] }): Held {
  const map = (names: string[] = []) => new Map(names.map((name) => [name, 'for the test']));
  return {
    profiles: map(parts.profiles),
    services: map(parts.services),
    destinations: map(parts.destinations),
  };
}

const NOTHING = held({});

/** Two profiles with a network each; the second has a pool with two Services. */
function twoProfiles() {
  const one = build.profile({ name: 'one', services: { value: [build.cidr('10.96.0.0/16')], at: build.AT } });
  const two = build.profile({
    name: 'two',
    services: { value: [build.cidr('10.97.0.0/16')], at: build.AT },
    loadBalancer: build.loadBalancer(['10.200.0.0/29'], { unclassed: true }),
  });
  const services = [build.service('a'), build.service('b')];
  const observed = build.observed({
    profiles: [
      build.observedProfile({ name: 'one' }),
      build.observedProfile({ name: 'two', cluster: build.cluster({ services }) }),
    ],
  });
  return { desired: build.desired([one, two]), observed };
}

/** What a plan would change, by name. */
function changes({ steps }: Plan): string[] {
  return steps
    .filter(({ action }) => action !== 'none')
    .map((step) => {
      if (step.kind === 'service') return `${step.action} ${step.profile} ${serviceName(step)}`;
      const route = step.after ?? step.before;
      return `${step.action} ${route === null ? '' : formatPrefix(route.destination)}`;
    })
    .sort();
}

const ALL = [
  'create 10.200.0.0/29',
  'create 10.200.0.1/32',
  'create 10.200.0.2/32',
  'create 10.96.0.0/16',
  'create 10.97.0.0/16',
  'create two default/a',
  'create two default/b',
];

describe('hold', () => {
  it('leaves a plan as it is where nothing is held', () => {
    const { desired, observed } = twoProfiles();
    const whole = plan(desired, observed);
    expect(changes(whole)).toEqual(ALL);
    expect(hold(whole, NOTHING, observed.host)).toEqual(whole);
  });

  it('takes out a profile with its routes, Services and record', () => {
    const { desired, observed } = twoProfiles();
    const rest = hold(plan(desired, observed), held({ profiles: ['two'] }), observed.host);
    expect(changes(rest)).toEqual(['create 10.96.0.0/16']);
    expect(rest.allocations).toEqual([]);
    expect(rest.waves.flat()).toHaveLength(1);
  });

  it('takes out one Service, and nothing of the others', () => {
    const { desired, observed } = twoProfiles();
    const rest = hold(plan(desired, observed), held({ services: ['two default/a'] }), observed.host);
    expect(changes(rest)).toEqual(ALL.filter((one) => one !== 'create two default/a'));
  });

  it('tells no Service an address whose own route is held', () => {
    const { desired, observed } = twoProfiles();
    const rest = hold(plan(desired, observed), held({ destinations: ['10.200.0.1/32'] }), observed.host);
    expect(changes(rest)).toEqual(
      ALL.filter((one) => one !== 'create 10.200.0.1/32' && one !== 'create two default/a'),
    );
  });

  it('is another plan by its fingerprint, and an equal one for equal input', () => {
    const { desired, observed } = twoProfiles();
    const whole = plan(desired, observed);
    const one = hold(whole, held({ profiles: ['one'] }), observed.host);
    expect(one.fingerprint).not.toBe(whole.fingerprint);
    expect(hold(whole, held({ profiles: ['one'] }), observed.host)).toEqual(one);
  });

  it('lets what refuses one profile refuse the others no more', () => {
    const { desired, observed } = twoProfiles();
    const taken = build.observed({
      ...observed,
      host: build.host([
        { destination: '10.96.0.0/16', gateway: '10.8.0.1', device: 'tun0', protocol: 3 },
        { destination: '10.8.0.0/24', device: 'tun0', protocol: 2 },
      ]),
    });
    const whole = plan(desired, taken);
    expect(isRefused(whole)).toBe(true);
    expect([...refusalsByProfile(whole).keys()]).toEqual(['one']);
    const rest = hold(whole, held({ profiles: ['one'] }), taken.host);
    expect(isRefused(rest)).toBe(false);
    expect(changes(rest)).toEqual(ALL.filter((one) => one !== 'create 10.96.0.0/16'));
  });

  it('asks no approval for what is held', () => {
    const { desired, observed } = twoProfiles();
    const whole = plan(desired, observed);
    const asked = { ...whole, approvals: [approval('one'), approval('two')] };
    const rest = hold(asked, held({ profiles: ['two'] }), observed.host);
    expect(rest.approvals.map(({ profile }) => profile)).toEqual(['one']);
  });
});

const approval = (profile: string) => ({ kind: 'gateway' as const, profile, subject: '10.0.0.1', why: 'x' });

describe('refusals by profile', () => {
  it('blames the plan as a whole for what is about no profile', () => {
    const { desired, observed } = twoProfiles();
    const whole = plan(desired, observed);
    const diagnostic = { code: 'x', severity: 'error', summary: 'no', cause: '', fix: '' } as const;
    const refused = {
      ...whole,
      diagnostics: [diagnostic, { ...diagnostic, profile: 'two', summary: 'two' }],
    };
    expect(refusalsByProfile(refused)).toEqual(
      new Map([
        ['', 'no'],
        ['two', 'two'],
      ]),
    );
  });

  it('blames nobody for warnings', () => {
    const { desired, observed } = twoProfiles();
    expect(refusalsByProfile(plan(desired, observed)).size).toBe(0);
  });
});

describe('what a session made', () => {
  const services = {
    destination: '10.97.0.0/16',
    gateway: build.VM,
    device: 'virbr1',
    metric: 109,
    protocol: 109,
  };
  const address = { ...services, destination: '10.200.0.1/32' };
  const shown = [build.service('a', { ingress: ['10.200.0.1'], ingressManager: 'mkplan' })];
  const session = { owner: { ...build.claim(services).owner, mode: 'session' as const } };

  /** The plan that takes everything away, less what lasts. */
  function leaving(claims: ReturnType<typeof build.claim>[]): string[] {
    const { desired, observed } = twoProfiles();
    const world = build.observed({
      ...observed,
      host: build.host([services, address]),
      registry: { claims, open: null },
      profiles: [
        build.observedProfile({ name: 'one' }),
        build.observedProfile({ name: 'two', cluster: build.cluster({ services: shown }) }),
      ],
    });
    const whole = plan({ ...desired, mode: 'absent' }, world);
    return changes(ofSession(whole, world));
  }

  it('goes when it leaves, whichever session of this spec made it', () => {
    const dead = { owner: { ...session.owner, pid: 99, startTime: '7' } };
    expect(leaving([build.claim(services, session), build.claim(address, dead)])).toEqual([
      'delete 10.200.0.1/32',
      'delete 10.97.0.0/16',
      'delete two default/a',
    ]);
  });

  it('does not include what was applied to last, nor the addresses that lead there', () => {
    expect(leaving([build.claim(services, session), build.claim(address)])).toEqual(['delete 10.97.0.0/16']);
    expect(leaving([build.claim(services), build.claim(address)])).toEqual([]);
  });

  it('does not include what Services on this host have where `apply` made our Lease, which no route tells', () => {
    const desired = build.desired([
      build.profile({
        gateway: { value: 'auto', at: build.AT },
        loadBalancer: build.loadBalancer(['10.200.0.0/29'], { unclassed: true }),
      }),
    ]);
    const left = (own: Partial<ObservedParticipant>, claims: Claim[] = []) => {
      const nodes = [build.node('laptop', ['192.168.1.10'], [], { bootId: build.HOST_ID.bootId })];
      const participants = [{ ...build.OWN, ...own }];
      const seen = build.observedProfile({
        cluster: build.cluster({ nodes, services: shown, participants }),
      });
      const world = build.observed({ profiles: [seen], registry: { claims, open: null } });
      const made = ofSession(plan({ ...desired, mode: 'absent' }, world), world);
      return [...changes(made), ...made.leases.map(({ action }) => action)];
    };
    expect(left({ lasting: true })).toEqual([]);
    expect(left({})).toEqual(['delete minikube default/a', 'leave']);
    expect(left({ lasting: true, leaving: true })).toEqual(['delete minikube default/a', 'leave']);
    // Where there are routes, these tell.
    expect(
      left({ lasting: true }, [build.claim(address, { ...session, purpose: 'load-balancer' })]),
    ).toContain('delete minikube default/a');
  });

  it('does not include another spec’s', () => {
    const other = { owner: { ...session.owner, spec: '/other/tunnel.yaml' } };
    expect(leaving([build.claim(services, other)]).filter((one) => one.includes('10.97'))).toEqual([]);
  });
});

const units = fc.record({
  profiles: fc.subarray(['one', 'two']),
  services: fc.subarray(['two default/a', 'two default/b', 'one default/a']),
  destinations: fc.subarray([
    '10.96.0.0/16',
    '10.97.0.0/16',
    '10.200.0.0/29',
    '10.200.0.1/32',
    '10.200.0.2/32',
  ]),
});

const start = fc.record({
  shown: fc.subarray(['a', 'b']),
  claimed: fc.subarray(['10.96.0.0/16', '10.97.0.0/16', '10.200.0.1/32', '10.200.0.5/32']),
  gateway: fc.constantFrom(build.VM, '192.168.39.9'),
  mode: fc.constantFrom('present' as const, 'absent' as const),
});

it('hold, for any units: never adds a step, changes nothing of them, and what is left can be carried out', () => {
  fc.assert(
    fc.property(units, start, (names, { shown, claimed, gateway, mode }) => {
      const { desired } = twoProfiles();
      const documents = claimed.map((destination) => ({
        destination,
        gateway,
        device: 'virbr1',
        metric: 109,
        protocol: 109,
      }));
      const services = ['a', 'b'].map((name, index) =>
        build.service(name, {
          ingress: shown.includes(name) ? [`10.200.0.${index + 1}`] : [],
          ingressManager: shown.includes(name) ? 'mkplan' : null,
        }),
      );
      const observed = build.observed({
        host: build.host(documents),
        registry: { claims: documents.map((one) => build.claim(one, { profile: 'two' })), open: null },
        profiles: [
          build.observedProfile({ name: 'one' }),
          build.observedProfile({ name: 'two', cluster: build.cluster({ services }) }),
        ],
      });
      const whole = plan({ ...desired, mode }, observed);
      const rest = hold(whole, held(names), observed.host);
      for (const step of rest.steps) {
        expect(whole.steps).toContain(step);
        expect(names.profiles).not.toContain(step.profile);
        if (step.kind === 'service') {
          expect(names.services).not.toContain(`${step.profile} ${serviceName(step)}`);
        } else {
          const route = step.after ?? step.before;
          expect(names.destinations).not.toContain(route && formatPrefix(route.destination));
        }
      }
      // Every change of every step that is left, and of no other.
      const steps = new Set(rest.waves.flat().map(({ step }) => step));
      expect(steps.size).toBe(
        rest.steps.filter(({ action }) => !['none', 'forget', 'adopt'].includes(action)).length,
      );
      replay(rest, observed);
      if (names.profiles.length === 2) expect(isEmpty(rest)).toBe(true);
    }),
    { numRuns: 300 },
  );
});
