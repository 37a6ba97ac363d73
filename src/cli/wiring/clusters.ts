import type { Cluster } from '../../kubernetes/cluster.ts';
import type { FoundCluster } from '../../kubernetes/connect.ts';
import type { ProfileContext } from '../../model/desired.ts';

interface Entry {
  open: { readonly identity: string; readonly cluster: Cluster } | null;
  /** Looking it up, for all who ask meanwhile. */
  pending: Promise<Cluster> | null;
  isDoubted: boolean;
}

/** Finds what the kubeconfig has for a profile. Throws a Failure. */
export type FindCluster = (profile: ProfileContext) => Promise<FoundCluster>;

/** One client a context, made when it is first needed, and anew once the kubeconfig leads elsewhere. */
export class Clusters {
  readonly #find: FindCluster;
  readonly #entries = new Map<string, Entry>();

  constructor(find: FindCluster) {
    this.#find = find;
  }

  /** The client of a profile's cluster. Throws a Failure where its context cannot be used, each time until it can. */
  of(profile: ProfileContext): Promise<Cluster> {
    const entry = this.#entryOf(profile);
    const isSettled = entry.pending === null && !entry.isDoubted;
    if (entry.open !== null && isSettled) return Promise.resolve(entry.open.cluster);
    entry.pending ??= this.#look(entry, profile).finally(() => {
      entry.pending = null;
    });
    return entry.pending;
  }

  /** The kubeconfig may be another one by now: it is read again before a client is given to anybody. */
  doubt(): void {
    for (const entry of this.#entries.values()) entry.isDoubted = true;
  }

  /** Connections may be dead without a word: every client is made anew when it is next asked for. What is under way fails. */
  async renew(): Promise<void> {
    const old = [...this.#entries.values()].map((entry) => {
      const { open } = entry;
      entry.open = null;
      return open?.cluster.close();
    });
    await Promise.all(old);
  }

  /** Ends what is under way in a profile's cluster, and what waits there; its client is made anew when it is next asked for. */
  giveUp(profile: ProfileContext): void {
    const entry = this.#entryOf(profile);
    const { open } = entry;
    entry.open = null;
    // A client ends its calls at once; it never rejects.
    void open?.cluster.close();
  }

  async close(): Promise<void> {
    for (const entry of this.#entries.values()) {
      // What could not be looked up was told to whoever asked.
      await entry.pending?.catch(() => undefined);
      await entry.open?.cluster.close();
    }
  }

  #entryOf({ context, name }: ProfileContext): Entry {
    const key = `${context}\n${name}`;
    const known = this.#entries.get(key);
    if (known !== undefined) return known;
    const entry: Entry = { open: null, pending: null, isDoubted: false };
    this.#entries.set(key, entry);
    return entry;
  }

  async #look(entry: Entry, profile: ProfileContext): Promise<Cluster> {
    // What is doubted meanwhile is looked up once more.
    entry.isDoubted = false;
    try {
      const { identity, connect } = await this.#find(profile);
      if (entry.open?.identity === identity) {
        // `minikube start` writes it once its VM is back.
        entry.open.cluster.retry();
        return entry.open.cluster;
      }
      const cluster = await connect();
      const old = entry.open;
      entry.open = { identity, cluster };
      await old?.cluster.close();
      return cluster;
    } catch (thrown) {
      entry.isDoubted = true;
      throw thrown;
    }
  }
}
