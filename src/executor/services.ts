import type { ServiceTarget } from '../kubernetes/cluster.ts';
import type { Diagnostic } from '../model/diagnostic.ts';
import { messageOf } from '../model/diagnostic.ts';
import type { ObservedService } from '../model/observed.ts';
import { type AllocationChange, serviceName } from '../model/plan.ts';
import type { ServiceChange } from './change.ts';
import { ingressRemains } from './residue.ts';

/** The Services of every profile's cluster, as far as a transaction needs them. */
export interface ServicePort {
  /** Sets our ingress addresses; an empty list gives them up. Returns the new resourceVersion. Throws a Failure when refused. */
  setIngress(profile: string, target: ServiceTarget, addresses: readonly string[]): Promise<string>;
  /** Writes the record of allocations, by compare-and-swap. Throws a Failure of kind `stale` when it was changed meanwhile. */
  writeAllocations(change: AllocationChange): Promise<void>;
  /** The LoadBalancer Services of a profile as they are now; asked only when something has to be undone. */
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
   * Makes independent changes, several at a time. `onTry` hears of each before it is sent, `onEnd` of how it went:
   * null, or what was thrown.
   */
  async perform(
    changes: readonly ServiceChange[],
    onTry: (tried: TriedIngress) => void,
    onEnd: (change: ServiceChange, thrown: unknown) => void,
  ): Promise<void> {
    await eachOf(changes, async (given) => {
      const { step, change } = given;
      const last = this.#written.get(step.uid);
      const wanted = change.op === 'clear' ? [] : step.after;
      onTry({ ...given, previous: last?.addresses ?? step.before, wanted });
      try {
        await this.#write(given, last?.resourceVersion ?? step.resourceVersion, wanted);
        onEnd(given, null);
      } catch (thrown) {
        onEnd(given, thrown);
      }
    });
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
