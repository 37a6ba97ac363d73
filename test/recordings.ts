import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

interface Planned {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function planned(folder: string, recording: string): Planned {
  const argv = ['dist/main.js', 'plan', `${folder}/tunnel.yaml`, '--observed', `${folder}/${recording}`];
  const { status, stdout, stderr } = spawnSync(process.execPath, argv, {
    cwd: root,
    encoding: 'utf8',
    env: { PATH: '', NO_COLOR: '1' },
  });
  return { status, stdout, stderr };
}

/** Expects that a golden file, relative to the project, has this text. `UPDATE_GOLDEN=1` writes it anew: look at the difference. */
export function expectGoldenText(golden: string, text: string): void {
  const path = join(root, golden);
  if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(path, text);
  expect(existsSync(path)).toBe(true);
  expect(text).toBe(readFileSync(path, 'utf8'));
}

/**
 * Expects that the `tunnel.yaml` of a folder gives with a recording the golden plan, byte for byte, twice. Returns what the
 * program did. `folder` is relative to the project.
 */
export function expectGolden(folder: string, recording: string, golden: string): Planned {
  const first = planned(folder, recording);
  expectGoldenText(`${folder}/${golden}`, first.stdout);
  expect(planned(folder, recording)).toEqual(first);
  return first;
}
