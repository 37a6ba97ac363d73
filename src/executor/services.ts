import { CALLS_AT_ONCE, type ServiceTarget } from '../kubernetes/cluster.ts';
import type { FormerStatus, ServiceEvent, ServiceStatus } from '../model/condition.ts';
import type { Diagnostic } from '../model/diagnostic.ts';
import { Failure, messageOf, UNANSWERED } from '../model/diagnostic.ts';
import { FIELD_MANAGER, type ObservedService } from '../model/observed.ts';
import type { Serving } from '../model/participant.ts';
import { type AllocationChange, type ServiceReport, type ServiceStep, serviceName } from '../model/plan.ts';
import type { ServiceChange } from './change.ts';
import { ingressRemains } from './residue.ts';

/** The Services of every profile's cluster, as far as undoing needs them. */
export interface StatusPort {
  /**
   * Makes this the whole of what is ours in the status; no addresses, or no condition, gives them up. Returns the new
   * resourceVersion. Throws a Failure: of kind `stale` or `conflict` where the API server refused, and nothing was
   * written.
   */
  applyStatus(profile: string, target: ServiceTarget, status: ServiceStatus): Promise<string>;
  /** The LoadBalancer Services of a profile as they are now; asked only when something was refused or has to be undone. */
  list(profile: string): Promise<readonly ObservedService[]>;
  /** Ends what is under way in a profile's cluster, and sends nothing that waits there; the next call connects anew. */
  giveUp(profile: string): void;
}

/** The same, as far as a transaction needs them. */
export interface ServicePort extends StatusPort {
  /** Throws a Failure when refused. */
  createEvent(profile: string, target: ServiceTarget, event: ServiceEvent): Promise<void>;
  /** Writes the record of allocations, by compare-and-swap. Throws a Failure of kind `stale` when it was changed meanwhile. */
  writeAllocations(change: AllocationChange): Promise<void>;
  /** Makes our Lease in the profile's cluster, or has it hold again, and say what we serve there. Throws a Failure. */
  join(profile: string, serves: readonly Serving[]): Promise<void>;
  /** Has our Lease say that we leave. Throws a Failure. */
  announceLeaving(profile: string): Promise<void>;
  /** Removes our Lease. Throws a Failure. */
  leave(profile: string): Promise<void>;
}

/** A change that may have been made, as far as it takes to undo it. */
export interface GivenStatus {
  readonly step: Pick<ServiceStep, 'profile' | 'namespace' | 'name' | 'uid'>;
  readonly previous: FormerStatus;
  readonly wanted: Pick<ServiceStatus, 'addresses'>;
}

/** A change that was tried; whether the API server made it is known for certain only where it answered. */
export interface TriedStatus extends ServiceChange {
  readonly previous: FormerStatus;
  readonly wanted: ServiceStatus;
}

/**
 * Does all of it. How much is under way is the client's to say: it is handed no more at a time than it ever lets
 * through, so that what is called off meanwhile has not been asked for.
 */
async function eachOf<T>(
  items: readonly T[],
  work: (item: T) => Promise<void>,
  atATime = CALLS_AT_ONCE,
): Promise<void> {
  const queue = items.values();
  const worker = async () => {
    for (const item of queue) await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(atATime, items.length) }, worker));
}

/** The same for each profile by itself: a cluster that is slow to answer holds no other one up. */
export async function eachByProfile<T>(
  items: readonly T[],
  profileOf: (item: T) => string,
  work: (item: T) => Promise<void>,
  atATime?: number,
): Promise<void> {
  const profiles = [...new Set(items.map(profileOf))];
  const ofProfile = (name: string) => items.filter((item) => profileOf(item) === name);
  await Promise.all(profiles.map((name) => eachOf(ofProfile(name), work, atATime)));
}

/** How a change that was tried ended. */
export interface StatusEnd {
  /** Why the Service does not show what was wanted; null when it does. */
  readonly thrown: unknown;
  /**
   * Whether it was made, or may have been. What was not is none of ours to take back, though the Service show what was
   * wanted: another mkplan gave it meanwhile.
   */
  readonly isMade: boolean;
}

/** Whether the API server refused for what became of the Service meanwhile, and wrote nothing. */
export function wasRefused(thrown: unknown): boolean {
  return thrown instanceof Failure && (thrown.kind === 'stale' || thrown.kind === 'conflict');
}

const unanswered: ReadonlySet<string> = new Set(UNANSWERED);

/** Whether a call ended without an answer, so that the server may have done it. */
export function wasUnanswered(thrown: unknown): boolean {
  return thrown instanceof Failure && thrown.diagnostics.some(({ code }) => unanswered.has(code));
}

/** Profiles whose API server was found not to answer: asking it again for each Service would take forever. */
export class Unreachable {
  readonly #profiles = new Set<string>();

  has(profile: string): boolean {
    return this.#profiles.has(profile);
  }

  /** Takes note of what a call ended with. */
  note(profile: string, thrown: unknown): void {
    if (wasUnanswered(thrown)) this.#profiles.add(profile);
  }
}

function same(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((address, index) => address === b[index]);
}

/** What a change makes of a Service's status. An address that passes on to another Service leaves nothing to say meanwhile. */
export function wantedOf({ step, change }: ServiceChange): ServiceStatus {
  if (change.op !== 'clear') {
    const { after, before, takenFrom } = step;
    const taken = takenFrom === undefined ? {} : { taken: { manager: takenFrom, addresses: before } };
    return { addresses: after, condition: step.condition.after, ...taken };
  }
  return { addresses: [], condition: step.action === 'delete' ? step.condition.after : null };
}

/** What a Service shows and is told before any change of a step. */
export function formerStatus({ before, condition, takenFrom }: ServiceStep): FormerStatus {
  if (takenFrom === undefined) return { addresses: before, condition: condition.before };
  const returned = { manager: takenFrom, addresses: before };
  return { addresses: [], condition: condition.before, returned };
}

/** Whether a Service shows what it did before, and what was taken from its owner is that one's again. */
function isAsBefore({ ingress, ingressManager }: ObservedService, previous: FormerStatus): boolean {
  const isTaken = previous.returned !== undefined && ingressManager === FIELD_MANAGER;
  return !isTaken && same(ingress, shownOf(previous));
}

/** What a Service shows that has this status, for any owner. */
function shownOf({ addresses, returned }: FormerStatus): readonly string[] {
  return returned?.addresses ?? addresses;
}

/**
 * Gives and takes addresses, with the conditions that tell of them, and remembers what was written, so that a failed
 * transaction can take it back. Nothing of this is journaled: the cluster itself holds it.
 */
export class StatusWriter {
  readonly #port: StatusPort;
  /** By UID: what our last write left. */
  readonly #written = new Map<string, FormerStatus & { readonly resourceVersion: string }>();

  constructor(port: StatusPort) {
    this.#port = port;
  }

  /**
   * Makes independent changes, several at a time. `onTry` hears of each before it is sent, `onEnd` of how it went.
   * A refused change is not needed where another program made it meanwhile. Once an API server does not answer, nothing
   * more is sent to it: returns the changes that were not tried for that.
   */
  async perform(
    changes: readonly ServiceChange[],
    onTry: (tried: TriedStatus) => void,
    onEnd: (tried: TriedStatus, end: StatusEnd) => void,
  ): Promise<readonly ServiceChange[]> {
    const refused = new Map<TriedStatus, unknown>();
    const unreachable = new Unreachable();
    const untried: ServiceChange[] = [];
    const perform = async (given: ServiceChange) => {
      const { step } = given;
      if (unreachable.has(step.profile)) {
        untried.push(given);
        return;
      }
      const last = this.#written.get(step.uid);
      const previous = last ?? formerStatus(step);
      const tried = { ...given, previous, wanted: wantedOf(given) };
      onTry(tried);
      try {
        await this.#write(step, last?.resourceVersion ?? step.resourceVersion, tried.wanted);
      } catch (thrown) {
        unreachable.note(step.profile, thrown);
        if (wasRefused(thrown)) refused.set(tried, thrown);
        else onEnd(tried, { thrown, isMade: true });
        return;
      }
      onEnd(tried, { thrown: null, isMade: true });
    };
    await eachByProfile(changes, ({ step }) => step.profile, perform);
    const shown = await this.#shown([...refused.keys()]);
    for (const [tried, thrown] of refused) {
      onEnd(tried, { thrown: shown.has(tried) ? null : thrown, isMade: false });
    }
    return untried;
  }

  /** Those of which the Service shows what was wanted, written by a mkplan. */
  async #shown(refused: readonly TriedStatus[]): Promise<ReadonlySet<TriedStatus>> {
    const shown = new Set<TriedStatus>();
    const look = async (profile: string) => {
      // Where they cannot be listed, what refused the change stands.
      const services = await this.#port.list(profile).catch(() => null);
      if (services === null) return;
      const byUid = new Map(services.map((service) => [service.uid, service]));
      for (const tried of refused.filter(({ step }) => step.profile === profile)) {
        const found = byUid.get(tried.step.uid);
        // One that is gone shows nothing, either.
        const ingress = found?.ingress ?? [];
        if (!same(ingress, tried.wanted.addresses)) continue;
        if (ingress.length === 0 || found?.ingressManager === FIELD_MANAGER) shown.add(tried);
      }
    };
    await Promise.all([...new Set(refused.map(({ step }) => step.profile))].map(look));
    return shown;
  }

  /** Writes a condition, beside the addresses that the Service has. Throws a Failure when refused. */
  async report(report: ServiceReport): Promise<void> {
    const status = { addresses: report.addresses, condition: report.condition.after };
    await this.#write(report, report.resourceVersion, status);
  }

  /** Whether the addresses of a step were certainly written, as they are to be. */
  hasWritten({ uid, after }: ServiceStep): boolean {
    const written = this.#written.get(uid);
    return written !== undefined && same(written.addresses, after);
  }

  /** The resourceVersion that our last write left; that of the plan where we wrote nothing. */
  versionOf({ uid, resourceVersion }: ServiceTarget): string {
    return this.#written.get(uid)?.resourceVersion ?? resourceVersion;
  }

  async #write(
    { profile, namespace, name, uid }: GivenStatus['step'],
    resourceVersion: string,
    status: ServiceStatus,
  ): Promise<void> {
    const target = { namespace, name, uid, resourceVersion };
    const written = await this.#port.applyStatus(profile, target, status);
    const { addresses, condition } = status;
    this.#written.set(uid, { resourceVersion: written, addresses, condition });
  }

  /** Takes back what was tried, judged by what the cluster shows now. Returns what could not be taken back. */
  async undo(tried: readonly GivenStatus[]): Promise<Diagnostic[]> {
    const left: Diagnostic[] = [];
    const undoIn = async (profile: string) => {
      const ofProfile = tried.filter(({ step }) => step.profile === profile);
      try {
        const services = await this.#port.list(profile);
        const byName = new Map(services.map((service) => [serviceName(service), service]));
        await eachOf(ofProfile, async (one) => {
          const problem = await this.#undoOne(one, byName.get(serviceName(one.step)));
          if (problem !== null) left.push(problem);
        });
      } catch (thrown) {
        // Not one of them can be judged, so each is named.
        left.push(
          ...ofProfile.map((one) => ingressRemains(one.step, shownOf(one.previous), messageOf(thrown))),
        );
      }
    };
    await Promise.all([...new Set(tried.map(({ step }) => step.profile))].map(undoIn));
    return left;
  }

  async #undoOne(tried: GivenStatus, found: ObservedService | undefined): Promise<Diagnostic | null> {
    const { step, previous, wanted } = tried;
    // Deleted, or another one by that name: what we gave is gone with it.
    if (found === undefined || found.uid !== step.uid || isAsBefore(found, previous)) return null;
    // What was taken from its owner may have been removed, and ours not given.
    const isHalfway = previous.returned !== undefined && found.ingress.length === 0;
    if (!isHalfway && !same(found.ingress, wanted.addresses)) {
      return ingressRemains(
        step,
        shownOf(previous),
        `It shows ${found.ingress.join(', ') || 'none'}, which mkplan did not give.`,
      );
    }
    try {
      await this.#write(step, found.resourceVersion, previous);
      return null;
    } catch (thrown) {
      return ingressRemains(step, shownOf(previous), messageOf(thrown));
    }
  }
}
