import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it, test } from 'vitest';
import { decodePolicy, PolicyError, SPEC_APPROVALS } from '../../src/model/policy.ts';
import { formatPrefix } from '../../src/model/prefix.ts';

const schema = JSON.parse(readFileSync(new URL('../../schema/policy.schema.json', import.meta.url), 'utf8'));
const validate = new Ajv2020({ strict: true }).compile(schema);

const policy = (rest: object) => ({ apiVersion: 'mkplan/v1alpha1', kind: 'Policy', ...rest });

describe('a policy', () => {
  it('allows what it lists', () => {
    const given = policy({
      allow: [...SPEC_APPROVALS],
      ranges: ['203.0.113.0/24', '169.254.0.0/16', '2000::/3'],
    });
    expect(validate(given)).toBe(true);
    const { allow, ranges } = decodePolicy(given);
    expect(allow).toEqual(SPEC_APPROVALS);
    expect(ranges.map(formatPrefix)).toEqual(['203.0.113.0/24', '169.254.0.0/16', '2000::/3']);
  });

  it('may allow nothing', () => {
    expect(decodePolicy(policy({ $schema: 'policy.schema.json' }))).toEqual({ allow: [], ranges: [] });
  });

  test.each<[string, unknown]>([
    ['no object', []],
    ['null', null],
    ['nothing', {}],
    ['another kind', { apiVersion: 'mkplan/v1alpha1', kind: 'Tunnel' }],
    ['another version', { apiVersion: 'mkplan/v2', kind: 'Policy' }],
    ['an unknown key', policy({ range: [] })],
    ['a kind of approval that there is not', policy({ allow: ['all'] })],
    ['one that no spec asks for', policy({ allow: ['minikube'] })],
    ['another cluster than before', policy({ allow: ['context', 'identity'] })],
    ['one that every object has', policy({ allow: ['constructor'] })],
    ['text for a list', policy({ allow: 'context' })],
    [
      'too many ranges',
      policy({ ranges: Array.from({ length: 257 }, (_, at) => `198.51.${at & 255}.0/24`) }),
    ],
    ['a number for a range', policy({ ranges: [10] })],
    ['a range with an option before it', policy({ ranges: ['-4 10.0.0.0/8'] })],
  ])('is refused, by its schema too, for %s', (_, given) => {
    expect(() => decodePolicy(given)).toThrow(PolicyError);
    expect(validate(given)).toBe(false);
  });

  it('says by name that it cannot give `identity`', () => {
    expect(() => decodePolicy(policy({ allow: ['identity'] }))).toThrow(/^allow\[0\]: identity is approved/);
  });

  // Arithmetic, which the schema knows nothing of.
  test.each([
    '0.0.0.0/0',
    '0.0.0.0/1',
    '128.0.0.0/1',
    '::/0',
    '8000::/1',
    '64.0.0.0/2',
    '127.0.0.0/8',
    '0.0.0.0/8',
    '255.255.255.255/32',
    '224.0.0.0/3',
    '::1/128',
    '::/64',
    '::ffff:0:0/96',
    '203.0.113.1/24',
    '203.0.113.0',
    '203.0.113.0/33',
  ])('is refused for the range %s', (range) => {
    expect(() => decodePolicy(policy({ ranges: [range] }))).toThrow(/ranges\[0\]/);
  });
});
