import { type Allocation, allocationLine, MAX_RECORD_BYTES, MAX_REMEMBERED } from '../../model/allocation.ts';

/** Bytes of the lines of these allocations in the record. */
export function lineBytes(allocations: readonly Allocation[]): number {
  return allocations.reduce((sum, one) => sum + Buffer.byteLength(allocationLine(one)), 0);
}

/**
 * What is still remembered, beside what is held: the newest, as many as there is room for. `remembered` has the
 * oldest first, as the record has it.
 */
export function boundedRemembered(
  remembered: readonly Allocation[],
  held: readonly Allocation[],
): readonly Allocation[] {
  let room = MAX_RECORD_BYTES - lineBytes(held);
  let first = remembered.length;
  for (const one of remembered.slice(-MAX_REMEMBERED).toReversed()) {
    room -= lineBytes([one]);
    if (room < 0) break;
    first -= 1;
  }
  return remembered.slice(first);
}
