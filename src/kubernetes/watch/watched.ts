import type { V1ConfigMap, V1EndpointSlice, V1Node, V1Service } from '@kubernetes/client-node';
import type { AllocationRecord } from '../../model/allocation.ts';
import type { ObservedCluster, ObservedNode, ObservedService } from '../../model/observed.ts';
import { NO_RECORD, RECORD_KEY, RECORDS, readAllocations, recordOf } from '../allocations.ts';
import { abortable } from '../client/abortable.ts';
import { RefusedCall } from '../client/api-errors.ts';
import type { ApiClient } from '../client/http.ts';
import { Spacing } from '../client/patience.ts';
import { compareNames, type Wire } from '../client/wire.ts';
import type { ServiceTarget } from '../cluster.ts';
import { readSlowFacts, type SlowFacts } from '../facts.ts';
import { NODES, observedNode, sortNodes } from '../nodes.ts';
import { MissingRights } from '../rights.ts';
import {
  countEndpoints,
  ENDPOINT_SLICES,
  relevantService,
  SERVICES,
  type SliceEndpoints,
  sliceEndpoints,
} from '../services.ts';
import type { WatchPace } from './pace.ts';
import { Reflector, type Source } from './reflector.ts';

/** What a watched cluster is made of. */
export interface WatchedOptions {
  readonly api: ApiClient;
  readonly pace: WatchPace;
  /** Asks for the version anew. */
  readonly readVersion: () => Promise<string>;
  /** See `Cluster.watch`. */
  readonly onChange: () => void;
}

/** Alike but for what each write changes. */
function isSameButVersion<V extends { readonly resourceVersion: string | null }>(a: V, b: V): boolean {
  return isSame({ ...a, resourceVersion: null }, { ...b, resourceVersion: null });
}

/** Values of plain data that were made by the same function, so their keys come in the same order. */
function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

const nothing = async <V>(): Promise<ReadonlyMap<string, V>> => new Map();

const services: Source<Wire<V1Service>, ObservedService> = {
  ...SERVICES,
  isOptional: false,
  listRight: 'list services',
  watchRight: 'watch services',
  take: relevantService,
  isSame: isSameButVersion,
  isShown: () => true,
  withoutList: nothing,
};

const nodes: Source<Wire<V1Node>, ObservedNode> = {
  ...NODES,
  isOptional: false,
  listRight: 'list nodes',
  watchRight: 'watch nodes',
  take: observedNode,
  isSame,
  isShown: () => true,
  withoutList: nothing,
};

/** Slices count where their Service is observed. */
function slicesOf(
  shown: Reflector<Wire<V1Service>, ObservedService>,
): Source<Wire<V1EndpointSlice>, SliceEndpoints> {
  return {
    ...ENDPOINT_SLICES,
    isOptional: true,
    listRight: 'list endpointslices',
    watchRight: 'watch endpointslices',
    take: sliceEndpoints,
    isSame,
    isShown: ({ service }) => shown.values.has(service),
    withoutList: nothing,
  };
}

/** Its one object may be read by name where it may not be listed. */
function recordsOf(api: ApiClient): Source<Wire<V1ConfigMap>, AllocationRecord> {
  return {
    ...RECORDS,
    isOptional: false,
    listRight: 'list configmaps kube-system/mkplan-allocations',
    watchRight: 'watch configmaps kube-system/mkplan-allocations',
    take: recordOf,
    isSame: isSameButVersion,
    isShown: () => true,
    async withoutList(rights, signal) {
      const record = await readAllocations(api, rights, signal);
      return record === null || record.resourceVersion === null ? new Map() : new Map([[RECORD_KEY, record]]);
    },
  };
}

/** What changes seldom, when it was asked for, and for which state of what is watched. */
interface Slow {
  readonly key: string;
  readonly at: number;
  readonly facts: Promise<SlowFacts & Pick<ObservedCluster, 'version' | 'missingRights'>>;
}

/** Everything of a cluster but who else is in it. */
export type WatchedState = Omit<ObservedCluster, 'participants'>;

/** A cluster that is kept in memory: what can be watched is, and the rest is read again now and then. */
export class WatchedCluster {
  readonly #services: Reflector<Wire<V1Service>, ObservedService>;
  readonly #records: Reflector<Wire<V1ConfigMap>, AllocationRecord>;
  readonly #nodes: Reflector<Wire<V1Node>, ObservedNode>;
  readonly #slices: Reflector<Wire<V1EndpointSlice>, SliceEndpoints>;
  readonly #options: WatchedOptions;
  readonly #stopping = new AbortController();
  #telling: NodeJS.Immediate | null = null;
  #slow: Slow | null = null;
  #last: { readonly key: string; readonly slow: unknown; readonly observed: WatchedState } | null = null;

  /** Begins at once. */
  constructor(options: WatchedOptions) {
    this.#options = options;
    const { api, pace } = options;
    const spacing = new Spacing(pace.pageMs);
    const shared = { api, pace, spacing, signal: this.#stopping.signal, onChange: () => this.#tell() };
    this.#services = new Reflector(services, shared);
    this.#records = new Reflector(recordsOf(api), shared);
    this.#nodes = new Reflector(nodes, shared);
    this.#slices = new Reflector(slicesOf(this.#services), shared);
    // What these reject with is a fault of ours, and ends the process as any unhandled rejection does.
    for (const one of this.#all()) void one.run();
  }

  get isLive(): boolean {
    return !this.#stopping.signal.aborted && this.#all().every((one) => one.isLive);
  }

  /** See `Cluster.retry`. */
  retry(): void {
    for (const one of this.#all()) one.retry();
  }

  stop(): void {
    this.#stopping.abort(new Error('the watch was stopped'));
    if (this.#telling !== null) clearImmediate(this.#telling);
  }

  /** From memory, once everything is there; the same value as long as that has not changed. Throws a Failure when the cluster cannot be reached. */
  async observe(signal?: AbortSignal): Promise<WatchedState> {
    const all = this.#all();
    await abortable(Promise.all(all.map((one) => one.ready())), signal);
    const slow = await abortable(this.#readSlowly(), signal);
    // Memory is read in one turn of the event loop, so that its parts belong together.
    const key = all
      .map(({ revision, isServed, missingRights }) => `${revision} ${isServed} ${missingRights.join()}`)
      .join(';');
    if (this.#last === null || this.#last.key !== key || this.#last.slow !== slow) {
      this.#last = { key, slow, observed: this.#assemble(slow) };
    }
    return this.#last.observed;
  }

  #assemble(slow: Awaited<Slow['facts']>): WatchedState {
    const all = this.#all();
    const observed = [...this.#services.values.values()].sort(compareNames);
    // Endpoints are of Services: where there are none, nothing is asked for.
    const asked = all.filter((one) => one !== this.#slices || observed.length > 0);
    const missing = new MissingRights();
    for (const right of [slow, ...asked].flatMap((one) => one.missingRights)) missing.add(right);
    return {
      version: slow.version,
      identity: slow.identity,
      nodes: sortNodes(this.#nodes.values.values()),
      serviceCidrs: slow.serviceCidrs,
      kubeadm: slow.kubeadm,
      ...(slow.podBlocks === undefined ? {} : { podBlocks: slow.podBlocks }),
      ...(slow.strange === undefined ? {} : { strange: slow.strange }),
      otherLoadBalancers: slow.otherLoadBalancers,
      services: observed,
      endpoints: this.#endpoints(observed),
      allocations: this.#record(),
      strayPods: slow.strayPods,
      missingRights: missing.list(),
    };
  }

  #endpoints(observed: readonly ObservedService[]): ObservedCluster['endpoints'] {
    if (!this.#slices.isServed) return null;
    const isForbidden = this.#slices.missingRights.includes('list endpointslices');
    return isForbidden ? [] : countEndpoints(this.#slices.values.values(), observed);
  }

  /** Runs a write to one Service, and takes its answer into memory. */
  async writeService(target: ServiceTarget, write: () => Promise<Wire<V1Service>>): Promise<Wire<V1Service>> {
    const { namespace, name, resourceVersion } = target;
    const told = (service: Wire<V1Service>) => ({
      version: service.metadata?.resourceVersion ?? '',
      value: relevantService(service),
    });
    return await this.#writing(this.#services.write(`${namespace}/${name}`, resourceVersion, write, told));
  }

  /** Runs a write of the record, and takes its answer into memory. */
  async writeRecord(before: AllocationRecord, write: () => Promise<AllocationRecord>): Promise<void> {
    const told = (value: AllocationRecord) => ({ version: value.resourceVersion ?? '', value });
    await this.#writing(this.#records.write(RECORD_KEY, before.resourceVersion, write, told));
  }

  /** Where a write is forbidden after all, rights are asked for again. */
  async #writing<R>(work: Promise<R>): Promise<R> {
    try {
      return await work;
    } catch (error) {
      if (error instanceof RefusedCall && error.isForbidden) this.#slow = null;
      throw error;
    }
  }

  #all(): Reflector<never, unknown>[] {
    return [this.#services, this.#nodes, this.#slices, this.#records];
  }

  /** Null where it may not be read. */
  #record(): AllocationRecord | null {
    if (this.#records.missingRights.includes('get configmaps kube-system/mkplan-allocations')) return null;
    return this.#records.values.get(RECORD_KEY) ?? NO_RECORD;
  }

  /** Read anew when it is old, after the server was lost, and when another right to write is the one that counts. */
  #readSlowly(): Slow['facts'] {
    const { pace } = this.#options;
    const record = this.#record();
    const recoveries = this.#all().map((one) => one.recoveries);
    const key = [...recoveries, record === null, record?.resourceVersion === null].join();
    const known = this.#slow;
    if (known !== null && known.key === key && pace.now() - known.at < pace.slowMs) return known.facts;
    const slow = { key, at: pace.now(), facts: this.#askSlowly(record) };
    this.#slow = slow;
    // Asked again by the next observation.
    slow.facts.catch(() => {
      if (this.#slow === slow) this.#slow = null;
    });
    return slow.facts;
  }

  async #askSlowly(record: AllocationRecord | null): Promise<Awaited<Slow['facts']>> {
    const { api, readVersion } = this.#options;
    // First and alone, as without a watch: an unreachable server costs one attempt.
    const version = await readVersion();
    const rights = new MissingRights();
    const known = Promise.resolve([...this.#nodes.values.values()]);
    const facts = await readSlowFacts(api, known, Promise.resolve(record), rights);
    return { ...facts, version, missingRights: rights.list() };
  }

  #tell(): void {
    this.#telling ??= setImmediate(() => {
      this.#telling = null;
      this.#options.onChange();
    });
  }
}
