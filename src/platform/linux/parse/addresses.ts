import { formatAddress, parseAddress } from '../../../model/prefix.ts';

/**
 * Addresses in canonical text. A large routing table has few gateways, so each is read once; and `ip` writes
 * some IPv6 addresses otherwise than RFC 5952 as mkplan does (`::ffff:192.0.2.1`).
 */
export class Addresses {
  readonly #known = new Map<string, string | null>();

  /** Null when the text is not an address. */
  canonical(text: string): string | null {
    let canonical = this.#known.get(text);
    if (canonical === undefined) {
      const address = parseAddress(text);
      canonical = address === null ? null : formatAddress(address);
      this.#known.set(text, canonical);
    }
    return canonical;
  }
}
