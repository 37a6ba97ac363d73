import { describe, expect, it } from 'vitest';
import {
  answeredHosts,
  hostName,
  isAnswered,
  isLoopbackAddress,
} from '../../../src/cli/session/http-hosts.ts';

const LOOPBACK = answeredHosts('127.0.0.1', 'Laptop.example.org', ['tunnel.test']);
const OPEN = answeredHosts('0.0.0.0', 'Laptop.example.org', ['tunnel.test']);

describe('on loopback', () => {
  it.each([
    'localhost',
    'LOCALHOST',
    'localhost.',
    'localhost:9469',
    'localhost:',
    '127.0.0.1',
    '127.0.0.1:9469',
    '127.255.255.254',
    '[::1]',
    '[::1]:80',
  ])('%s is answered', (host) => {
    expect(isAnswered(host, LOOPBACK)).toBe(true);
  });

  it.each([
    ['nothing', ''],
    ['a name of another site', 'evil.example'],
    ['one that only begins with ours', 'localhost.evil.example'],
    ['one that only ends with ours', 'evil.localhost'],
    ['two dots at the end', 'localhost..'],
    ['this host’s own name', 'laptop.example.org'],
    ['a name that was given for another address', 'tunnel.test'],
    ['an address of the network', '192.168.1.10'],
    ['unspecified', '0.0.0.0'],
    ['unspecified, IPv6', '[::]'],
    ['a short spelling', '127.1'],
    ['a hexadecimal spelling', '0x7f.1'],
    ['one number', '2130706433'],
    ['octal', '0177.0.0.1'],
    ['zeros before', '127.0.0.01'],
    ['a dot behind an address', '127.0.0.1.'],
    ['an address that is mapped', '[::ffff:127.0.0.1]'],
    ['the same in hexadecimal', '[::ffff:7f00:1]'],
    ['::1 spelt out', '[0:0:0:0:0:0:0:1]'],
    ['::1 without brackets', '::1'],
    ['a zone', '[::1%25lo]'],
    ['a zone as people write it', '[fe80::1%lo]'],
    ['a user', 'localhost@evil.example'],
    ['ours behind a user', 'evil.example@localhost'],
    ['a port that is none', 'localhost:x'],
    ['a long port', 'localhost:123456'],
    ['a path', 'localhost/evil.example'],
    ['a fragment', 'localhost#.evil.example'],
    ['a list', 'localhost, evil.example'],
    ['a blank before', ' localhost'],
    ['a wide letter', 'ｌocalhost'],
    ['an encoded letter', '%6cocalhost'],
  ])('%s is not (%j)', (_, host) => {
    expect(isAnswered(host, LOOPBACK)).toBe(false);
  });
});

describe('elsewhere', () => {
  it.each([
    'localhost',
    '192.168.1.10:9469',
    '[fd00::1]:9469',
    '[::ffff:10.0.0.1]',
    'laptop',
    'LAPTOP.example.org.',
    'host.minikube.internal:9469',
    'host.docker.internal',
    'tunnel.test',
    'Tunnel.TEST.',
  ])('%s is answered', (host) => {
    expect(isAnswered(host, OPEN)).toBe(true);
  });

  it.each([
    '',
    'evil.example',
    'example.org',
    'tunnel.test.evil.example',
    'a.tunnel.test',
    '127.1',
    '0x7f000001',
    '[fe80::1%eth0]',
    'laptop@evil.example',
  ])('%j is not', (host) => {
    expect(isAnswered(host, OPEN)).toBe(false);
  });

  it('a host without a name of its own answers to no empty one', () => {
    expect(answeredHosts('0.0.0.0', '', []).names.has('')).toBe(false);
  });
});

it.each([
  ['127.0.0.1', true],
  ['127.9.9.9', true],
  ['::1', true],
  ['::ffff:127.0.0.1', true],
  ['0.0.0.0', false],
  ['::', false],
  ['192.168.1.10', false],
  ['::ffff:192.168.1.10', false],
])('%s is loopback: %s', (address, expected) => {
  expect(isLoopbackAddress(address)).toBe(expected);
});

it.each([
  ['Tunnel.Test.', 'tunnel.test'],
  ['laptop', 'laptop'],
  ['my_host', 'my_host'],
  ['', null],
  ['.', null],
  ['*', null],
  ['*.example.org', null],
  ['a..b', null],
  ['tunnel.test:9469', null],
  ['http://tunnel.test', null],
  ['127.0.0.1', null],
  ['127.1', null],
  ['0x7f.1', null],
  ['tunnel.0x', null],
  ['[::1]', null],
  [`${'a'.repeat(64)}.test`, null],
])('--http-host %j is %j', (text, expected) => {
  expect(hostName(text)).toBe(expected);
});
