import { rename, unlink, writeFile } from 'node:fs/promises';

/** A way to write a file anew, and its name. */
export type Rewrite = readonly [name: string, write: (file: string, text: string) => Promise<void>];

/** What editors do, each of them, and which leaves the file's directory as it is. */
export const REWRITES: readonly Rewrite[] = [
  ['in place', (file, text) => writeFile(file, text)],
  [
    'by rename over it',
    async (file, text) => {
      await writeFile(`${file}.tmp`, text);
      await rename(`${file}.tmp`, file);
    },
  ],
  [
    'by delete and create',
    async (file, text) => {
      await unlink(file);
      await writeFile(file, text);
    },
  ],
  [
    'by moving it to a backup first',
    async (file, text) => {
      await rename(file, `${file}~`);
      await writeFile(file, text);
    },
  ],
];
