/** Files that are being watched. */
export interface FileEventStream {
  /** Resolves once no change from then on is missed. */
  readonly ready: Promise<void>;
  stop(): Promise<void>;
}

/** Changes of files, whichever way they are written. */
export interface FileEvents {
  /**
   * Calls back with each file (absolute path; it need not exist) whose content is another than it was, until it is
   * stopped. A hint, perhaps in the middle of a write: the listener rereads.
   */
  watch(files: readonly string[], onChange: (file: string) => void): FileEventStream;
}
