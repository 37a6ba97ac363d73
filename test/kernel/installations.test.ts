import { afterEach, describe, expect, it } from 'vitest';
import { requireNamespaces } from './netns.ts';
import { specOf } from './rig.ts';
import { type Installation, requireSudo, SudoRig, USER } from './sudo.ts';

const refused = requireNamespaces() ?? requireSudo();

const NVM = 'home/.nvm/versions/node/v20.20.2';
const FNM = 'home/.local/share/fnm/node-versions/v20.20.2/installation';
const MULTISHELL = 'home/.local/state/fnm_multishells/7421_1764540000000';
const BREW = 'linuxbrew/.linuxbrew';

/** What `npm install --global` makes below a prefix. */
function global(prefix: string, called = prefix) {
  return {
    app: `${prefix}/lib/node_modules/mkplan`,
    links: { [`${prefix}/bin/mkplan`]: `${prefix}/lib/node_modules/mkplan/dist/main.js` },
    called: { node: `${called}/bin/node`, mkplan: `${called}/bin/mkplan` },
  };
}

/** Each with the first part of a path that is the user's. */
const OF_USER: readonly (readonly [string, Installation, string])[] = [
  ['nvm', { node: `${NVM}/bin/node`, ofUser: [], ...global(NVM) }, `${NVM}/lib`],
  [
    'fnm',
    {
      node: `${FNM}/bin/node`,
      ofUser: [],
      ...global(FNM),
      links: { ...global(FNM).links, [MULTISHELL]: FNM },
      called: global(FNM, MULTISHELL).called,
    },
    `${FNM}/lib`,
  ],
  [
    'Homebrew',
    {
      node: `${BREW}/Cellar/node/20.20.2/bin/node`,
      ofUser: ['linuxbrew'],
      ...global(BREW),
      links: { ...global(BREW).links, [`${BREW}/bin/node`]: `${BREW}/Cellar/node/20.20.2/bin/node` },
    },
    `${BREW}/lib`,
  ],
  [
    '`npm link`, from a checkout of the user',
    {
      node: 'usr/bin/node',
      app: 'home/src/mkplan',
      ofUser: [],
      links: {
        'usr/lib/node_modules/mkplan': 'home/src/mkplan',
        'usr/bin/mkplan': 'usr/lib/node_modules/mkplan/dist/main.js',
      },
      called: { node: 'usr/bin/node', mkplan: 'usr/bin/mkplan' },
    },
    'home/src/mkplan',
  ],
  [
    'root, and run by the Node of nvm',
    {
      node: `${NVM}/bin/node`,
      ofUser: [],
      ...global('usr'),
      called: { node: `${NVM}/bin/node`, mkplan: 'usr/bin/mkplan' },
    },
    `${NVM}/bin/node`,
  ],
];

const OF_ROOT: Installation = { node: 'usr/bin/node', ofUser: [], ...global('usr') };

describe.skipIf(refused !== null)(`mkplan installed by${refused === null ? '' : `: ${refused}`}`, () => {
  let user: SudoRig;

  async function install(installation: Installation): Promise<void> {
    user = await SudoRig.create(installation);
    await user.write(specOf({ cidrs: ['10.96.0.0/12'] }));
  }

  afterEach(() => user.rig.close());

  describe.each(OF_USER)('%s', (_, installation, part) => {
    it('is not run as root without a password, and says what the user could change', async () => {
      await install(installation);
      await user.rules(user.withoutPassword);
      const applied = await user.apply();
      expect(applied.code).toBe(1);
      expect(applied.stderr).toMatch(/\[helper-exposed\][\s\S]*Install mkplan and Node as root/);
      expect(applied.stderr).toContain(`sudo lets ${USER} run it without a password, and `);
      expect(applied.stderr.replaceAll(/\s+/g, ' ')).toContain(`${user.rig.directory}/${part}`);
      expect(await user.rig.ours()).toEqual([]);
    });

    it('works where sudo gives the user everything', async () => {
      await install(installation);
      await user.rules(`${USER} ALL=(root) NOPASSWD: ALL`);
      const applied = await user.apply();
      expect(applied.code, applied.stderr).toBe(0);
      expect(await user.rig.ours()).toHaveLength(1);
    });
  });

  it('root works with a rule for its helper, though it is called through links', async () => {
    await install(OF_ROOT);
    await user.rules(user.withoutPassword);
    const applied = await user.apply();
    expect(applied.code, applied.stderr).toBe(0);
    expect(await user.rig.ours()).toHaveLength(1);
  });
});
