import type { CriticalAddress } from '../../../model/observed.ts';
import { addressElsewhere } from '../../../model/scope.ts';

/** systemd-resolved's own listeners, named in resolv.conf instead of the servers it asks (systemd-resolved(8)). */
const RESOLVED_STUBS = ['127.0.0.53', '127.0.0.54'];

/** The `nameserver` lines of a resolv.conf(5), as they stand there. */
function parseNameservers(text: string): string[] {
  return text.split('\n').flatMap((line) => /^\s*nameserver\s+(\S+)/.exec(line)?.[1] ?? []);
}

/** Whether a resolv.conf names systemd-resolved's stub, so that the servers proper stand in another file. */
export function isResolvedStub(text: string): boolean {
  return parseNameservers(text).some((server) => RESOLVED_STUBS.includes(server));
}

/** The DNS servers of a resolv.conf(5); those on loopback are left out. */
export function dnsServers(text: string, file: string): CriticalAddress[] {
  return parseNameservers(text).flatMap((server): CriticalAddress[] => {
    const address = addressElsewhere(server);
    return address === null ? [] : [{ kind: 'dns-server', address, detail: file }];
  });
}
