import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  markUsed,
  readPlan,
  requireSameHost,
  requireShown,
  savePlan,
} from '../../../src/cli/transaction/plan-file.ts';
import { ours, planOf, routeStep } from '../plans.ts';

const HOST = { platform: 'linux', bootId: 'b00t', networkNamespace: '4026531840' } as const;
const PLAN = planOf({ steps: [routeStep('create', { after: ours('fd00:96::/112') })] });

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'mkplan-plan-file-'));
});
afterEach(async () => {
  await rm(directory, { recursive: true });
});

async function saved() {
  const file = join(directory, 'p.json');
  await savePlan(file, 'p.json', PLAN, HOST);
  return { file, plan: await readPlan(file, 'p.json') };
}

describe('a saved plan', () => {
  it('is read back as it was, and is for its owner alone', async () => {
    const { file, plan } = await saved();
    expect(plan.plan).toEqual(PLAN);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
  });

  it('is never written over a file', async () => {
    const file = join(directory, 'p.json');
    await writeFile(file, 'mine');
    await expect(savePlan(file, 'p.json', PLAN, HOST)).rejects.toMatchObject({
      kind: 'error',
      diagnostics: [{ code: 'file-exists' }],
    });
    expect(await readFile(file, 'utf8')).toBe('mine');
  });

  it('is written through no link, not even one that leads nowhere', async () => {
    const elsewhere = join(directory, 'elsewhere');
    const file = join(directory, 'p.json');
    await symlink(elsewhere, file);
    await expect(savePlan(file, 'p.json', PLAN, HOST)).rejects.toMatchObject({
      diagnostics: [{ code: 'file-exists' }],
    });
    expect(await readdir(directory)).toEqual(['p.json']);
  });

  it('is not marked as used through a link', async () => {
    const { plan } = await saved();
    const elsewhere = join(directory, 'elsewhere');
    await mkdir(elsewhere);
    await symlink(elsewhere, join(directory, 'applied-plans'));
    await expect(markUsed(directory, plan, 'p.json')).rejects.toMatchObject({
      diagnostics: [{ code: 'state-symlink' }],
    });
    expect(await readdir(elsewhere)).toEqual([]);
  });

  it('is reported when it cannot be read', async () => {
    await expect(readPlan(join(directory, 'none.json'), 'none.json')).rejects.toMatchObject({
      diagnostics: [{ code: 'plan-file-unreadable' }],
    });
  });

  it('is refused where it gives a key twice, since a person may have read the other', async () => {
    const { file } = await saved();
    const text = await readFile(file, 'utf8');
    await writeFile(file, text.replace('"steps": [', '"steps": [],\n    "steps": ['));
    await expect(readPlan(file, 'p.json')).rejects.toMatchObject({
      diagnostics: [{ code: 'plan-file-damaged', cause: expect.stringMatching(/"steps" stands here twice/) }],
    });
  });

  it('is read all the same where it was laid out anew', async () => {
    const { file } = await saved();
    await writeFile(file, JSON.stringify(JSON.parse(await readFile(file, 'utf8'))));
    expect((await readPlan(file, 'p.json')).plan).toEqual(PLAN);
  });

  it('is refused when it shows something else than is made of its facts, and says what', async () => {
    const { plan } = await saved();
    const made = { ...PLAN, steps: [routeStep('create', { after: ours('fd00:97::/112') })] };
    expect(() => requireShown(plan, PLAN, 'p.json')).not.toThrow();
    expect(() => requireShown(plan, made, 'p.json')).toThrow(
      expect.objectContaining({
        kind: 'error',
        diagnostics: [
          expect.objectContaining({
            code: 'plan-file-damaged',
            cause: expect.stringMatching(/shows "fd00:96::\/112" at plan\.steps\[0\].*give "fd00:97::\/112"/),
          }),
        ],
      }),
    );
  });

  it('is not compared with what other facts give: it is stale', async () => {
    const { plan } = await saved();
    expect(() => requireShown(plan, planOf({ fingerprint: 'beef' }), 'p.json')).not.toThrow();
  });

  it('is used at most once', async () => {
    const { plan } = await saved();
    await markUsed(directory, plan, 'p.json');
    await expect(markUsed(directory, plan, 'p.json')).rejects.toMatchObject({
      kind: 'stale',
      diagnostics: [{ code: 'plan-used' }],
    });
  });

  it('can be used again when nothing came of it', async () => {
    const { plan } = await saved();
    const mark = await markUsed(directory, plan, 'p.json');
    await mark.withdraw();
    await expect(markUsed(directory, plan, 'p.json')).resolves.toBeDefined();
  });

  it.each([
    ['another boot', { bootId: 'other' }],
    ['another network namespace', { networkNamespace: '1' }],
    ['another system', { platform: 'darwin' as const }],
  ])('is stale on %s', async (_name, difference) => {
    const { plan } = await saved();
    expect(() => requireSameHost(plan, HOST, 'p.json')).not.toThrow();
    expect(() => requireSameHost(plan, { ...HOST, ...difference }, 'p.json')).toThrow(
      expect.objectContaining({ kind: 'stale' }),
    );
  });
});
