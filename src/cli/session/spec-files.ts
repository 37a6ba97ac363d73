import type { DesiredProfile, DesiredState } from '../../model/desired.ts';
import type { FileEventStream, FileEvents } from '../../platform/file-events.ts';
import { overlayPath } from '../../spec/load.ts';

/** The files that a session rests on: its spec with the overlay, and what its profiles are known from. */
export class SpecFiles {
  readonly #events: FileEvents;
  readonly #filesBehind: (profiles: readonly DesiredProfile[]) => Promise<readonly string[]>;
  #hear: (source: 'spec' | 'profile') => void = () => undefined;
  #spec: FileEventStream | null = null;
  #profiles: { readonly files: string; readonly stream: FileEventStream } | null = null;

  constructor(
    events: FileEvents,
    filesBehind: (profiles: readonly DesiredProfile[]) => Promise<readonly string[]>,
  ) {
    this.#events = events;
    this.#filesBehind = filesBehind;
  }

  /** Who hears of changes, from the next {@link follow} on. */
  listen(hear: (source: 'spec' | 'profile') => void): void {
    this.#hear = hear;
  }

  /** Watches the files of the spec as it is now. Resolves once no change of them is missed. */
  async follow({ spec, profiles }: DesiredState): Promise<void> {
    this.#spec ??= this.#events.watch([spec, overlayPath(spec)], () => this.#hear('spec'));
    const files = await this.#filesBehind(profiles);
    const old = this.#profiles;
    if (old === null || old.files !== files.join('\n')) {
      const stream = this.#events.watch(files, () => this.#hear('profile'));
      this.#profiles = { files: files.join('\n'), stream };
      await old?.stream.stop();
    }
    await Promise.all([this.#spec.ready, this.#profiles?.stream.ready]);
  }

  async stop(): Promise<void> {
    await Promise.all([this.#spec?.stop(), this.#profiles?.stream.stop()]);
  }
}
