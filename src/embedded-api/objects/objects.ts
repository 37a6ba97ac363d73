import type { Location, Resource } from '../resources.ts';
import { History, type StoreEvent } from './history.ts';
import type { KubeObject } from './json.ts';
import { notFound } from './status-error.ts';

function keyOf(namespace: string, name: string): string {
  return `${namespace}/${name}`;
}

/**
 * All objects, in memory, with their history: what etcd is to a kube-apiserver. Values that it hands out are shared
 * and never change.
 */
export class Objects {
  readonly #objects = new Map<Resource, Map<string, KubeObject>>();
  readonly #history: History;
  readonly #listeners = new Set<(event: StoreEvent) => void>();
  #revision = 1;

  /** `historyLimit` is how many changes a watch can resume over, at least. */
  constructor(historyLimit: number) {
    this.#history = new History(historyLimit);
  }

  /** The resourceVersion of the last change. */
  get revision(): number {
    return this.#revision;
  }

  /** Calls back on each change, in order, before the write that made it returns. Returns what ends that. */
  subscribe(listener: (event: StoreEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Changes after a revision. Throws a StatusError 410 when they are compacted away. */
  since(revision: number): readonly StoreEvent[] {
    return this.#history.since(revision);
  }

  /** Forgets the history up to and with a revision, as etcd does every five minutes. */
  compact(revision: number): void {
    this.#history.compact(revision);
  }

  /** The object, or undefined. */
  find(at: Location): KubeObject | undefined {
    return this.#objects.get(at.resource)?.get(keyOf(at.namespace, at.name));
  }

  /** The object. Throws a StatusError 404. */
  get(at: Location): KubeObject {
    const found = this.find(at);
    if (found === undefined) throw notFound(at.resource, at.name);
    return found;
  }

  /**
   * Objects of one namespace (empty: of all), by namespace and name, as they were at a revision.
   * Throws a StatusError 410 when that revision is compacted away.
   */
  list(resource: Resource, namespace = '', revision = this.#revision): KubeObject[] {
    const objects = new Map(this.#objects.get(resource));
    if (revision < this.#revision) {
      for (const event of [...this.#history.since(revision)].reverse()) {
        if (event.resource !== resource) continue;
        const key = keyOf(event.object.metadata.namespace ?? '', event.object.metadata.name);
        if (event.previous === null) objects.delete(key);
        else objects.set(key, event.previous);
      }
    }
    return [...objects]
      .filter(([, object]) => namespace === '' || object.metadata.namespace === namespace)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([, object]) => object);
  }

  /** The kinds that there are objects of, or were. */
  protected kinds(): Iterable<Resource> {
    return this.#objects.keys();
  }

  /** Makes one change: gives the object its resourceVersion, keeps or removes it, and tells the listeners. */
  protected commit(
    type: StoreEvent['type'],
    at: Location,
    object: KubeObject,
    previous: KubeObject | null,
  ): KubeObject {
    this.#revision++;
    const metadata = { ...object.metadata, resourceVersion: String(this.#revision) };
    const stored: KubeObject = { ...object, metadata };
    const objects = this.#objects.get(at.resource) ?? new Map<string, KubeObject>();
    this.#objects.set(at.resource, objects);
    if (type === 'DELETED') objects.delete(keyOf(at.namespace, at.name));
    else objects.set(keyOf(at.namespace, at.name), stored);
    const event = { revision: this.#revision, type, resource: at.resource, object: stored, previous };
    this.#history.push(event);
    for (const listener of [...this.#listeners]) listener(event);
    return stored;
  }
}
