import { formatPrefix, type Prefix } from '../model/prefix.ts';
import type { Route } from '../model/route.ts';
import type { HostChange, RouteEvents, RouteNews } from '../platform/route-events.ts';

/** Destinations that are remembered; the oldest go first. */
const MOST_DESTINATIONS = 1000;

type Told = RouteNews & { readonly protocol: number | null };

/**
 * Why routes got lost, by the system's own events. What a link takes with it that goes down, or loses its address, the
 * kernel tells nothing of, or tells right after the link; whoever else removes or replaces a route causes an event of
 * that very route.
 */
export class Losses {
  /** By destination: the last event of each kind. */
  readonly #told = new Map<string, Told[]>();
  readonly #down = new Set<string>();
  #returns = 0;

  /** How often a link came up, or got an address. */
  get returns(): number {
    return this.#returns;
  }

  /** The same events, of which this takes note before they are passed on. */
  noting(events: RouteEvents): RouteEvents {
    return {
      listen: (onChange) =>
        events.listen((change) => {
          this.#note(change);
          onChange(change);
        }),
    };
  }

  /**
   * Whether somebody removed this route, or put another one in its place: no link, and no loss that nobody was told of.
   * What the caller removed itself it has to {@link forget}.
   */
  isSomebodys({ destination, protocol, gateway, metric }: Route): boolean {
    return (this.#told.get(formatPrefix(destination)) ?? []).some((told) =>
      told.isRemoved
        ? told.protocol === protocol && told.gateway === gateway && told.metric === metric
        : told.protocol !== protocol,
    );
  }

  /** What was told of these destinations counts no more. */
  forget(destinations: readonly Prefix[]): void {
    for (const destination of destinations) this.#told.delete(formatPrefix(destination));
  }

  #note(change: HostChange): void {
    if (change.kind === 'everything') {
      if (change.down !== undefined) this.#down.add(change.down);
      if (change.up === undefined) return;
      this.#down.delete(change.up);
      this.#returns++;
      return;
    }
    const { news, protocol } = change;
    if (news === undefined || (news.isRemoved && news.device !== null && this.#down.has(news.device))) return;
    for (const destination of change.destinations)
      this.#remember(formatPrefix(destination), { ...news, protocol });
  }

  #remember(destination: string, told: Told): void {
    const others = (this.#told.get(destination) ?? []).filter(
      (one) => one.isRemoved !== told.isRemoved || one.protocol !== told.protocol,
    );
    this.#told.delete(destination);
    this.#told.set(destination, [...others, told]);
    for (const oldest of this.#told.keys()) {
      if (this.#told.size <= MOST_DESTINATIONS) break;
      this.#told.delete(oldest);
    }
  }
}
