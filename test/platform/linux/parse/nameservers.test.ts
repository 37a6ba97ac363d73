import { describe, expect, it } from 'vitest';
import { dnsServers, isResolvedStub } from '../../../../src/platform/linux/parse/nameservers.ts';

describe('dnsServers', () => {
  it('reads nameserver lines, zones cut off and loopback left out', () => {
    const text = `# nameserver 9.9.9.9
search example
nameserver 192.168.0.1
  nameserver\tfe80::1%eth0
nameserver 127.0.0.1
nameserver nonsense
`;
    expect(dnsServers(text, '/etc/resolv.conf')).toEqual([
      { kind: 'dns-server', address: '192.168.0.1', detail: '/etc/resolv.conf' },
      { kind: 'dns-server', address: 'fe80::1', detail: '/etc/resolv.conf' },
    ]);
  });

  it('knows the stub of systemd-resolved', () => {
    expect(isResolvedStub('nameserver 127.0.0.53\noptions edns0\n')).toBe(true);
    expect(isResolvedStub('nameserver 127.0.0.1\n')).toBe(false);
  });
});
