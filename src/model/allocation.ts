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
  /**
   * No address twice. What is only remembered for Services that are gone comes first, the one that is gone longest before
   * the others; then the rest, by Service and address. An older mkplan writes all of them by Service.
   */
  readonly allocations: readonly Allocation[];
}

/** Order of a record: by Service, then by address as text. */
export function compareAllocations(a: Allocation, b: Allocation): number {
  if (a.service !== b.service) return a.service < b.service ? -1 : 1;
  return a.address === b.address ? 0 : a.address < b.address ? -1 : 1;
}

/** The line of an allocation in the record, its newline included. */
export function allocationLine({ address, service }: Allocation): string {
  return `${address} ${service}\n`;
}

/**
 * Bytes that the lines of a record may have. All values of a ConfigMap together may have 1,048,576 (k8s.io/api/core/v1,
 * MaxSecretSize); the rest is left to what others keep in it.
 */
export const MAX_RECORD_BYTES = 900 * 1024;

/** So many addresses are remembered for Services that are gone: each write of the record carries them. */
export const MAX_REMEMBERED = 4096;
