import { parseAllDocuments, type Tags } from 'yaml';

/** Why the bytes of a file are not read. Its message is a clause about "it"; `fix` is a sentence. */
export class UnreadableText extends Error {
  readonly fix: string;

  constructor(message: string, fix: string, options?: { cause: unknown }) {
    super(message, options);
    this.fix = fix;
  }
}

const SAVE_AS_UTF8 = 'Save it as UTF-8.';

/** The first that fits; UTF-32 begins as UTF-16 does. */
const MARKS = [
  { bytes: [0xff, 0xfe, 0, 0], encoding: 'UTF-32', label: null },
  { bytes: [0, 0, 0xfe, 0xff], encoding: 'UTF-32', label: null },
  { bytes: [0xff, 0xfe], encoding: 'UTF-16', label: 'utf-16le' },
  { bytes: [0xfe, 0xff], encoding: 'UTF-16', label: 'utf-16be' },
] as const;

/** The text of a file: UTF-8, or UTF-16 with a byte order mark (YAML 1.1, section 5.2). Throws an UnreadableText. */
function decode(bytes: Buffer): string {
  const mark = MARKS.find((one) => one.bytes.every((byte, at) => bytes[at] === byte));
  if (mark?.label === null) throw new UnreadableText(`it is ${mark.encoding}`, SAVE_AS_UTF8);
  if (mark === undefined && bytes.subarray(0, 4).includes(0)) {
    throw new UnreadableText('it is UTF-16 or UTF-32 without a byte order mark', SAVE_AS_UTF8);
  }
  const { encoding, label } = mark ?? { encoding: 'UTF-8', label: 'utf-8' };
  try {
    return new TextDecoder(label, { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new UnreadableText(`some of its bytes are not ${encoding}`, SAVE_AS_UTF8, { cause });
  }
}

/** YAML 1.1 has times that go-yaml leaves as texts: `2001-01-01`, `1:30`. */
function withoutTimes(tags: Tags): Tags {
  return tags.filter(
    (tag) =>
      typeof tag === 'string' ||
      !(tag.tag.endsWith(':timestamp') || ('format' in tag && tag.format === 'TIME')),
  );
}

/**
 * Reads the bytes of a kubeconfig as YAML 1.1: the first document, and the last of equal keys, as kubectl does
 * (test/cluster/kubeconfig.test.ts). Null where there is nothing. Throws an UnreadableText.
 */
export function readDocument(bytes: Buffer): unknown {
  const text = decode(bytes);
  const options = { version: '1.1', uniqueKeys: false, logLevel: 'error', customTags: withoutTimes } as const;
  try {
    const [first] = parseAllDocuments(text, options);
    if (first === undefined) return null;
    if (first.errors[0] !== undefined) throw first.errors[0];
    return first.toJS({ maxAliasCount: 100 }) as unknown;
  } catch (cause) {
    const [line = ''] = (cause as Error).message.split('\n', 1);
    throw new UnreadableText(line.replace(/:$/, ''), 'Correct the file.', { cause });
  }
}
