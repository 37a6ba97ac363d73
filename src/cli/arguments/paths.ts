import { dirname, isAbsolute, join, relative, resolve } from 'node:path';
import type { SourcePosition } from '../../model/diagnostic.ts';
import { printableLine } from '../../model/text/printable.ts';

/**
 * How files are named to the user: beside the spec as it was typed, so that output holds no path that the user did
 * not give and is the same from every checkout.
 */
export interface FileNames {
  /** The spec as typed. */
  readonly spec: string;
  /** The spec as a path from the root. */
  readonly absolute: string;
  /** A file's name for people. */
  readonly show: (file: string) => string;
  /** A sentence in which the spec's absolute path, if it has it, is as typed. */
  readonly showIn: (text: string) => string;
}

/** Names for the files of a spec: `typed` is what the user gave, `absolute` what it resolved to. */
export function fileNames(typed: string, absolute: string): FileNames {
  const root = dirname(absolute);
  return {
    spec: typed,
    absolute,
    show: (file) => {
      if (file === absolute) return typed;
      const inside = relative(root, file);
      return inside.startsWith('..') || isAbsolute(inside) ? file : join(dirname(typed), inside);
    },
    showIn: (text) => text.replaceAll(absolute, typed),
  };
}

/** Names for the files of a spec that was typed in a directory. */
export function specNames(typed: string, cwd: string): FileNames {
  return fileNames(typed, resolve(cwd, typed));
}

/** Names for the files of a spec whose absolute path is known: as it would be typed in a directory, if it is below it. */
export function namesFrom(absolute: string, cwd: string): FileNames {
  const inside = relative(cwd, absolute);
  return fileNames(inside.startsWith('..') || isAbsolute(inside) ? absolute : inside, absolute);
}

/** `file:line:column` for people. */
export function showPosition(at: SourcePosition, names: FileNames): string {
  return printableLine(`${names.show(at.file)}:${at.line}:${at.column}`);
}
