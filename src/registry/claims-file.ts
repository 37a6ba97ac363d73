import { constants } from 'node:fs';
import { lstat, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Claim } from '../model/claim.ts';
import { Failure, messageOf } from '../model/diagnostic.ts';
import { DocumentError, record, unsigned } from './check.ts';
import { claimsCheck, claimText } from './claim-document.ts';
import {
  errnoOf,
  fileFailure,
  openState,
  readState,
  symlinkFailure,
  syncDirectory,
  writeAll,
} from './files.ts';
import type { Registry } from './registry.ts';

const VERSION = 1;

function damaged(path: string, thrown: unknown): Failure {
  return new Failure(
    'error',
    [
      {
        code: 'registry-damaged',
        severity: 'error',
        summary: `${path} is damaged`,
        cause: `${messageOf(thrown)}. Without the claims nothing proves which routes are mkplan's, so nothing was changed.`,
        fix: 'Put a backup of the file back, or move it away: its routes are then shown as `?`, and `mkplan import` adopts them.',
        command: `mv '${path}' '${path}.damaged'`,
      },
    ],
    { cause: thrown },
  );
}

function newer(path: string, version: number): Failure {
  return new Failure('error', [
    {
      code: 'registry-newer',
      severity: 'error',
      summary: `${path} has version ${version}; this mkplan knows version ${VERSION}`,
      cause: 'A newer mkplan wrote it, and what is not understood is not rewritten.',
      fix: 'Run the newer mkplan.',
    },
  ]);
}

/** Reads the text of a registry. Throws a Failure that names `path` for one that is damaged or of a newer version. */
export function decodeClaims(path: string, data: Buffer): readonly Claim[] {
  try {
    const document = record(JSON.parse(data.toString('utf8')));
    const version = unsigned(document['version']);
    if (version > VERSION) throw newer(path, version);
    if (version !== VERSION) throw new DocumentError(`version ${version} never existed`);
    const strange = Object.keys(document).find((key) => key !== 'version' && key !== 'claims');
    if (strange !== undefined) throw new DocumentError('is not known', [strange]);
    return claimsCheck(document['claims']);
  } catch (thrown) {
    if (thrown instanceof Failure) throw thrown;
    throw damaged(path, thrown);
  }
}

/** The text of a registry: one claim a line, so that a person can read the file and compare two of them. */
export function encodeClaims(claims: readonly Claim[]): Buffer {
  return Buffer.from(`{"version":${VERSION},"claims":[\n${claims.map(claimText).join(',\n')}\n]}\n`);
}

async function replaceFile(dir: string, path: string, data: Buffer): Promise<void> {
  const temporary = `${path}.new`;
  // What a killed mkplan left; the lock makes sure that nobody is writing it now.
  await rm(temporary, { force: true });
  const file = await openState(temporary, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL);
  try {
    await writeAll(file, data);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
  await syncDirectory(dir);
}

function isEqual(a: Buffer | null, b: Buffer | null): boolean {
  return a === b || (a !== null && b !== null && a.equals(b));
}

/**
 * The claims in `registry.json` of the state directory. A file that is damaged, of a newer version or a
 * symbolic link is never rewritten: reading and writing it throw a Failure. Write under the lock only.
 */
export function createRegistry(dir: string): Registry {
  const path = join(dir, 'registry.json');
  /** What was understood last: the same bytes say the same again. */
  let last: { readonly data: Buffer | null; readonly claims: readonly Claim[] } | null = null;

  async function read(): Promise<readonly Claim[]> {
    const data = await readState(path);
    if (last === null || !isEqual(last.data, data)) {
      last = { data, claims: data === null ? [] : decodeClaims(path, data) };
    }
    return last.claims;
  }

  return {
    read,
    async write(claims) {
      if (last === null) await read();
      try {
        // rename(2) would put a file in the link's place, against what the link's maker meant.
        const found = await lstat(path).catch((thrown: unknown) => {
          if (errnoOf(thrown) === 'ENOENT') return null;
          throw thrown;
        });
        if (found?.isSymbolicLink() === true) throw symlinkFailure(path);
        await replaceFile(dir, path, encodeClaims(claims));
      } catch (thrown) {
        throw fileFailure(path, 'written', thrown);
      }
    },
  };
}
