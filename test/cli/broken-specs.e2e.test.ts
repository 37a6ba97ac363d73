import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BROKEN_SPECS } from '../spec/broken.ts';

const mkplan = join(dirname(dirname(dirname(fileURLToPath(import.meta.url)))), 'dist', 'main.js');

describe('a broken spec', () => {
  let directory: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'mkplan-broken-'));
  });

  afterEach(() => {
    rmSync(directory, { recursive: true });
  });

  it.each(BROKEN_SPECS)(
    '$name: apply says $code and where, exits with 1, and touches nothing',
    async (one) => {
      const spec = await one.lay(directory);
      const state = join(directory, 'state');
      const { status, stdout, stderr } = spawnSync(
        process.execPath,
        [mkplan, 'apply', spec, '--auto-approve'],
        {
          encoding: 'utf8',
          cwd: directory,
          // Without a PATH nothing could be observed: that is not even tried.
          env: { HOME: directory, XDG_STATE_HOME: state, PATH: '', NO_COLOR: '1' },
        },
      );
      expect(status, stderr).toBe(1);
      expect(stdout).toBe('');
      expect(stderr).toContain(`[${one.code}]`);
      expect(stderr).toMatch(/^ +fix {2}\S/m);
      if (one.at !== null) expect(stderr).toMatch(new RegExp(`at .*:${one.at.line}:${one.at.column}$`, 'm'));
      expect(existsSync(state)).toBe(false);
    },
  );
});
