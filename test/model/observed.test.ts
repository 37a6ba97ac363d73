import { describe, expect, it } from 'vitest';
import { isServerOf, type MinikubeConfig } from '../../src/model/observed.ts';

const config: MinikubeConfig = {
  driver: 'kvm2',
  unroutable: null,
  nodes: [
    { name: 'dev', ip: '192.168.39.2', controlPlane: true },
    { name: 'dev-m02', ip: 'fd00::2', controlPlane: false },
  ],
  serviceCidr: '10.96.0.0/12',
  servers: ['192.168.39.254', 'kube.dev.lan'],
};

describe('isServerOf', () => {
  it.each([
    ['https://192.168.39.2:8443', true],
    ['https://192.168.39.2:6443', true],
    ['https://[fd00::2]:8443', true],
    ['https://[fd00:0::2]:8443', true],
    ['https://192.168.39.254:8443', true],
    ['https://Kube.dev.lan:8443', true],
    ['https://192.168.39.3:8443', false],
    ['https://dev.example:8443', false],
    ['https://kube.dev.lan.example:8443', false],
    ['https://minikubeCA:8443', false],
    ['nonsense', false],
    ['', false],
  ])('%s: %s', (server, expected) => {
    expect(isServerOf(server, config)).toBe(expected);
    expect(isServerOf(server, null)).toBe(false);
  });

  it('knows none but the nodes of a profile that has nothing else', () => {
    const { servers, ...bare } = config;
    expect(isServerOf('https://192.168.39.2:8443', bare)).toBe(true);
    expect(isServerOf(`https://${servers?.[0]}:8443`, bare)).toBe(false);
  });
});
