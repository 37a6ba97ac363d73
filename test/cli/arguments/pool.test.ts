import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { freePool } from '../../../src/cli/arguments/pool.ts';
import { formatPrefix, overlaps, truncate } from '../../../src/model/prefix.ts';
import { prefix } from '../plans.ts';

function poolBeside(...used: readonly string[]): string | null {
  const pool = freePool(used.map(prefix));
  return pool === null ? null : formatPrefix(pool);
}

describe('freePool', () => {
  it('is the same on every host where nothing is in its way', () => {
    expect(poolBeside('192.168.1.0/24')).toBe('10.200.0.0/24');
  });

  it('steps aside for what holds it, what is in it, and what it is', () => {
    expect(poolBeside('10.200.0.0/16')).toBe('10.201.0.0/24');
    expect(poolBeside('10.200.0.7/32')).toBe('10.201.0.0/24');
    expect(poolBeside('10.200.0.0/24')).toBe('10.201.0.0/24');
  });

  it('leaves 10.0.0.0/8 to a VPN that has it', () => {
    expect(poolBeside('10.0.0.0/8')).toBe('172.28.255.0/24');
    expect(poolBeside('10.0.0.0/8', '172.16.0.0/12')).toBe('192.168.200.0/24');
  });

  it('does not mind default routes, their halves and IPv6', () => {
    expect(poolBeside('0.0.0.0/0', '0.0.0.0/1', '128.0.0.0/1', '::/0', 'fd00::/8')).toBe('10.200.0.0/24');
  });

  it('is null where every private range is taken', () => {
    expect(poolBeside('10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16')).toBeNull();
  });

  it('never overlaps a network in use', () => {
    const network = fc
      .tuple(fc.nat(0xffff_ffff), fc.integer({ min: 2, max: 32 }))
      .map(([start, length]) => truncate({ family: 4, start, length: 32 }, length));
    fc.assert(
      fc.property(fc.array(network, { maxLength: 40 }), (used) => {
        const pool = freePool(used);
        expect(used.some((one) => pool !== null && overlaps(one, pool))).toBe(false);
      }),
    );
  });
});
