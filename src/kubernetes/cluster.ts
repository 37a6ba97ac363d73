import type { Allocation, AllocationRecord } from '../model/allocation.ts';
import type { Owner } from '../model/claim.ts';
import type { ServiceEvent, ServiceStatus } from '../model/condition.ts';
import type { ObservedCluster, ObservedContext } from '../model/observed.ts';
import type { Participant, Serving } from '../model/participant.ts';

/**
 * Calls that one cluster is asked at most at a time, watches not counted; its client makes those beyond wait.
 */
export const CALLS_AT_ONCE = 8;

/** A Service to write to; the API server refuses when uid or resourceVersion are others by then. */
export interface ServiceTarget {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
}

/** Who joins a cluster, until when (a session has to renew that), and what it serves there. */
export interface Joining extends Participant {
  readonly mode: Owner['mode'];
  readonly serves: readonly Serving[];
}

/** A watch of one cluster. */
export interface ClusterWatch {
  /**
   * Whether changes are told as they happen: every watched list is known, and its stream, or the first attempt to go on
   * with it, is well. A list that may not be watched is read again every half minute, and counts as well.
   */
  readonly isLive: boolean;
  /** Nothing is told any more, and observations are read from the server again. */
  stop(): void;
}

/** One cluster, as one kubeconfig context reaches it. Every call has a deadline. */
export interface Cluster {
  /** The context and the address that answered. Never throws for an unreachable server: `answeredAt` is null then, and once the signal fires. */
  context(signal?: AbortSignal): Promise<ObservedContext>;
  /**
   * Obtains credentials. A program that makes them may take half a minute, which does not count as the cluster's time.
   * Throws a Failure when it cannot.
   */
  authenticate(signal?: AbortSignal): Promise<void>;
  /**
   * `self` is the name of our own Lease. Throws a Failure that names the context when the cluster cannot be read. While it
   * is watched, the answer comes from memory, and the Failure is what became of the last attempt to reach the server.
   */
  observe(signal?: AbortSignal, self?: string): Promise<ObservedCluster>;
  /**
   * Makes this the whole of what we own of a Service's status, by server-side apply on that subresource, not forced: no
   * addresses, or no condition, gives them up. Returns the new resourceVersion. Throws a Failure on a conflict.
   */
  applyStatus(target: ServiceTarget, status: ServiceStatus): Promise<string>;
  /** Writes an Event about a Service into its namespace. Throws a Failure when refused. */
  createEvent(target: ServiceTarget, event: ServiceEvent): Promise<void>;
  /**
   * Replaces the record of allocations, by compare-and-swap against `before`. Throws a Failure of kind `stale` when
   * somebody else changed it meanwhile.
   */
  writeAllocations(before: AllocationRecord, after: readonly Allocation[]): Promise<void>;
  /**
   * Makes our Lease, or renews it, and takes back that we leave. One of a session holds 40 seconds, so that it has to
   * be renewed every 10 by calling this again; a persistent one holds until it is removed, and stays so. Throws a Failure.
   */
  join(self: Joining): Promise<void>;
  /** Has our Lease, made where there is none, say that we leave. Throws a Failure. */
  announceLeaving(self: Participant): Promise<void>;
  /** Removes our Lease; nothing where there is none. Throws a Failure. */
  leave(name: string): Promise<void>;
  /**
   * Keeps Services, their endpoints, Nodes and the record of allocations in memory from now on, and what cannot be watched
   * for some minutes. `onChange` is a hint, at most one a turn of the event loop, that an observation would show something
   * else than before, or that the server was lost or is back; there is none for what is known at first, and none for
   * what was written through this Cluster. What it throws is not caught. Throws an Error when the cluster is watched already.
   */
  watch(onChange: () => void): ClusterWatch;
  /** Asks a watched server that was lost again now, whatever pause was left: there is a hint that it is back. */
  retry(): void;
  /** Ends a watch, too. */
  close(): Promise<void>;
}
