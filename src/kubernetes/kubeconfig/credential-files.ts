import { readBounded, UnfitFile } from '../../platform/bounded-file.ts';

/** Bytes that a certificate, a key or a token may have. */
const MAX_BYTES = 1024 * 1024;

/** Keys that are passed over where `KEY-data` gives the same in base64. */
const FILE_KEYS = ['certificate-authority', 'client-certificate', 'client-key'];

type Entry = Readonly<Record<string, unknown>>;

/** Reads a file that a kubeconfig names. Throws an Error that names the file. */
export async function readCredentialFile(file: string): Promise<Buffer> {
  try {
    return await readBounded(file, { maxBytes: MAX_BYTES });
  } catch (thrown) {
    if (thrown instanceof UnfitFile) throw new Error(`${file}: ${thrown.message}`, { cause: thrown });
    throw thrown;
  }
}

/** An entry with what its certificates and keys are, in place of the files that hold them. */
export async function withFilesRead(entry: Entry): Promise<Entry> {
  const read = new Map(Object.entries(entry));
  for (const key of FILE_KEYS) {
    const [file, data] = [read.get(key), read.get(`${key}-data`)];
    read.delete(key);
    if (typeof file !== 'string' || file === '' || data) continue;
    read.set(`${key}-data`, (await readCredentialFile(file)).toString('base64'));
  }
  return Object.fromEntries(read);
}
