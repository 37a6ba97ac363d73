import { describe, expect, it } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import { SUPPORTED, whyUnsupported } from '../../src/platform/supported-node.ts';

const OLD = 'mkplan needs Node 20.19 or later';
const BETWEEN = 'mkplan needs Node 20 from 20.19, Node 22 from 22.12, or Node 24 or later';

describe('a Node that mkplan', () => {
  it.each([
    '20.19.0',
    '20.19.1',
    '20.20.2',
    '22.12.0',
    '22.23.5',
    '24.0.0',
    '24.22.3',
    '25.1.0',
    '26.12.1',
    '100.0.0',
  ])('supports is taken: %s', (version) => {
    expect(whyUnsupported(version)).toBeNull();
  });

  it.each(['0.12.18', '8.17.0', '12.22.12', '18.20.4', '19.9.0', '20.0.0', '20.9.0', '20.18.3'])(
    'is too new for is told the oldest that does: %s',
    (version) => {
      expect(whyUnsupported(version)).toBe(`${OLD}; this is ${version}`);
    },
  );

  it.each(['21.7.3', '22.0.0', '22.11.0', '23.11.1'])(
    'does not support although it is newer is told which are: %s',
    (version) => {
      expect(whyUnsupported(version)).toBe(`${BETWEEN}; this is ${version}`);
    },
  );

  it('supports is one that package.json lets npm install it on', () => {
    const ranges = SUPPORTED.map(({ major, minor, open }) => `${open ? '>=' : '^'}${major}.${minor}.0`);
    expect(packageJson.engines.node).toBe(ranges.join(' || '));
  });
});
