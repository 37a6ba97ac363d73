import { setTimeout as sleep } from 'node:timers/promises';
import { Failure } from '../../model/diagnostic.ts';
import type { Right } from '../../model/observed.ts';
import { RefusedCall } from '../client/api-errors.ts';
import { type Expected, requireEvent, type WatchEvent } from '../client/expected.ts';
import type { ApiClient } from '../client/http.ts';
import { MAX_ITEMS } from '../client/listing.ts';
import { Backoff, jittered, Pause, type Spacing } from '../client/patience.ts';
import { Gap } from '../client/watch-stream.ts';
import { MissingRights } from '../rights.ts';
import { Hearing } from './hearing.ts';
import { type Appearance, Mirror, type Told } from './mirror.ts';
import type { WatchPace } from './pace.ts';

/** What every object has that a list shows. */
interface Named {
  readonly metadata?: {
    readonly namespace?: string;
    readonly name?: string;
    readonly resourceVersion?: string;
  };
}

/** What one reflector keeps in memory. */
export interface Source<T, V> extends Appearance<V> {
  /** What is asked for, for messages, and where. */
  readonly resource: string;
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly type: Expected;
  /** Whether there are servers that do not serve it: nothing is known of it then. */
  readonly isOptional: boolean;
  readonly listRight: Right;
  readonly watchRight: Right;
  /** What is kept of an object; null where it is of no interest. What it throws makes the object count as unreadable. */
  take(object: T): V | null;
  /** What there is where it may not be listed, by `namespace/name`. */
  withoutList(rights: MissingRights, signal: AbortSignal): Promise<ReadonlyMap<string, V>>;
}

/** What a reflector needs. */
export interface ReflectorOptions {
  readonly api: ApiClient;
  readonly pace: WatchPace;
  /** Between the pages of long lists of this cluster. */
  readonly spacing: Spacing;
  readonly signal: AbortSignal;
  /** What an observation shows of it is another now. */
  readonly onChange: () => void;
}

/** The state that a watch begins from is forgotten. */
const GONE = 410;

function keyOf({ metadata }: Named): string {
  return `${metadata?.namespace ?? ''}/${metadata?.name ?? ''}`;
}

/**
 * Keeps one list in memory: lists it, then watches it from there on; lists it again when the server has forgotten where we
 * were, when a stream tells what cannot be understood, and after the server could not be reached. A stream that ends is
 * gone on with where it stood.
 */
export class Reflector<T extends Named, V> {
  readonly #source: Source<T, V>;
  readonly #options: ReflectorOptions;
  readonly #backoff: Backoff;
  readonly #mirror: Mirror<V>;
  #missing = new MissingRights();
  /** Where to go on; null where only a list helps. */
  #resourceVersion: string | null = null;
  /** Those that do not wait. */
  #pagesAtOnce: number;
  /** How often the list was read. */
  #lists = 0;
  readonly #hearing: Hearing;
  #isLive = false;
  #isServed = true;
  #failure: { readonly error: unknown } | null = null;
  #waiting: (() => void)[] = [];
  /** Before the next round. */
  readonly #rest = new Pause();

  constructor(source: Source<T, V>, options: ReflectorOptions) {
    this.#source = source;
    this.#options = options;
    const { backoffMs, longestBackoffMs, pagesAtOnce, now, random } = options.pace;
    this.#pagesAtOnce = pagesAtOnce;
    this.#hearing = new Hearing(now);
    this.#backoff = new Backoff(backoffMs, longestBackoffMs, random);
    this.#mirror = new Mirror(source, () => this.#tell());
  }

  /** What was kept of each object, by `namespace/name`. */
  get values(): ReadonlyMap<string, V> {
    return this.#mirror.values;
  }

  /** Rights that turned out to be missing. */
  get missingRights(): readonly Right[] {
    return this.#missing.list();
  }

  /** Whether changes are told as they happen, or are read again now and then where they may not be watched. */
  get isLive(): boolean {
    return this.#isLive;
  }

  /** Whether the server has such a resource at all. */
  get isServed(): boolean {
    return this.#isServed;
  }

  /** Another one whenever something of the values may be another, told or not. */
  get revision(): number {
    return this.#mirror.revision;
  }

  /** See {@link Hearing}. */
  get recoveries(): number {
    return this.#hearing.recoveries;
  }

  /** Resolves once the list is known. Throws what went wrong where the server cannot be reached. */
  async ready(): Promise<void> {
    if (this.#lists === 0 && this.#failure === null) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    if (this.#failure !== null) throw this.#failure.error;
  }

  /** Goes on at once where it pauses, as after the first failure. */
  retry(): void {
    this.#backoff.reset();
    this.#rest.end();
  }

  /** Goes on until the signal fires. Rejects only by a fault of ours. */
  async run(): Promise<void> {
    const { signal } = this.#options;
    while (!signal.aborted) {
      // A wait that was called off.
      await this.#round().catch((error: unknown) => {
        if (!signal.aborted) throw error;
      });
    }
    this.#wake();
  }

  /**
   * Runs a write of ours to one object, and takes what it answers into memory. `before` is the version that the write
   * rests on: the answer to a write that changes nothing.
   */
  write<R>(
    key: string,
    before: string | null,
    work: () => Promise<R>,
    told: (answer: R) => { readonly version: string; readonly value: V | null },
  ): Promise<R> {
    return this.#mirror.write(key, before, work, told, this.#options.pace.now);
  }

  /** One list, if that is needed, and one stream. */
  async #round(): Promise<void> {
    const { pace } = this.#options;
    const isResumed = this.#resourceVersion !== null;
    let isListed = false;
    let openedAt: number | null = null;
    let error: unknown = null;
    try {
      if (!isResumed) {
        await this.#relist();
        isListed = true;
      }
      if (this.#resourceVersion === null) {
        this.#isLive = true;
        return await this.#pause(jittered(pace.pollMs, pace.random));
      }
      await this.#follow(this.#resourceVersion, () => {
        openedAt = pace.now();
        this.#isLive = true;
      });
    } catch (thrown) {
      error = thrown;
    }
    this.#options.signal.throwIfAborted();
    await this.#afterRound(error, openedAt, isListed);
  }

  /** Decides how to go on after a stream that ended, or an error. */
  async #afterRound(error: unknown, openedAt: number | null, isListed: boolean): Promise<void> {
    const { pace } = this.#options;
    if (error instanceof RefusedCall && error.isForbidden) {
      this.#learnMissing([...this.missingRights, this.#source.watchRight]);
      this.#resourceVersion = null;
      this.#isLive = true;
      return await this.#pause(jittered(pace.pollMs, pace.random));
    }
    const isGone =
      (error instanceof Gap && error.isGone) || (error instanceof RefusedCall && error.status === GONE);
    const isReadable = error === null || (error instanceof Failure && !(error instanceof RefusedCall));
    if (openedAt === null || !isReadable) this.#resourceVersion = null;
    if (isGone && !isListed) return;
    // Right after a list what is in memory is true, whatever the stream does: then it is the lists that keep it so.
    if (openedAt === null && !isListed) this.#lost(error);
    else if (error !== null) this.#hearing.cut();
    const isSteady = openedAt !== null && pace.now() - openedAt >= pace.steadyMs;
    if (isSteady) {
      this.#backoff.reset();
      return;
    }
    this.#isLive = false;
    const askedMs = error instanceof RefusedCall ? error.retryAfterMs : null;
    await this.#pause(this.#backoff.next(askedMs, this.#hearing.silentMs));
  }

  /** What was heard a moment ago stands, since most servers are back at once. */
  #lost(error: unknown): void {
    this.#hearing.lost();
    if (error instanceof RefusedCall || this.#hearing.silentMs >= this.#options.pace.lostMs)
      this.#fail(error);
  }

  async #relist(): Promise<void> {
    const { resource, path, query = {}, type, isOptional, listRight } = this.#source;
    const { api, signal } = this.#options;
    const missing = new MissingRights();
    const mark = this.#mirror.mark();
    let isServed = true;
    const onNotFound = () => {
      isServed = false;
    };
    const listed = await api.collect<T, Told<V>>(
      {
        resource,
        path,
        query,
        type,
        signal,
        rest: (pages) => this.#restFrom(pages),
        onForbidden: missing.onForbidden(listRight),
        ...(isOptional ? { onNotFound } : {}),
      },
      (object) => this.#item(object),
    );
    this.#isServed = isServed;
    this.#pagesAtOnce = this.#options.pace.pagesAtOnce;
    if (listed === null) {
      const values = await this.#source.withoutList(missing, signal);
      this.#mirror.replace(
        [...values].map(([key, value]) => ({ key, version: '', value })),
        mark,
      );
    } else this.#mirror.replace(listed.values, mark);
    this.#resourceVersion = listed?.resourceVersion ?? null;
    this.#synced(missing.list());
  }

  /** A long list that did not come to its end may be endless: then every page of the next one waits. */
  async #restFrom(pages: number): Promise<void> {
    const { pace, spacing, signal } = this.#options;
    if (pages < this.#pagesAtOnce) return;
    this.#pagesAtOnce = 0;
    await sleep(spacing.next(pace.now()), undefined, { signal });
  }

  #item(object: T): Told<V> {
    const version = object.metadata?.resourceVersion ?? '';
    return { key: keyOf(object), version, value: this.#source.take(object) };
  }

  #synced(missing: readonly Right[]): void {
    const { listRight, watchRight } = this.#source;
    // Whether it may be watched by now will show.
    const isKept = this.missingRights.includes(watchRight) && !missing.includes(listRight);
    this.#learnMissing(isKept ? [...missing, watchRight] : missing);
    this.#lists++;
    this.#failure = null;
    if (this.#hearing.answered()) this.#options.onChange();
    this.#wake();
  }

  #learnMissing(rights: readonly Right[]): void {
    const before = this.missingRights.join();
    this.#missing = new MissingRights();
    for (const right of rights) this.#missing.add(right);
    if (this.missingRights.join() !== before) this.#tell();
  }

  #fail(error: unknown): void {
    const isNew = this.#failure === null;
    this.#failure = { error };
    if (isNew) this.#options.onChange();
    this.#wake();
  }

  #wake(): void {
    for (const go of this.#waiting.splice(0)) go();
  }

  async #follow(from: string, onOpen: () => void): Promise<void> {
    const { resource, path, query } = this.#source;
    const { api, pace, signal } = this.#options;
    await api.watch({
      resource,
      path,
      query: {
        ...query,
        watch: 'true',
        allowWatchBookmarks: 'true',
        resourceVersion: from,
        timeoutSeconds: String(Math.round(pace.streamSeconds * (1 + pace.random()))),
      },
      signal,
      idleMs: pace.idleMs,
      onOpen: () => {
        onOpen();
        if (this.#hearing.answered()) this.#options.onChange();
        if (this.#missing.list().includes(this.#source.watchRight)) this.#learnMissing([]);
      },
      onLine: (line) => {
        this.#heed(requireEvent<T>(line, this.#source.type));
        this.#hearing.heard();
      },
    });
  }

  /** Throws a Gap when the stream cannot be gone on with. */
  #heed(event: WatchEvent<T>): void {
    if (event.type === 'ERROR') throw new Gap(event.message, event.code === GONE);
    const { type, version } = event;
    if (type !== 'BOOKMARK') {
      const { key, value } = this.#item(event.object);
      this.#mirror.hear({ key, version, value: type === 'DELETED' ? null : value });
    }
    if (this.values.size > MAX_ITEMS) throw new Gap(`the watch told of more than ${MAX_ITEMS} objects`);
    this.#resourceVersion = version;
    if (this.#mirror.isOverdue(this.#options.pace.now() - this.#options.pace.ownWriteMs)) {
      throw new Gap('the watch did not tell of what we wrote');
    }
  }

  /** What is known for the first time is no change. */
  #tell(): void {
    if (this.#lists > 0) this.#options.onChange();
  }

  async #pause(ms: number): Promise<void> {
    await this.#rest.wait(ms, this.#options.signal);
  }
}
