import type { DesiredProfile } from '../../model/desired.ts';
import type { Diagnostic } from '../../model/diagnostic.ts';
import type { ObservedProfile, ObservedState } from '../../model/observed.ts';
import { type Plan, type ServiceStep, serviceName } from '../../model/plan.ts';
import { contains, parseAddress } from '../../model/prefix.ts';

/** So many Services are named of those that keep an address. */
const MOST_NAMED = 10;

/**
 * What Services show that a session gave them, by profile, as far as it knows. Once a cluster is out of reach no plan
 * speaks of its Services any more, and they show their addresses all the same.
 */
export class Given {
  /** Addresses by `namespace/name`, by profile. */
  readonly #shown = new Map<string, Map<string, readonly string[]>>();

  /** Notes what the Services of a plan show, but for those of profiles that are set aside in it. */
  saw(plan: Plan, isAside: (profile: string) => boolean): void {
    const before = new Map(this.#shown);
    for (const { name } of plan.profiles) if (!isAside(name)) this.#shown.set(name, new Map());
    // Of one that is set aside the plan has no step, and it shows what it showed.
    for (const service of plan.services) {
      const addresses = before.get(service.profile)?.get(serviceName(service));
      if (addresses !== undefined) this.#note(service, addresses);
    }
    for (const step of plan.steps) {
      if (step.kind === 'service' && !isAside(step.profile)) this.#note(step, step.before);
    }
  }

  /** Notes changes that were made. */
  told(steps: readonly ServiceStep[]): void {
    for (const step of steps) this.#note(step, step.after);
  }

  #note(service: Pick<ServiceStep, 'profile' | 'namespace' | 'name'>, addresses: readonly string[]): void {
    this.#shown.get(service.profile)?.set(serviceName(service), addresses);
  }

  /** A profile leads to another cluster now: what Services of its former one show for good; null for nothing. */
  moved({ name, context }: DesiredProfile): Diagnostic | null {
    const shown = [...(this.#shown.get(name) ?? [])].filter(([, addresses]) => addresses.length > 0);
    this.#shown.delete(name);
    if (shown.length === 0) return null;
    return {
      ...servicesLeft({ name, problems: [] }, shown),
      summary: `profile ${name}: it leads to another cluster now, and in that of context ${context} Services still show what this session gave them: ${listed(shown)}`,
      cause: 'The spec names another context for this profile than before.',
      fix: 'Name the former context again and run `mkplan destroy`, which clears them.',
    };
  }

  /**
   * What Services of clusters that could not be observed show for good, now that the session has left; but for what an
   * `apply` of the same spec made to last.
   */
  left({ profiles, registry }: ObservedState, spec: string): Diagnostic[] {
    const lasting = registry.claims.filter(
      ({ owner, purpose }) => owner.spec === spec && owner.mode === 'persistent' && purpose !== 'guard',
    );
    return profiles.flatMap((profile) => {
      if (profile.cluster !== null) return [];
      const stays = (text: string) => {
        const address = parseAddress(text);
        return address !== null && lasting.some(({ route }) => contains(route.destination, address));
      };
      const shown = [...(this.#shown.get(profile.name) ?? [])];
      const left = shown.filter(([, addresses]) => addresses.length > 0 && !addresses.some(stays));
      return left.length === 0 ? [] : [servicesLeft(profile, left)];
    });
  }
}

type Shown = readonly (readonly [service: string, addresses: readonly string[]])[];

function listed(services: Shown): string {
  const named = services
    .slice(0, MOST_NAMED)
    .map(([service, addresses]) => `${service} ${addresses.join(' ')}`);
  const more = services.length - named.length;
  return [...named, ...(more > 0 ? [`${more} more`] : [])].join(', ');
}

function servicesLeft(
  { name, problems }: Pick<ObservedProfile, 'name' | 'problems'>,
  services: Shown,
): Diagnostic {
  return {
    code: 'services-left',
    severity: 'error',
    summary: `profile ${name}: its cluster is out of reach, where Services still show what this session gave them: ${listed(services)}`,
    cause: problems.length > 0 ? problems.join('; ') : 'nothing was observed of it',
    fix: 'no route leads to these addresses any more; clear them once the cluster answers',
    command: 'mkplan destroy',
  };
}
