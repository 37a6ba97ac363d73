import { describe, expect, it } from 'vitest';
import {
  HTTP_ADDRESS,
  parseAllow,
  parseDuration,
  parseHttpHost,
  parseListenAddress,
} from '../../../src/cli/arguments/option-values.ts';

describe('parseDuration', () => {
  it.each([
    ['500ms', 500],
    ['30s', 30_000],
    ['2m', 120_000],
    ['0', 0],
    ['0s', 0],
  ])('reads %s', (text, milliseconds) => {
    expect(parseDuration(text)).toBe(milliseconds);
  });

  it.each(['', '30', 's', '-1s', '1.5s', '30 s', '1h', '99999999s', '0x10s', '30S'])('refuses %j', (text) => {
    expect(() => parseDuration(text)).toThrow('number with a unit');
  });
});

describe('parseAllow', () => {
  it('reads a list, and adds to what was given before', () => {
    expect(parseAllow('wide, credentials', ['gateway'])).toEqual(['gateway', 'wide', 'credentials']);
    expect(parseAllow('identity')).toEqual(['identity']);
  });

  it.each(['', 'all', 'wide,', 'WIDE', 'critical', 'shadow'])('refuses %j', (text) => {
    expect(() => parseAllow(text)).toThrow('is none of');
  });
});

describe('parseListenAddress', () => {
  it.each([
    ['9469', '127.0.0.1', 9469],
    [':9469', '127.0.0.1', 9469],
    ['0.0.0.0:80', '0.0.0.0', 80],
    ['[::1]:9469', '::1', 9469],
    ['localhost:0', 'localhost', 0],
  ])('reads %s', (text, host, port) => {
    expect(parseListenAddress(text)).toEqual({ host, port });
  });

  it.each(['', 'host', '70000', '::1:80', '[::1]', 'a b:80', '-1'])('refuses "%s"', (text) => {
    expect(() => parseListenAddress(text)).toThrow(/address and a port/);
  });

  it('tells who wrote a spec behind --http where it goes', () => {
    expect(() => parseListenAddress('tunnel.yaml')).toThrow('A spec goes before it');
  });

  it('reads what --http alone stands for', () => {
    expect(parseListenAddress(HTTP_ADDRESS)).toEqual({ host: '127.0.0.1', port: 9469 });
  });
});

describe('parseHttpHost', () => {
  it('reads a name, and adds to what was given before', () => {
    expect(parseHttpHost('Tunnel.Test.', ['laptop'])).toEqual(['laptop', 'tunnel.test']);
  });

  it.each(['', 'laptop:9469', '192.168.1.10', '127.1', '*', 'http://laptop'])('refuses %j', (text) => {
    expect(() => parseHttpHost(text)).toThrow('name of a host');
  });
});
