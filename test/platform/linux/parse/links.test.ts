import { expect, test } from 'vitest';
import { Failure } from '../../../../src/model/diagnostic.ts';
import { formatPrefix } from '../../../../src/model/prefix.ts';
import { parseLinks } from '../../../../src/platform/linux/parse/links.ts';
import { fixture } from '../fixtures.ts';

const { links, addresses } = parseLinks(fixture('addr.json'));

test('links are named, with whether they are up', () => {
  expect(links).toEqual([
    { name: 'lo', up: true },
    { name: 'v1', up: true },
    { name: 'v0', up: true },
  ]);
  expect(parseLinks('[{"ifname":"eth9","flags":["BROADCAST"]}]').links).toEqual([
    { name: 'eth9', up: false },
  ]);
});

test('each address has the network that it is on', () => {
  const shown = addresses.map(
    ({ address, network, device }) => `${address} ${formatPrefix(network)} ${device}`,
  );
  expect(shown).toEqual(
    expect.arrayContaining([
      '127.0.0.1 127.0.0.0/8 lo',
      '::1 ::1/128 lo',
      '192.0.2.1 192.0.2.0/24 v0',
      '2001:db8::1 2001:db8::/64 v0',
    ]),
  );
});

test('a point-to-point address is on the network of its peer', () => {
  const peer = addresses.find(({ address }) => address === '10.99.0.1');
  expect(peer && formatPrefix(peer.network)).toBe('10.99.0.2/32');
});

test('addresses of other families are no addresses of ours; broken ones are a Failure', () => {
  const link = (entry: object) => JSON.stringify([{ ifname: 'v0', flags: [], addr_info: [entry] }]);
  expect(parseLinks(link({ family: 'mctp', local: '8' })).addresses).toEqual([]);
  expect(() => parseLinks(link({ family: 'inet', local: '10.0.0', prefixlen: 8 }))).toThrow(Failure);
  expect(() => parseLinks(link({ family: 'inet', local: '10.0.0.1', prefixlen: 33 }))).toThrow(Failure);
  expect(() => parseLinks(link({ family: 'inet', local: '10.0.0.1' }))).toThrow(Failure);
  expect(() => parseLinks('[{"flags":[]}]')).toThrow(Failure);
});
