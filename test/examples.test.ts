import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const examples = join(root, 'examples');

/** example, recording, golden plan. */
const recordings = readdirSync(examples).flatMap((example) =>
  readdirSync(join(examples, example))
    .filter(
      (file) =>
        file.endsWith('.yaml') &&
        readFileSync(join(examples, example, file), 'utf8').includes('kind: Observation'),
    )
    .map(
      (file) =>
        [example, file, file === 'observed.yaml' ? 'plan.txt' : file.replace('.yaml', '.plan.txt')] as const,
    ),
);

function planned(
  example: string,
  recording: string,
): { status: number | null; stdout: string; stderr: string } {
  const argv = [
    'dist/main.js',
    'plan',
    `examples/${example}/tunnel.yaml`,
    '--observed',
    `examples/${example}/${recording}`,
  ];
  const { status, stdout, stderr } = spawnSync(process.execPath, argv, {
    cwd: root,
    encoding: 'utf8',
    env: { PATH: '', NO_COLOR: '1' },
  });
  return { status, stdout, stderr };
}

describe('examples', () => {
  it('are all there', () => {
    expect(recordings.map(([example, file]) => `${example}/${file}`).sort()).toEqual([
      'colima/observed.yaml',
      'colima/reachable.yaml',
      'hyperv/moved.yaml',
      'hyperv/observed.yaml',
      'k3d/observed.yaml',
      'kind/observed.yaml',
      'kubeadm/observed.yaml',
      'kvm/observed.yaml',
      'multinode/observed.yaml',
      'rancher-desktop/observed.yaml',
      'two-clusters/observed.yaml',
      'vpn/observed.yaml',
    ]);
  });

  it.each(recordings)(
    '%s gives with %s the plan of %s byte for byte, twice',
    (example, recording, golden) => {
      const first = planned(example, recording);
      const path = join(examples, example, golden);
      // `UPDATE_GOLDEN=1 npx vitest run test/examples.test.ts` writes them anew; look at the difference.
      if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(path, first.stdout);
      expect(existsSync(path)).toBe(true);
      expect(first.stdout).toBe(readFileSync(path, 'utf8'));
      expect(planned(example, recording)).toEqual(first);
      const refused = /! refused|No profile can be served/.test(first.stdout);
      expect(first.status).toBe(refused ? 4 : 0);
    },
  );

  it('are what the README shows', () => {
    const readme = readFileSync(join(root, 'README.md'), 'utf8');
    expect(readme).toContain(readFileSync(join(examples, 'kvm', 'plan.txt'), 'utf8').trim());
    const spec = readFileSync(join(examples, 'kvm', 'tunnel.yaml'), 'utf8').replaceAll(/^#.*\n/gm, '');
    expect(readme).toContain(spec.trim());
  });
});
