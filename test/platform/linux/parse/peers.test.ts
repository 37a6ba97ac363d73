import { describe, expect, it } from 'vitest';
import { livePeers } from '../../../../src/platform/linux/parse/peers.ts';

const addresses = (found: readonly { address: string }[]) => found.map(({ address }) => address);

/** As Linux prints it on a little-endian machine. */
const TCP = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0
   1: 1F00A8C0:8AE2 0E64A8C0:0016 01 00000000:00000000 02:000A1B2C 00000000  1000        0 2 2 0 20 4 31 10 -1
   2: 0100007F:C0DE 0100007F:1F90 01 00000000:00000000 00:00000000 00000000  1000        0 3 1 0 20 4 30 10 -1
   3: 1F00A8C0:8AE4 08080808:01BB 06 00000000:00000000 03:00000B2C 00000000     0        0 0 3 0
`;
const TCP6 = `  sl  local_address                         remote_address                        st tx_queue rx_queue
   0: 00000000000000000000000000000000:0016 00000000000000000000000000000000:0000 0A 00000000:00000000
   1: 000000FD000000000000000002000000:0016 000000FD0000000000000000030A0000:D431 01 00000000:00000000
   2: 0000000000000000FFFF00001F00A8C0:0016 0000000000000000FFFF00000764A8C0:D432 01 00000000:00000000
   3: 00000000000000000000000001000000:0016 00000000000000000000000001000000:D433 01 00000000:00000000
`;

describe('livePeers', () => {
  it('reads open connections in little-endian words, loopback left out', () => {
    expect(livePeers(TCP, '/proc/net/tcp', 'LE')).toEqual([
      { kind: 'live-peer', address: '192.168.100.14', detail: '/proc/net/tcp' },
    ]);
  });

  it('reads IPv6, and IPv4 peers of IPv6 sockets as IPv4', () => {
    expect(addresses(livePeers(TCP6, '/proc/net/tcp6', 'LE'))).toEqual(['fd00::a03', '192.168.100.7']);
  });

  it('reads big-endian words', () => {
    expect(addresses(livePeers('0: C0A8001F:8AE2 C0A8640E:0016 01', 'f', 'BE'))).toEqual(['192.168.100.14']);
  });

  it('passes over lines that it does not know', () => {
    expect(livePeers('\n0: x y 01\n1: 00000000:1 0000:1 01\nrubbish', 'f', 'LE')).toEqual([]);
  });
});
