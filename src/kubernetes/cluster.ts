import type { Allocation, AllocationRecord } from '../model/allocation.ts';
import type { ObservedCluster, ObservedContext } from '../model/observed.ts';

/** A Service to write to; the API server refuses when uid or resourceVersion are others by then. */
export interface ServiceTarget {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
}

/** One cluster, as one kubeconfig context reaches it. Every call has a deadline. */
export interface Cluster {
  /** The context and the address that answered. Never throws for an unreachable server: `answeredAt` is null then. */
  context(): Promise<ObservedContext>;
  /** Throws a Failure that names the context when the cluster cannot be read. */
  observe(signal?: AbortSignal): Promise<ObservedCluster>;
  /**
   * Sets our ingress addresses by server-side apply on the status subresource, not forced; an empty list gives
   * the field up. Returns the new resourceVersion. Throws a Failure on a conflict.
   */
  setIngress(target: ServiceTarget, addresses: readonly string[]): Promise<string>;
  /**
   * Replaces the record of allocations, by compare-and-swap against `before`. Throws a Failure of kind `stale` when
   * somebody else changed it meanwhile.
   */
  writeAllocations(before: AllocationRecord, after: readonly Allocation[]): Promise<void>;
  close(): Promise<void>;
}
