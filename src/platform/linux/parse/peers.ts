import type { CriticalAddress } from '../../../model/observed.ts';
import { addressElsewhere } from '../../../model/scope.ts';

/** proc_net_tcp: the connection state ESTABLISHED. */
const ESTABLISHED = '01';

/** One hexadecimal address of /proc/net/tcp: 32-bit words, each in the host's byte order (proc_net(5)). */
function addressOfWords(hex: string, endianness: 'BE' | 'LE'): string | null {
  if (!/^([0-9A-F]{8}|[0-9A-F]{32})$/i.test(hex)) return null;
  const bytes = Buffer.from(hex, 'hex');
  if (endianness === 'LE') bytes.swap32();
  if (bytes.length === 4) return bytes.join('.');
  const isMapped = bytes.subarray(0, 10).every((byte) => byte === 0) && bytes.readUInt16BE(10) === 0xffff;
  if (isMapped) return bytes.subarray(12).join('.');
  return Array.from({ length: 8 }, (_, group) => bytes.readUInt16BE(group * 2).toString(16)).join(':');
}

/**
 * The other ends of open TCP connections, from the text of /proc/net/tcp or tcp6. Loopback is left out; IPv4 peers of
 * IPv6 sockets are IPv4 addresses.
 */
export function livePeers(text: string, file: string, endianness: 'BE' | 'LE'): CriticalAddress[] {
  return text.split('\n').flatMap((line): CriticalAddress[] => {
    const [, , remote = '', state] = line.trim().split(/\s+/);
    if (state !== ESTABLISHED) return [];
    const [words = ''] = remote.split(':', 1);
    const address = addressElsewhere(addressOfWords(words, endianness) ?? '');
    return address === null ? [] : [{ kind: 'live-peer', address, detail: file }];
  });
}
