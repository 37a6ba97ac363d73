import type { Answer, HostAddress, Link, Rule } from '../model/observed.ts';
import type { Family, Prefix } from '../model/prefix.ts';
import type { Route } from '../model/route.ts';
import type { Capabilities, System } from '../model/system.ts';

/** The host's routing as it is now. */
export interface NetworkSnapshot {
  readonly rules: readonly Rule[];
  readonly routes: readonly Route[];
  readonly links: readonly Link[];
  readonly addresses: readonly HostAddress[];
}

/** Identity of this boot, this network namespace and this process. */
export interface HostIdentity {
  readonly platform: System;
  readonly bootId: string;
  readonly networkNamespace: string;
}

/** A destination to read; of one protocol alone, the kernel skips all others, and has a large table walked in no time. */
export interface RouteQuery {
  readonly destination: Prefix;
  readonly protocol: number | null;
}

/** Reading the host's routes: needs no rights and changes nothing. Every method throws a Failure when the system cannot be read. */
export interface RouteTable {
  readonly capabilities: Capabilities;
  identity(): Promise<HostIdentity>;
  snapshot(signal?: AbortSignal): Promise<NetworkSnapshot>;
  /** Routes of all tables to exactly what is asked for; the kernel walks its table once for each of them. */
  routesTo(asked: readonly RouteQuery[], signal?: AbortSignal): Promise<readonly Route[]>;
  /**
   * Routes of table main, of these families or of both. With `within`, at least those to these destinations and to what
   * is inside them, which is all that is read where they are few.
   */
  mainRoutes(families?: readonly Family[], within?: readonly Prefix[] | null): Promise<readonly Route[]>;
  /** Asks the kernel who gets each address, in order, as the invoking user; null where it has no route. */
  answers(addresses: readonly string[], signal?: AbortSignal): Promise<readonly (Answer | null)[]>;
}

/** One conditional change of the routing table: an exclusive add, or a delete that names the whole key. */
export interface RouteChange {
  readonly op: 'add' | 'delete';
  readonly route: Route;
}

/** A change that the system or the helper refused. */
export interface ChangeFailure {
  /** Index into the changes that were asked for. */
  readonly index: number;
  /** What the system said, for people; success is judged by rereading alone. */
  readonly message: string;
}

/** Changing the host's routes: the elevated helper's client. */
export interface RouteChanger {
  /**
   * Begins to get ready, so that the first change need not wait for it. Nothing is changed by it, and nothing has to
   * wait for it: what goes wrong is told by that change.
   */
  start(): void;
  /**
   * Has a helper that lives keep every other from changing routes, as it does from its first change to a release; says
   * whether one does. Starts none, and changes nothing. What goes wrong is told by the next change. Never throws.
   */
  take(): Promise<boolean>;
  /**
   * Tries every change and returns those that were refused. Not aborted half-way: a chunk that has begun ends.
   * Throws a Failure when the helper cannot be started or is gone.
   */
  change(changes: readonly RouteChange[]): Promise<readonly ChangeFailure[]>;
  /**
   * Waits until no process is left that could still make a change that was asked for. The helper lives on for the next
   * one, so that a person is asked for a password once; others may change routes meanwhile.
   * Throws a Failure when such a process does not end.
   */
  release(): Promise<void>;
  /** Ends the helper and waits until its last child is gone. */
  close(): Promise<void>;
}
