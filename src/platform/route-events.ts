import type { Prefix } from '../model/prefix.ts';

/** How a route came or went, as the event says it; null for what it does not say. */
export interface RouteNews {
  readonly isRemoved: boolean;
  readonly gateway: string | null;
  readonly device: string | null;
  readonly metric: number | null;
}

/** What may have changed of the host's routing. A hint: only rereading tells. */
export type HostChange =
  | {
      readonly kind: 'routes';
      readonly destinations: readonly Prefix[];
      /** Of the route that is there now, or was: what it took the place of may have had another. Null where it is not told. */
      readonly protocol: number | null;
      readonly news?: RouteNews;
    }
  /** Links, addresses or rules; or nobody knows, since events were lost. */
  | {
      readonly kind: 'everything';
      /** The device, where it is told that it went down or is gone. */
      readonly down?: string;
      /** The device, where it is told that it came up or got an address. */
      readonly up?: string;
    };

/** Events that are being heard. */
export interface RouteEventStream {
  /** Resolves once nothing that happens from then on is missed. */
  readonly ready: Promise<void>;
  stop(): Promise<void>;
}

/** The system's own events of routes, addresses, links and rules. */
export interface RouteEvents {
  /** Calls back at each change, until it is stopped. What is lost is told as `everything`; it never fails for good. */
  listen(onChange: (change: HostChange) => void): RouteEventStream;
}
