import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parsePrefix } from '../../../src/model/prefix.ts';
import { readDestination } from '../../../src/platform/linux/read-prefix.ts';

const nearlyIpv4 = fc
  .array(fc.constantFrom('0', '1', '9', '10', '255', '256', '01', '.', '.', '/', '-', ' ', ':', ''), {
    maxLength: 12,
  })
  .map((parts) => parts.join(''));

const ipv4 = fc
  .tuple(fc.ipV4(), fc.option(fc.nat({ max: 33 })))
  .map(([address, length]) => (length === null ? address : `${address}/${length}`));

test('the quick reader takes and refuses exactly what the general one does', () => {
  fc.assert(
    fc.property(fc.oneof(nearlyIpv4, ipv4, fc.ipV6(), fc.string()), (text) => {
      const general = parsePrefix(text);
      expect(readDestination(text, 4)).toEqual(general?.family === 4 ? general : null);
      expect(readDestination(text, 6)).toEqual(general?.family === 6 ? general : null);
    }),
    { numRuns: 2000 },
  );
});
