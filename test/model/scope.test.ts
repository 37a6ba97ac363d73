import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Prefix, parsePrefix, truncate } from '../../src/model/prefix.ts';
import { isPrivate, whyNotPrivate, whySpecial } from '../../src/model/scope.ts';
import { anyPrefix } from './arbitrary-prefix.ts';

function parsed(text: string): Prefix {
  const found = parsePrefix(text);
  if (found === null) throw new Error(`not a prefix: ${text}`);
  return found;
}

describe('isPrivate', () => {
  test.each([
    '10.0.0.0/8',
    '10.255.255.255/32',
    '172.16.0.0/12',
    '172.31.255.0/24',
    '192.168.0.0/16',
    '100.64.0.0/10',
    '198.18.0.0/15',
    '198.19.255.255/32',
    'fc00::/7',
    'fd00::/8',
    'fdff:ffff::/32',
  ])('%s is', (text) => {
    expect(isPrivate(parsed(text))).toBe(true);
    expect(whyNotPrivate(parsed(text))).toBeNull();
  });

  test.each([
    ['0.0.0.0/0', '0.0.0.0/0 is the default route'],
    ['::/0', '::/0 is the default route'],
    ['128.0.0.0/1', '128.0.0.0/1 is half of the default route'],
    ['8000::/1', '8000::/1 is half of the default route'],
    ['8.8.8.8/32', '8.8.8.8/32 is public'],
    ['172.32.0.0/16', '172.32.0.0/16 is public'],
    ['192.169.0.0/16', '192.169.0.0/16 is public'],
    ['100.128.0.0/16', '100.128.0.0/16 is public'],
    ['2001:db8::/32', '2001:db8::/32 is public'],
    ['fe00::/9', 'fe00::/9 is public'],
    ['10.0.0.0/7', '10.0.0.0/7 reaches beyond the private 10.0.0.0/8 into public addresses'],
    ['172.0.0.0/8', '172.0.0.0/8 reaches beyond the private 172.16.0.0/12 into public addresses'],
    ['127.0.0.0/8', '127.0.0.0/8 is loopback (RFC 1122)'],
    ['169.254.169.254/32', '169.254.169.254/32 is link-local (RFC 3927)'],
    ['224.0.0.0/24', '224.0.0.0/24 is multicast (RFC 5771)'],
    ['0.0.0.0/32', '0.0.0.0/32 is unspecified (RFC 1122, "this network")'],
    ['255.255.255.255/32', '255.255.255.255/32 is broadcast (RFC 919)'],
    ['::1/128', '::1/128 is loopback (RFC 4291)'],
    ['fe80::/64', 'fe80::/64 is link-local (RFC 4291)'],
    ['ff02::/16', 'ff02::/16 is multicast (RFC 4291)'],
    ['::ffff:a00:0/104', '::ffff:a00:0/104 is IPv4 written as IPv6 (RFC 4291)'],
  ])('%s is not', (text, why) => {
    expect(isPrivate(parsed(text))).toBe(false);
    expect(whyNotPrivate(parsed(text))).toBe(why);
  });

  test('holds for everything inside a private prefix, and there is a reason exactly where it does not hold', () => {
    fc.assert(
      fc.property(anyPrefix, fc.nat(128), (of, some) => {
        const outer = truncate(of, some % (of.length + 1));
        if (isPrivate(outer)) expect(isPrivate(of)).toBe(true);
        expect(whyNotPrivate(of) === null).toBe(isPrivate(of));
      }),
    );
  });
});

test('an ordinary address can be a next hop, public or private', () => {
  for (const text of ['192.168.49.2/32', '8.8.8.8/32', 'fd00::1/128', '2001:db8::1/128']) {
    expect(whySpecial(parsed(text))).toBeNull();
  }
});
