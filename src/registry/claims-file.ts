import { isUtf8 } from 'node:buffer';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { type Claim, claimKey } from '../model/claim.ts';
import { Failure, messageOf, type SourcePosition } from '../model/diagnostic.ts';
import { shellWord } from '../model/shell-word.ts';
import { DocumentError, object, openObject, record, text, type Unknown, unsigned } from './check.ts';
import { claimsCheck, claimText } from './claim-document.ts';
import { readState, replaceState } from './files.ts';
import { JsonTextError, positionAt, scanJson } from './json-text.ts';
import type { Registry } from './registry.ts';

/**
 * Version 2 has a checksum, and a later mkplan that rewrites it keeps the keys that it does not know. A key that changes what others
 * mean takes another number. Version 1 is read still, and had neither.
 */
const VERSION = 2;

/** Some 100,000 claims; more is nobody's. */
const MAX_BYTES = 64 * 1024 * 1024;

function damaged(path: string, cause: string, at: SourcePosition | null, thrown: unknown): Failure {
  return new Failure(
    'error',
    [
      {
        code: 'registry-damaged',
        severity: 'error',
        summary: `${path} is damaged`,
        cause: `${cause}. Without the claims nothing proves which routes are mkplan's, so nothing was changed.`,
        fix: 'Put a backup of the file back, correct that place, or move the file away: its routes are then shown as `?`, and `mkplan import` adopts them.',
        command: `mv ${shellWord(path)} ${shellWord(`${path}.damaged`)}`,
        ...(at === null ? {} : { at }),
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
      fix: 'Run the newer mkplan; see which one this is.',
      command: 'mkplan --version',
    },
  ]);
}

/** The first claim that has the key of an earlier one of the same boot and network namespace: one route, two owners. */
function refuseTwins(claims: readonly Claim[]): void {
  const seen = new Map<string, number>();
  for (const [index, claim] of claims.entries()) {
    const { bootId, networkNamespace } = claim.owner;
    const key = `${bootId} ${networkNamespace} ${claimKey(claim)}`;
    const twin = seen.get(key);
    if (twin !== undefined) {
      throw new DocumentError(`claims the route of claim ${twin}`, ['claims', String(index)]);
    }
    seen.set(key, index);
  }
}

/** What a registry says. */
export interface RegistryContent {
  readonly claims: readonly Claim[];
  /** Keys beside the claims that this mkplan does not know. */
  readonly unknown: Unknown;
}

const versionOne = object<{ version: number; claims: readonly Claim[] }>({
  version: unsigned,
  claims: claimsCheck,
});
const versionTwo = openObject<{ version: number; crc32: string; claims: readonly Claim[] }>({
  version: unsigned,
  crc32: text,
  claims: claimsCheck,
});

function contentOf(path: string, document: unknown): RegistryContent {
  const version = unsigned(record(document)['version']);
  if (version > VERSION) throw newer(path, version);
  if (version === VERSION) {
    const { known, unknown } = versionTwo(document);
    return { claims: known.claims, unknown };
  }
  if (version !== 1) throw new DocumentError(`${version} never existed`, ['version']);
  const { claims } = versionOne(document);
  for (const [index, { unknown }] of claims.entries()) {
    const [strange] = Object.keys(unknown ?? {});
    if (strange !== undefined) throw new DocumentError('is not known', ['claims', String(index), strange]);
  }
  return { claims, unknown: {} };
}

/** The checksum of a registry's JSON without blanks and without the checksum itself, so that its layout is free. */
function checksum(compact: string): string {
  return crc32(compact).toString(16).padStart(8, '0');
}

/** Throws a DocumentError for a document whose checksum is that of another. */
function requireChecksum(document: unknown): void {
  const { crc32: found, ...rest } = record(document);
  if (rest['version'] !== VERSION) return;
  const expected = checksum(JSON.stringify(rest));
  if (found !== expected) {
    throw new DocumentError(`is ${String(found)}, but the rest of the file has ${expected}`, ['crc32']);
  }
}

/** Where a document is wrong: at the value of the path, or where it is missing at what holds it. */
function placeOf(path: string, text: string, { path: keys }: DocumentError): SourcePosition {
  const places = scanJson(text);
  for (let depth = keys.length; depth > 0; depth--) {
    const offset = places.get(keys.slice(0, depth).join('.'));
    if (offset !== undefined) return positionAt(path, text, offset);
  }
  return positionAt(path, text, 0);
}

/** Reads the text of a registry. Throws a Failure that names `path` for one that is damaged or of a newer version. */
export function decodeClaims(path: string, data: Buffer): RegistryContent {
  if (data.length > MAX_BYTES) throw damaged(path, `It has ${data.length} bytes`, null, null);
  if (data.length === 0) throw damaged(path, 'It is empty', null, null);
  if (!isUtf8(data)) throw damaged(path, 'It is not UTF-8', null, null);
  const content = data.toString('utf8');
  try {
    const document: unknown = JSON.parse(content);
    const decoded = contentOf(path, document);
    refuseTwins(decoded.claims);
    // What is just as mkplan writes it has its checksum, and no key twice, of which JSON.parse takes the last.
    if (!encodeClaims(decoded).equals(data)) {
      scanJson(content);
      requireChecksum(document);
    }
    return decoded;
  } catch (thrown) {
    if (thrown instanceof Failure) throw thrown;
    throw whyDamaged(path, content, thrown);
  }
}

function whyDamaged(path: string, text: string, thrown: unknown): Failure {
  try {
    const at = thrown instanceof DocumentError ? placeOf(path, text, thrown) : null;
    if (at === null) scanJson(text);
    return damaged(path, messageOf(thrown), at, thrown);
  } catch (found) {
    if (!(found instanceof JsonTextError)) throw found;
    return damaged(path, sentence(found.message), positionAt(path, text, found.offset), thrown);
  }
}

function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** The text of a registry: one claim a line, so that a person can read the file and compare two of them. */
export function encodeClaims({ claims, unknown }: RegistryContent): Buffer {
  const texts = claims.map(claimText);
  const members = JSON.stringify(unknown).slice(1, -1);
  const rest = members === '' ? '' : `,${members}`;
  const sum = checksum(`{"version":${VERSION},"claims":[${texts.join(',')}]${rest}}`);
  return Buffer.from(`{"version":${VERSION},"crc32":"${sum}","claims":[\n${texts.join(',\n')}\n]${rest}}\n`);
}

function isEqual(a: Buffer | null, b: Buffer | null): boolean {
  return a === b || (a !== null && b !== null && a.equals(b));
}

const NOTHING: RegistryContent = { claims: [], unknown: {} };

/**
 * The claims in `registry.json` of the state directory. A file that is damaged, of a newer version, no file of
 * ours or a symbolic link is never rewritten: reading and writing it throw a Failure. Write under the lock only.
 */
export function createRegistry(dir: string): Registry {
  const path = join(dir, 'registry.json');
  /** What was understood last: the same bytes say the same again. */
  let last: { readonly data: Buffer | null; readonly content: RegistryContent } | null = null;

  async function read(): Promise<RegistryContent> {
    const data = await readState(path);
    if (last === null || !isEqual(last.data, data)) {
      last = { data, content: data === null ? NOTHING : decodeClaims(path, data) };
    }
    return last.content;
  }

  return {
    read: async () => (await read()).claims,
    async write(claims) {
      const { unknown } = last?.content ?? (await read());
      await replaceState(path, encodeClaims({ claims, unknown }));
    },
  };
}
