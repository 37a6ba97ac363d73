import type { DesiredProfile } from '../../model/desired.ts';
import type { Diagnostic } from '../../model/diagnostic.ts';
import { type ObservedProfile, type ObservedState, unobservedOf } from '../../model/observed.ts';
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

  /** UID of the cluster's namespace kube-system, by profile, where it may be read. */
  readonly #clusters = new Map<string, string>();

  /**
   * Notes what the Services of a plan show, but for those of profiles that are set aside in it. Returns what Services of
   * clusters show for good that profiles led to until now: it was approved that others take their place.
   */
  saw(plan: Plan, isAside: (profile: string) => boolean): Diagnostic[] {
    const replaced = plan.approvals.filter(({ kind, profile }) => kind === 'identity' && !isAside(profile));
    const left = replaced.flatMap(({ profile, subject }) => this.#replaced(profile, subject) ?? []);
    for (const { profile, uid } of plan.clusters) if (!isAside(profile)) this.#clusters.set(profile, uid);
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
    return left;
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
    const shown = this.#forget(name);
    return shown.length === 0
      ? null
      : servicesLeft({
          summary: `profile ${name}: it leads to another cluster now, and in that of context ${context} ${stillShow(shown)}`,
          cause: 'The spec names another context for this profile than before.',
          fix: 'Name the former context again and run `mkplan destroy`, which clears them.',
        });
  }

  /** The cluster with this UID answers for a profile: what Services of the one before show for good; null for nothing. */
  #replaced(name: string, uid: string): Diagnostic | null {
    const former = this.#clusters.get(name);
    if (former === undefined || former === uid) return null;
    const shown = this.#forget(name);
    return shown.length === 0 ? null : anotherAnswers(name, shown, { former, uid });
  }

  /** What the Services of a profile show, which is not asked for again. */
  #forget(profile: string): Shown {
    const shown = this.#shown.get(profile);
    this.#shown.delete(profile);
    return [...(shown ?? [])].filter(([, addresses]) => addresses.length > 0);
  }

  /**
   * What Services of clusters that could not be observed, or that others answer for, show for good, now that the session has
   * left; but for what an `apply` of the same spec made to last. `dropped`: the profiles that the spec does not name any more.
   */
  left({ profiles, registry }: ObservedState, spec: string, dropped: ReadonlySet<string>): Diagnostic[] {
    const lasting = registry.claims.filter(
      ({ owner, purpose }) => owner.spec === spec && owner.mode === 'persistent' && purpose !== 'guard',
    );
    return profiles.flatMap((profile) => {
      const former = this.#clusters.get(profile.name);
      const uid = profile.cluster?.identity?.uid ?? former;
      if (profile.cluster !== null && uid === former) return [];
      const stays = (text: string) => {
        const address = parseAddress(text);
        return address !== null && lasting.some(({ route }) => contains(route.destination, address));
      };
      const shown = [...(this.#shown.get(profile.name) ?? [])];
      const left = shown.filter(([, addresses]) => addresses.length > 0 && !addresses.some(stays));
      if (left.length === 0) return [];
      if (profile.cluster === null) return [unreached(profile, left, dropped.has(profile.name))];
      return [anotherAnswers(profile.name, left, { former, uid })];
    });
  }
}

type Shown = readonly (readonly [service: string, addresses: readonly string[]])[];

function stillShow(services: Shown): string {
  const named = services
    .slice(0, MOST_NAMED)
    .map(([service, addresses]) => `${service} ${addresses.join(' ')}`);
  const more = services.length - named.length;
  const listed = [...named, ...(more > 0 ? [`${more} more`] : [])].join(', ');
  return `Services still show what this session gave them: ${listed}`;
}

function servicesLeft(told: Pick<Diagnostic, 'summary' | 'cause' | 'fix' | 'command'>): Diagnostic {
  return { code: 'services-left', severity: 'error', ...told };
}

function unreached(profile: ObservedProfile, services: Shown, isDropped: boolean): Diagnostic {
  const { name } = profile;
  const causes = unobservedOf(profile);
  const told = {
    summary: `profile ${name}: its cluster is out of reach, where ${stillShow(services)}`,
    cause: causes.length > 0 ? causes.join('; ') : 'nothing was observed of it',
  };
  // `mkplan destroy` asks the clusters of the profiles that the spec names, and no other.
  if (isDropped)
    return servicesLeft({
      ...told,
      fix: `The spec does not name profile ${name} any more. Put it back, and run \`mkplan destroy\` once its cluster answers, which clears them.`,
    });
  const fix = 'no route leads to these addresses any more; clear them once the cluster answers';
  return servicesLeft({ ...told, fix, command: 'mkplan destroy' });
}

function anotherAnswers(
  name: string,
  services: Shown,
  { former, uid }: { readonly former: string | undefined; readonly uid: string | undefined },
): Diagnostic {
  return servicesLeft({
    summary: `profile ${name}: another cluster answers now, and in the former one ${stillShow(services)}`,
    cause: `The cluster with kube-system ${uid} answers; this session gave these addresses in that with ${former}.`,
    fix: 'Have the context of this profile lead to the former cluster again and run `mkplan destroy`, which clears them.',
  });
}
