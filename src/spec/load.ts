import { parse as parsePath } from 'node:path';
import { type Diagnostic, Failure, messageOf } from '../model/diagnostic.ts';
import type { Prefix } from '../model/prefix.ts';
import { shellWord } from '../model/shell-word.ts';
import { readBounded, UnfitFile } from '../platform/bounded-file.ts';
import { type LoadedSpec, parseSpec } from './parse.ts';
import { errorAt, type Flaw } from './problem.ts';
import { MAX_BYTES } from './yaml.ts';

/**
 * Loads a tunnel.yaml and the overlay beside it (`tunnel.local.yaml`; for `NAME.yaml`, `NAME.local.yaml`), if there
 * is one; `allowedRanges` are what the host's policy lets be routed beside private ones. Throws a Failure of kind `error` with every problem of both.
 */
export async function loadSpec(path: string, allowedRanges: readonly Prefix[] = []): Promise<LoadedSpec> {
  const overlay = overlayPath(path);
  const [spec, local] = await Promise.all([readText(path), readText(overlay)]);
  if ('problem' in spec) throw new Failure('error', [spec.problem]);
  const problems: Diagnostic[] = [];
  if ('problem' in local && local.problem.code !== 'spec-missing') problems.push(local.problem);
  try {
    const loaded = parseSpec(
      spec.text,
      path,
      'text' in local ? { text: local.text, file: overlay } : undefined,
      allowedRanges,
    );
    if (problems.length === 0) return loaded;
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    problems.unshift(...error.diagnostics);
  }
  throw new Failure('error', problems);
}

/** The path of the overlay that belongs to a spec. */
export function overlayPath(path: string): string {
  const { ext } = parsePath(path);
  return `${path.slice(0, path.length - ext.length)}.local${ext}`;
}

type TextReading = { readonly text: string } | { readonly problem: Diagnostic };

async function readText(path: string): Promise<TextReading> {
  try {
    return decode(await readBounded(path, { maxBytes: MAX_BYTES }), path);
  } catch (error) {
    if (!(error instanceof UnfitFile)) return { problem: cannotOpen(path, error) };
    return {
      problem: error.why === 'size' ? problemOf(path, tooLarge(path)) : notAFile(path, error.message),
    };
  }
}

/**
 * The text of a spec that comes through a stream, read no further than a document may be long; `name` stands for its
 * file. Throws a Failure of kind `error`.
 */
export async function readSpecStream(stream: AsyncIterable<string | Buffer>, name: string): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  let reading: TextReading;
  try {
    for await (const chunk of stream) {
      const bytes = Buffer.from(chunk);
      chunks.push(bytes);
      length += bytes.length;
      if (length > MAX_BYTES) break;
    }
    reading =
      length > MAX_BYTES ? { problem: problemOf(name, tooLarge(name)) } : decode(Buffer.concat(chunks), name);
  } catch (error) {
    reading = { problem: cannotOpen(name, error) };
  }
  if ('problem' in reading) throw new Failure('error', [reading.problem]);
  return reading.text;
}

function decode(bytes: Buffer, path: string): TextReading {
  const text = bytes.toString('utf8');
  const again = Buffer.from(text, 'utf8');
  const wrong = again.equals(bytes) ? -1 : again.findIndex((byte, index) => byte !== bytes[index]);
  if (wrong < 0) return { text };
  const before = bytes.subarray(0, wrong).toString('utf8');
  const line = before.split('\n').length;
  const column = before.length - before.lastIndexOf('\n');
  return {
    problem: errorAt(
      { file: path, line, column },
      {
        code: 'spec-not-utf8',
        summary: `${path} is not UTF-8`,
        cause: `byte ${wrong} of the file is part of no UTF-8 character, so it is another encoding or no text at all`,
        fix: 'save the file as UTF-8, or give the path of a tunnel.yaml',
      },
    ),
  };
}

function problemOf(path: string, flaw: Flaw): Diagnostic {
  return errorAt({ file: path, line: 1, column: 1 }, flaw);
}

function tooLarge(path: string): Flaw {
  return {
    code: 'spec-too-large',
    summary: `${path} is larger than 1 MiB`,
    cause: 'a spec can come from a stranger, so its size is bounded; the largest useful one is far smaller',
    fix: 'give the path of a tunnel.yaml; one CIDR or range often does for many addresses',
  };
}

function notAFile(path: string, what: string): Diagnostic {
  return {
    code: 'spec-not-a-file',
    severity: 'error',
    summary: `${path} is not a file`,
    cause: `${what}, and a spec is read again whenever it is needed`,
    fix: 'give the path of the tunnel.yaml itself',
  };
}

/** What helps with a file that cannot be opened, by the system's error. */
function fixOf(code: unknown): string {
  if (code === 'ELOOP')
    return 'its symbolic links lead back to themselves: remove one, or give the path of the file';
  if (code === 'ENOTDIR') return 'part of the path is a file and not a directory: correct the path';
  if (code === 'ENAMETOOLONG') return 'give a shorter path';
  return 'make the file readable for yourself, and the directories above it';
}

function cannotOpen(path: string, error: unknown): Diagnostic {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ENOENT') {
    return {
      code: 'spec-missing',
      severity: 'error',
      summary: `there is no file ${path}`,
      cause: 'the path, or a directory above it, does not exist',
      fix: 'give the path of a tunnel.yaml, or let `mkplan init` write one',
      command: `mkplan init ${shellWord(path)}`,
    };
  }
  return {
    code: 'spec-unreadable',
    severity: 'error',
    summary: `${path} cannot be read`,
    cause: messageOf(error),
    fix: fixOf(code),
  };
}
