import { isUtf8 } from 'node:buffer';
import { join } from 'node:path';
import { Failure, messageOf } from '../model/diagnostic.ts';
import type { RememberedApproval } from '../model/plan.ts';
import { APPROVAL_KINDS } from '../model/policy.ts';
import { shellWord } from '../model/shell-word.ts';
import { DocumentError, listOf, object, oneOf, orNull, record, text, unsigned } from './check.ts';
import { readState, replaceState } from './files.ts';
import { scanJson } from './json-text.ts';
import type { Approvals } from './registry.ts';

const VERSION = 1;

/** Some ten thousand approvals; nobody gives more. */
const MAX_BYTES = 8 * 1024 * 1024;

const time = (value: unknown): string => {
  const given = text(value);
  const at = new Date(given);
  if (Number.isNaN(at.getTime()) || at.toISOString() !== given) throw new DocumentError('should be a time');
  return given;
};

const approvalsCheck = listOf(
  object<RememberedApproval>({
    spec: text,
    profile: text,
    context: text,
    cluster: orNull(text),
    kind: oneOf(...APPROVAL_KINDS),
    subject: text,
    why: text,
    approvedOn: time,
  }),
);

function newer(path: string, version: number): Failure {
  return new Failure('error', [
    {
      code: 'approvals-newer',
      severity: 'error',
      summary: `${path} has version ${version}; this mkplan knows version ${VERSION}`,
      cause: 'A newer mkplan wrote it. Until this mkplan can read it, no approval in it counts.',
      fix: 'Run the newer mkplan; see which one this is.',
      command: 'mkplan --version',
    },
  ]);
}

function damaged(path: string, why: string, thrown: unknown): Failure {
  return new Failure(
    'error',
    [
      {
        code: 'approvals-damaged',
        severity: 'error',
        summary: `${path} is damaged: ${why}`,
        cause: 'Until mkplan can read all of it, no approval in it counts, and none is added.',
        fix: 'Move the file away; mkplan then asks again for what needs approval.',
        command: `mv ${shellWord(path)} ${shellWord(`${path}.damaged`)}`,
      },
    ],
    { cause: thrown },
  );
}

function decode(path: string, data: Buffer): readonly RememberedApproval[] {
  if (data.length > MAX_BYTES) throw damaged(path, `it has ${data.length} bytes`, null);
  if (!isUtf8(data)) throw damaged(path, 'it is not UTF-8', null);
  const content = data.toString('utf8');
  try {
    const document = record(JSON.parse(content));
    const version = unsigned(document['version']);
    if (version > VERSION) throw newer(path, version);
    if (version !== VERSION) throw new DocumentError(`${version} never existed`, ['version']);
    const { approvals } = object<{ version: number; approvals: readonly RememberedApproval[] }>({
      version: unsigned,
      approvals: approvalsCheck,
    })(document);
    // JSON.parse takes the last of two equal keys without a word.
    scanJson(content);
    return approvals;
  } catch (thrown) {
    throw thrown instanceof Failure ? thrown : damaged(path, messageOf(thrown), thrown);
  }
}

/** One approval a line, so that a person can read the file. */
function encode(approvals: readonly RememberedApproval[]): Buffer {
  const lines = approvals.map((one) => JSON.stringify(one)).join(',\n');
  return Buffer.from(`{"version":${VERSION},"approvals":[\n${lines}\n]}\n`);
}

/**
 * The approvals in `approvals.json` of the state directory. A file that is damaged, of a newer version, not ours or a
 * symbolic link is never rewritten: reading and writing it throw a Failure. Write under the lock only.
 */
export function createApprovals(dir: string): Approvals {
  const path = join(dir, 'approvals.json');
  const read = async () => {
    const data = await readState(path);
    return data === null ? [] : decode(path, data);
  };
  return {
    read,
    write: async (approvals) => {
      // What cannot be read is not ours to replace.
      await read();
      await replaceState(path, encode(approvals));
    },
  };
}
