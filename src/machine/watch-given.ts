import type { Diagnostic } from '../model/diagnostic.ts';
import type { ObservedProfile, ObservedState } from '../model/observed.ts';
import { type Plan, type ServiceStep, serviceName } from '../model/plan.ts';
import { contains, parseAddress } from '../model/prefix.ts';

/** So many Services are named of those that keep an address. */
const MOST_NAMED = 10;

/**
 * What a session has told Services, by profile: the last plan that was carried out for it. Once a cluster is out of reach
 * no plan speaks of its Services any more, and they show their addresses all the same.
 */
export class Given {
  readonly #plans = new Map<string, Plan>();

  /** Notes a plan that was carried out, for the profiles that were not set aside in it. */
  note(plan: Plan, isAside: (profile: string) => boolean): void {
    for (const { name } of plan.profiles) if (!isAside(name)) this.#plans.set(name, plan);
  }

  /**
   * What Services of clusters that could not be observed show for good, now that the session has left; but for what an
   * `apply` of the same spec made to last.
   */
  left({ profiles, registry }: ObservedState): Diagnostic[] {
    return profiles.flatMap((profile) => {
      const plan = this.#plans.get(profile.name);
      if (plan === undefined || profile.cluster !== null) return [];
      const lasting = registry.claims.filter(
        ({ owner, purpose }) =>
          owner.spec === plan.spec && owner.mode === 'persistent' && purpose !== 'guard',
      );
      const stays = (text: string) => {
        const address = parseAddress(text);
        return address !== null && lasting.some(({ route }) => contains(route.destination, address));
      };
      const given = plan.steps.filter(
        (step): step is ServiceStep =>
          step.kind === 'service' && step.profile === profile.name && step.after.length > 0,
      );
      const left = given.filter(({ after }) => !after.some(stays));
      return left.length === 0 ? [] : [servicesLeft(profile, left)];
    });
  }
}

function servicesLeft({ name, problems }: ObservedProfile, services: readonly ServiceStep[]): Diagnostic {
  const named = services.slice(0, MOST_NAMED).map((step) => `${serviceName(step)} ${step.after.join(' ')}`);
  const more = services.length - named.length;
  const list = [...named, ...(more > 0 ? [`${more} more`] : [])].join(', ');
  return {
    code: 'services-left',
    severity: 'error',
    summary: `profile ${name}: its cluster is out of reach, where Services still show what this session gave them: ${list}`,
    cause: problems.length > 0 ? problems.join('; ') : 'nothing was observed of it',
    fix: 'no route leads to these addresses any more; clear them once the cluster answers',
    command: 'mkplan destroy',
  };
}
