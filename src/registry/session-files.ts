import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { lstat, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { listOf, object, openObject, orNull, text, unsigned } from './check.ts';
import {
  ensureFolder,
  errnoOf,
  fileFailure,
  openState,
  readState,
  symlinkFailure,
  writeAll,
} from './files.ts';
import type { SessionRecord, Sessions } from './registry.ts';

const FOLDER = 'sessions';

const reason = object<{ what: string; why: string }>({ what: text, why: text });

/**
 * Written as `version`; the first records had none. What a later version adds is not looked at: a record is of one process, which
 * alone rewrites it, and a later process has nothing to keep.
 */
const VERSION = 1;

const recordCheck = openObject<SessionRecord>({
  spec: text,
  pid: unsigned,
  startTime: text,
  bootId: text,
  networkNamespace: text,
  since: text,
  state: text,
  lastPass: orNull(object<{ at: string; result: string }>({ at: text, result: text })),
  held: listOf(reason),
  pending: listOf(reason),
});

/** What a file says; null for one that nobody can read: it only tells, and the next session writes it anew. */
function decode(data: Buffer | null): SessionRecord | null {
  if (data === null) return null;
  try {
    return recordCheck(JSON.parse(data.toString('utf8'))).known;
  } catch {
    return null;
  }
}

/** The records in `sessions/` of the state directory, a file for each spec. */
export function createSessions(dir: string): Sessions {
  const folder = join(dir, FOLDER);
  const pathOf = (spec: string) =>
    join(folder, `${createHash('sha256').update(spec).digest('hex').slice(0, 32)}.json`);

  async function write(record: SessionRecord): Promise<void> {
    const path = pathOf(record.spec);
    try {
      await ensureFolder(folder);
      const found = await lstat(path).catch((thrown: unknown) => {
        if (errnoOf(thrown) === 'ENOENT') return null;
        throw thrown;
      });
      if (found?.isSymbolicLink() === true) throw symlinkFailure(path);
      const temporary = `${path}.new`;
      // What a killed session left; only one a spec lives.
      await rm(temporary, { force: true });
      const file = await openState(temporary, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL);
      try {
        await writeAll(file, Buffer.from(`${JSON.stringify({ version: VERSION, ...record })}\n`));
      } finally {
        await file.close();
      }
      // No fsync: after a power cut the session is gone in any case, and its boot with it.
      await rename(temporary, path);
    } catch (thrown) {
      throw fileFailure(path, 'written', thrown);
    }
  }

  return {
    write,
    read: async (spec) => decode(await readState(pathOf(spec))),
    remove: async (spec) => {
      const path = pathOf(spec);
      try {
        await rm(path, { force: true });
        // Of a session that was killed while it wrote.
        await rm(`${path}.new`, { force: true });
      } catch (thrown) {
        throw fileFailure(path, 'written', thrown);
      }
    },
    list: async () => {
      const names = await readdir(folder).catch((thrown: unknown) => {
        if (errnoOf(thrown) === 'ENOENT') return [];
        throw fileFailure(folder, 'read', thrown);
      });
      const files = names.filter((name) => name.endsWith('.json'));
      const records = await Promise.all(
        files.map(async (name) => decode(await readState(join(folder, name)))),
      );
      return records
        .filter((record) => record !== null)
        .sort((a, b) => (a.spec < b.spec ? -1 : a.spec > b.spec ? 1 : 0));
    },
  };
}
