import type { ServiceTarget } from '../kubernetes/cluster.ts';
import type { Diagnostic } from '../model/diagnostic.ts';
import { Failure, messageOf } from '../model/diagnostic.ts';
import { FIELD_MANAGER, type ObservedService } from '../model/observed.ts';
import { type AllocationChange, serviceName } from '../model/plan.ts';
import type { ServiceChange } from './change.ts';
import { ingressRemains } from './residue.ts';

/** The Services of every profile's cluster, as far as a transaction needs them. */
export interface ServicePort {
  /**
   * Sets our ingress addresses; an empty list gives them up. Returns the new resourceVersion. Throws a Failure: of kind
   * `stale` or `conflict` where the API server refused, and nothing was written.
   */
  setIngress(profile: string, target: ServiceTarget, addresses: readonly string[]): Promise<string>;
  /** Writes the record of allocations, by compare-and-swap. Throws a Failure of kind `stale` when it was changed meanwhile. */
  writeAllocations(change: AllocationChange): Promise<void>;
  /** The LoadBalancer Services of a profile as they are now; asked only when something was refused or has to be undone. */
  list(profile: string): Promise<readonly ObservedService[]>;
}

/** A change that was tried; whether the API server made it is known for certain only where it answered. */
export interface TriedIngress extends ServiceChange {
  readonly previous: readonly string[];
  readonly wanted: readonly string[];
}

/** As many as the API server's fairness grants one client without queueing; more gains nothing. */
const IN_FLIGHT = 16;

async function eachOf<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const queue = items.values();
  const worker = async () => {
    for (const item of queue) await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(IN_FLIGHT, items.length) }, worker));
}

/** How a change that was tried ended. */
export interface IngressEnd {
  /** Why the Service does not show what was wanted; null when it does. */
  readonly thrown: unknown;
  /**
   * Whether it was made, or may have been. What was not is none of ours to take back, though the Service show what was
   * wanted: another mkplan gave it meanwhile.
   */
  readonly isMade: boolean;
}

function wasRefused(thrown: unknown): boolean {
  return thrown instanceof Failure && (thrown.kind === 'stale' || thrown.kind === 'conflict');
}

function same(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((address, index) => address === b[index]);
}

/**
 * Gives and takes addresses, and remembers what was given, so that a failed transaction can take it back. Nothing of
 * this is journaled: the cluster itself holds it.
 */
export class IngressWriter {
  readonly #port: ServicePort;
  /** By UID: what our last write left. */
  readonly #written = new Map<string, { resourceVersion: string; addresses: readonly string[] }>();

  constructor(port: ServicePort) {
    this.#port = port;
  }

  /**
   * Makes independent changes, several at a time. `onTry` hears of each before it is sent, `onEnd` of how it went.
   * Refused changes that somebody else made meanwhile need not be made.
   */
  async perform(
    changes: readonly ServiceChange[],
    onTry: (tried: TriedIngress) => void,
    onEnd: (tried: TriedIngress, end: IngressEnd) => void,
  ): Promise<void> {
    const refused = new Map<TriedIngress, unknown>();
    await eachOf(changes, async (given) => {
      const { step, change } = given;
      const last = this.#written.get(step.uid);
      const wanted = change.op === 'clear' ? [] : step.after;
      const tried = { ...given, previous: last?.addresses ?? step.before, wanted };
      onTry(tried);
      try {
        await this.#write(given, last?.resourceVersion ?? step.resourceVersion, wanted);
      } catch (thrown) {
        if (wasRefused(thrown)) refused.set(tried, thrown);
        else onEnd(tried, { thrown, isMade: true });
        return;
      }
      onEnd(tried, { thrown: null, isMade: true });
    });
    const shown = await this.#shown([...refused.keys()]);
    for (const [tried, thrown] of refused) {
      onEnd(tried, { thrown: shown.has(tried) ? null : thrown, isMade: false });
    }
  }

  /** Those of which the Service shows what was wanted, written by a mkplan. */
  async #shown(refused: readonly TriedIngress[]): Promise<ReadonlySet<TriedIngress>> {
    const shown = new Set<TriedIngress>();
    for (const profile of new Set(refused.map(({ step }) => step.profile))) {
      // Where they cannot be listed, what refused the change stands.
      const services = await this.#port.list(profile).catch(() => []);
      const byUid = new Map(services.map((service) => [service.uid, service]));
      for (const tried of refused.filter(({ step }) => step.profile === profile)) {
        const found = byUid.get(tried.step.uid);
        if (found === undefined || !same(found.ingress, tried.wanted)) continue;
        if (found.ingress.length === 0 || found.ingressManager === FIELD_MANAGER) shown.add(tried);
      }
    }
    return shown;
  }

  async #write(
    { step }: ServiceChange,
    resourceVersion: string,
    addresses: readonly string[],
  ): Promise<void> {
    const { profile, namespace, name, uid } = step;
    const target = { namespace, name, uid, resourceVersion };
    this.#written.set(uid, {
      resourceVersion: await this.#port.setIngress(profile, target, addresses),
      addresses,
    });
  }

  /** Takes back what was tried, judged by what the cluster shows now. Returns what could not be taken back. */
  async undo(tried: readonly TriedIngress[]): Promise<Diagnostic[]> {
    const left: Diagnostic[] = [];
    for (const profile of new Set(tried.map(({ step }) => step.profile))) {
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
        left.push(...ofProfile.map((one) => ingressRemains(one.step, one.previous, messageOf(thrown))));
      }
    }
    return left;
  }

  async #undoOne(tried: TriedIngress, found: ObservedService | undefined): Promise<Diagnostic | null> {
    const { step, previous, wanted } = tried;
    // Deleted, or another one by that name: what we gave is gone with it.
    if (found === undefined || found.uid !== step.uid || same(found.ingress, previous)) return null;
    if (!same(found.ingress, wanted)) {
      return ingressRemains(
        step,
        previous,
        `It shows ${found.ingress.join(', ') || 'none'}, which mkplan did not give.`,
      );
    }
    try {
      await this.#write(tried, found.resourceVersion, previous);
      return null;
    } catch (thrown) {
      return ingressRemains(step, previous, messageOf(thrown));
    }
  }
}
