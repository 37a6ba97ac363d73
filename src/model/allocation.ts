/** An address that was given to a Service. */
export interface Allocation {
  /** Canonical text. */
  readonly address: string;
  /** `namespace/name`. It is remembered by name, so that a Service that is made anew gets its address back. */
  readonly service: string;
}

/**
 * The cluster's own record of allocations: it remembers, it is shared by everybody who allocates there, and it fences,
 * since it is only ever changed by compare-and-swap.
 */
export interface AllocationRecord {
  /** What a change of the record is compared with; null where there is no record yet. */
  readonly resourceVersion: string | null;
  /** Sorted by Service, then address; no address twice. */
  readonly allocations: readonly Allocation[];
}

/** Order of a record: by Service, then by address as text. */
export function compareAllocations(a: Allocation, b: Allocation): number {
  if (a.service !== b.service) return a.service < b.service ? -1 : 1;
  return a.address === b.address ? 0 : a.address < b.address ? -1 : 1;
}
