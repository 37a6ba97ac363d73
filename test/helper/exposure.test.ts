import { chmod, chown, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, test } from 'vitest';
import { opensTheWay, writablePart } from '../../src/helper/exposure.ts';
import { temporaryDirectory } from '../fakes/temporary.ts';

const NODE = '/usr/bin/node';
const HELPER = '/opt/mkplan/dist/helper.js';

/** As `sudo -ll -U` prints it (sudo 1.9.13). */
const listing = (...entries: readonly { options?: string; commands: readonly string[] }[]) =>
  [
    'Matching Defaults entries for ann on host:\n    env_reset, use_pty\n\nUser ann may run the following commands on host:',
    ...entries.map(
      ({ options, commands }) =>
        `Sudoers entry:\n    RunAsUsers: root\n${options === undefined ? '' : `    Options: ${options}\n`}    Commands:\n${commands.map((one) => `\t${one}\n`).join('')}`,
    ),
  ].join('\n\n');

describe('a rule without a password', () => {
  const rule = { options: '!authenticate', commands: [`${NODE} ${HELPER} --lock *`] };

  test.each<[string, string, boolean]>([
    ['for the helper', listing(rule), true],
    ['for the helper, beside everything with one', listing({ commands: ['ALL'] }, rule), true],
    [
      'for the helper among others',
      listing({ options: 'setenv, !authenticate', commands: ['/bin/ls', ...rule.commands] }),
      true,
    ],
    ['for everything', listing(rule, { options: '!authenticate', commands: ['ALL'] }), false],
    ['for Node', listing(rule, { options: '!authenticate', commands: [NODE] }), false],
    ['for something else', listing({ options: '!authenticate', commands: ['/bin/ls'] }), false],
    ['for nothing', listing({ commands: rule.commands }), false],
    [
      'for the helper, in a listing of 80 columns',
      listing({ ...rule, commands: [`${NODE}\n        ${HELPER}\n        --lock /home/ann/helper.lock`] }),
      true,
    ],
    [
      'for the helper, with more options than fit into a line',
      listing({ ...rule, options: 'env_keep+=A,\n        setenv, !authenticate' }),
      true,
    ],
    [
      'for Node with arguments of somebody else, in a listing of 80 columns',
      listing({ ...rule, commands: [`${NODE}\n        /srv/job.js`] }),
      false,
    ],
    ['that nobody understands', 'Sorry, user ann may not run sudo on host.\n', false],
  ])('%s', (_, text, exposed) => {
    expect(opensTheWay(text, NODE, HELPER)).toBe(exposed);
  });
});

describe.skipIf(process.getuid?.() !== 0)('the part of a path that another user can write to', () => {
  const ANN = 34_567;

  async function installed(): Promise<{ readonly app: string; readonly file: string }> {
    const app = join(await temporaryDirectory(), 'app');
    await mkdir(app);
    const file = join(app, 'helper.js');
    await writeFile(file, '', { mode: 0o644 });
    return { app, file };
  }

  it('is none where root owns all of it, under a sticky directory too', async () => {
    expect(writablePart((await installed()).file, ANN)).toBeNull();
  });

  it('is the file that the user owns, or that anybody may write', async () => {
    const { file } = await installed();
    await chmod(file, 0o646);
    expect(writablePart(file, ANN)).toBe(file);
    await chmod(file, 0o644);
    await chown(file, ANN, 0);
    expect(writablePart(file, ANN)).toBe(file);
  });

  it('is a directory above it that the user owns, or that a group may write', async () => {
    const { app, file } = await installed();
    await chown(app, ANN, 0);
    expect(writablePart(file, ANN)).toBe(app);
    await chown(app, 0, ANN);
    await chmod(app, 0o775);
    expect(writablePart(file, ANN)).toBe(app);
  });
});
