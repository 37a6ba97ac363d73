import { chown, mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { type Started, whyExposed, whyOpen } from '../../../../src/platform/linux/helper/exposure.ts';
import { temporaryDirectory } from '../../../fakes/temporary.ts';

const ANN = 34_567;
const isRoot = process.getuid?.() === 0;

interface Entry {
  readonly users?: string;
  readonly options?: string;
  /** With `NODE`, `HELPER` and `@` for the directory that everything is in. */
  readonly commands: readonly string[];
}

/** As `sudo -ll -U` prints it (sudo 1.9.13). */
const listing = (defaults: string, ...entries: readonly Entry[]) =>
  [
    `Matching Defaults entries for ann on host:\n    env_reset, use_pty${defaults}\n\nUser ann may run the following commands on host:`,
    ...entries.map(
      ({ users = 'root', options, commands }) =>
        `Sudoers entry:\n    RunAsUsers: ${users}\n${options === undefined ? '' : `    Options: ${options}\n`}    Commands:\n${commands.map((one) => `\t${one}\n`).join('')}`,
    ),
  ].join('\n\n');

/** Ann's checkout, and root's installation; both are reached through links as well. */
let root: string;

beforeEach(async () => {
  root = await temporaryDirectory();
  for (const file of [
    'bin/node',
    'home/dist/helper.js',
    'app/dist/helper.js',
    'app/dist/a b.js',
    'srv/job.js',
  ]) {
    await mkdir(dirname(join(root, file)), { recursive: true });
    await writeFile(join(root, file), '');
  }
  await mkdir(join(root, 'tools'));
  await symlink(join(root, 'bin/node'), join(root, 'tools/node'));
  await symlink(join(root, 'app'), join(root, 'tools/mkplan'));
  await symlink(join(root, 'app'), join(root, 'opt'));
  if (isRoot) for (const name of ['home', 'home/dist', 'tools']) await chown(join(root, name), ANN, ANN);
});

function started(helper: string, script = helper): Started {
  const lock = ['--lock', '/home/ann/helper.lock'];
  return { node: join(root, 'bin/node'), helper: join(root, helper), called: [join(root, script), ...lock] };
}

/** What is said of a listing, with the directory and the helper filled in. */
function said(text: string, helper: string, script = helper): string | null {
  const filled = text
    .replaceAll(/\bNODE\b/g, join(root, 'bin/node'))
    .replaceAll('HELPER', join(root, script))
    .replaceAll('@', root);
  return whyOpen(filled, started(helper, script))?.replaceAll(root, '@') ?? null;
}

const FREE = '!authenticate';
const rule = { options: FREE, commands: ['NODE HELPER --lock *'] };

describe('with code of the user, a rule', () => {
  test.each<[string, string, boolean]>([
    ['without a password for the helper', listing('', rule), true],
    ['the same, beside everything with one', listing('', { commands: ['ALL'] }, rule), true],
    ['the same, among others', listing('', { ...rule, commands: ['/bin/ls', ...rule.commands] }), true],
    ['for everything', listing('', rule, { options: FREE, commands: ['ALL'] }), false],
    ['for Node', listing('', rule, { options: FREE, commands: ['NODE'] }), false],
    ['for Node with any arguments', listing('', rule, { options: FREE, commands: ['NODE *'] }), false],
    ['for Node through a link', listing('', rule, { options: FREE, commands: ['@/tools/node'] }), false],
    ['for the directory of Node', listing('', rule, { options: FREE, commands: ['@/bin/'] }), false],
    ['for all that is in it', listing('', rule, { options: FREE, commands: ['@/bin/*'] }), false],
    [
      'for everything as somebody else',
      listing('', rule, { users: 'bob', options: FREE, commands: ['ALL'] }),
      true,
    ],
    [
      'for everything as anybody but root',
      listing('', rule, { users: 'ALL, !root', options: FREE, commands: ['ALL'] }),
      true,
    ],
    [
      'for everything, which a later one asks a password for',
      listing('', rule, { options: FREE, commands: ['ALL'] }, { commands: ['ALL'] }),
      true,
    ],
    ['for something else', listing('', { options: FREE, commands: ['/bin/ls'] }), false],
    [
      'for everything but the helper',
      listing('', { options: FREE, commands: ['!NODE HELPER', '/bin/ls'] }),
      false,
    ],
    ['with a password', listing('', { commands: rule.commands }), false],
    [
      'with a password where the user needs none',
      listing(', !authenticate', { commands: rule.commands }),
      true,
    ],
    [
      'that asks for one where the user needs none',
      listing(', !authenticate', { options: 'authenticate', commands: rule.commands }),
      false,
    ],
    [
      'whose command needs none by a default',
      listing('\n\nRunas and Command-specific defaults for ann:\n    Defaults!NODE !authenticate', {
        commands: rule.commands,
      }),
      true,
    ],
    ['by a digest of Node', listing('', { ...rule, commands: ['sha256:62ab NODE HELPER'] }), true],
    [
      'by digests of Node, in a listing of 80 columns',
      listing('', { ...rule, commands: ['sha256:62ab,\n        sha512:77cd\n        NODE HELPER'] }),
      true,
    ],
    ['with options of Node', listing('', { ...rule, commands: ['NODE --no-warnings HELPER'] }), true],
    ['through another program', listing('', { ...rule, commands: ['/usr/bin/env NODE HELPER'] }), true],
    [
      'with a pattern for its directory',
      listing('', { ...rule, commands: ['NODE @/*/helper.js --lock *'] }),
      true,
    ],
    [
      'with a pattern for one letter',
      listing('', { ...rule, commands: ['NODE @/hom?/dist/helper.js'] }),
      true,
    ],
    ['with a pattern that it does not match', listing('', { ...rule, commands: ['NODE @/srv/*'] }), false],
    [
      'with a pattern behind something else',
      listing('', { ...rule, commands: ['NODE @/srv/job.js *'] }),
      false,
    ],
    ['with an expression', listing('', { ...rule, commands: ['NODE ^HELPER --lock [a-z/.]+$'] }), true],
    ['with another one', listing('', { ...rule, commands: ['NODE ^@/srv/[a-z]+\\.js$'] }), false],
    ['with one that is not understood', listing('', { ...rule, commands: ['NODE ^HELPER($'] }), false],
    [
      'in a listing of 80 columns',
      listing('', { ...rule, commands: ['NODE\n        HELPER\n        --lock /home/ann/helper.lock'] }),
      true,
    ],
    [
      'with more options than fit into a line',
      listing('', { ...rule, options: 'env_keep+=A,\n        setenv, !authenticate' }),
      true,
    ],
    [
      'with arguments of somebody else, in a listing of 80 columns',
      listing('', { ...rule, commands: ['NODE\n        @/srv/job.js'] }),
      false,
    ],
    ['that nobody understands', 'Sorry, user ann may not run sudo on host.\n', false],
  ])('%s', (_, text, isOpen) => {
    const why = said(text, 'home/dist/helper.js');
    if (isOpen) expect(why).toMatch(/@.* can be written to by others than root$/);
    else expect(why).toBeNull();
  });
});

describe.skipIf(!isRoot)('with code of root, a rule without a password', () => {
  const CALLED = 'app/dist/helper.js';
  const by = (...commands: readonly string[]) => listing('', { options: FREE, commands });

  test.each<[string, string, string]>([
    ['for the helper', by('NODE HELPER --lock *'), CALLED],
    ['through a link of root', by('NODE HELPER --lock *'), 'opt/dist/helper.js'],
    ['with a pattern', by('NODE @/*/helper.js --lock *'), CALLED],
    ['for a link of the user that leads elsewhere', by('NODE @/tools/none.js', 'NODE HELPER'), CALLED],
    ['with an environment of no matter', listing(', env_keep+="LANG COLORS"', { ...rule }), CALLED],
    ['with NOSETENV', listing(', setenv', { ...rule, options: `!setenv, ${FREE}` }), CALLED],
  ])('%s is as it should be', (_, text, called) => {
    expect(said(text, CALLED, called)).toBeNull();
  });

  test.each<[string, string, string, RegExp]>([
    [
      'through a link that the user can change',
      by('NODE HELPER'),
      'tools/mkplan/dist/helper.js',
      /^@\/tools can/,
    ],
    [
      'through one, though it was called by another way',
      by('NODE @/tools/mkplan/dist/helper.js'),
      CALLED,
      /^@\/tools/,
    ],
    [
      'through one, beside a good one',
      by('NODE HELPER', 'NODE @/tools/mkplan/dist/helper.js'),
      CALLED,
      /^@\/tools/,
    ],
    ['through a link to Node that the user can change', by('@/tools/node HELPER'), CALLED, /^@\/tools/],
    [
      'by a pattern that a link of the user matches',
      by('NODE @/*/helper.js'),
      'tools/mkplan/dist/helper.js',
      /^@\/tools/,
    ],
    [
      'that lets the user set variables',
      listing('', { ...rule, options: `setenv, ${FREE}` }),
      CALLED,
      /^NODE_OPTIONS/,
    ],
    ['with variables of the user’s choice by default', listing(', setenv', rule), CALLED, /^NODE_OPTIONS/],
    ['that keeps the environment', listing(', !env_reset', rule), CALLED, /^NODE_OPTIONS/],
    ['that keeps NODE_OPTIONS', listing(', env_keep+="LANG NODE_OPTIONS"', rule), CALLED, /^NODE_OPTIONS/],
    ['that keeps what begins alike', listing(', env_keep+=NODE_*', rule), CALLED, /^NODE_OPTIONS/],
    ['that keeps a loader’s variable', listing(', env_keep=LD_PRELOAD=*', rule), CALLED, /^LD_PRELOAD/],
    [
      'that keeps where OpenSSL is configured',
      listing(', env_keep+=OPENSSL_CONF', rule),
      CALLED,
      /^OPENSSL_CONF/,
    ],
  ])('%s is open', (_, text, called, why) => {
    expect(said(text, CALLED, called)).toMatch(why);
  });

  test('for a path with blanks is recognised', () => {
    expect(said(by('@/tools/node "@/app/dist/a b.js" --lock *'), 'app/dist/a b.js')).toMatch(/^@\/tools/);
  });

  test('whose path is relative is open, as the user chooses the directory', () => {
    const before = process.cwd();
    process.chdir(join(root, 'app'));
    try {
      expect(said(by('NODE dist/helper.js'), CALLED)).toMatch(/looks for dist\/helper\.js/);
    } finally {
      process.chdir(before);
    }
  });

  test('is open where the user could say how Node reads the code', async () => {
    const path = join(root, 'app', 'package.json');
    await writeFile(path, '{}');
    await chown(path, ANN, ANN);
    expect(said(by('NODE HELPER'), CALLED)).toMatch(/^@\/app\/package\.json/);
    await writeFile(join(root, 'app', 'dist', 'package.json'), '{}');
    expect(said(by('NODE HELPER'), CALLED)).toBeNull();
  });
});

test.each([
  ['has rules', 0, 'sudo lets ann run it without a password, and '],
  ['says nothing', 1, null],
])('sudo is asked as root for the rules of the user, and %s', async (_, code, why) => {
  const { node, helper, called } = started('home/dist/helper.js');
  const stdout = listing('', { options: FREE, commands: [`${node} ${helper}`] });
  const asked: unknown[] = [];
  const runner = {
    run: async (argv: readonly string[]) => {
      asked.push(argv);
      return { code, stdout, stderr: '', timedOut: false };
    },
  };
  const exposed = await whyExposed({ runner, user: 'ann', node, helper, called });
  if (why === null) expect(exposed).toBeNull();
  else expect(exposed).toContain(why);
  expect(asked).toEqual([['sudo', '-n', '-l', '-l', '-U', 'ann']]);
});
