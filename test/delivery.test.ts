import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { RECORD_KEY } from '../src/kubernetes/allocations.ts';
import { LEASE_SELECTOR } from '../src/kubernetes/leases.ts';
import { CONDITION_TYPE } from '../src/model/condition.ts';
import { FIELD_MANAGER } from '../src/model/observed.ts';
import { POLICY_PATH } from '../src/model/policy.ts';
import { DEFAULT_PROTOCOL } from '../src/model/route.ts';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const read = (name: string) => readFileSync(join(root, name), 'utf8');

/** Files of a folder, all the way down, relative to the checkout. */
function filesIn(folder: string, name: RegExp): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => name.test(file) && !file.includes('generated'))
    .map((file) => `${folder}/${file}`);
}

/** What people and machines are told to run. */
const instructions = [
  ...readdirSync(root).filter((name) => name.endsWith('.md')),
  'package.json',
  '.ci/run',
  ...filesIn('docs', /\.md$/),
  ...filesIn('scripts', /\.mjs$/),
  ...filesIn('deploy', /./),
  ...filesIn('examples', /\.(?:md|ya?ml)$/),
];

/** What mkplan itself says. */
const sources = filesIn('src', /\.ts$/);

/**
 * Calls of npm that install what a checkout needs, in a shell's words or as an argv. A package that is installed by its
 * file is mkplan's own, and depends on nothing.
 */
function installations(text: string): string[] {
  const typed = text.match(/\bnpm (?:ci|i|install|clean-install)\b[^\n`|;&]*/g) ?? [];
  const called = text.match(/'(?:ci|install|clean-install)',?[^)]*\)/g) ?? [];
  const always = /const always = (\[[^\]]*\])/.exec(text)?.[1] ?? '';
  return [...typed, ...called.map((call) => call.replace('...always', always))].filter(
    (call) => !/\.tgz\b/.test(call),
  );
}

describe('no script of another package runs', () => {
  it.each(instructions)('where %s has packages installed', (name) => {
    const careless = installations(read(name)).filter((call) => !call.includes('--ignore-scripts'));
    expect(careless).toEqual([]);
  });

  it('and each of these is recognised', () => {
    const careless = [
      'npm ci',
      'run `npm install` first',
      'npm i --no-audit && npm test',
      "must(npm('ci', '--no-audit'))",
      "spawnSync('npm', ['install', '--no-fund'])",
    ];
    for (const text of careless) expect(installations(text), text).toHaveLength(1);
    expect(installations('npm install --global ./mkplan-0.1.0.tgz\nnpm init')).toEqual([]);
    expect(instructions.flatMap((name) => installations(read(name))).length).toBeGreaterThan(2);
  });

  it('though those of mkplan do: packing starts with a build', () => {
    expect(read('.npmrc')).not.toContain('ignore-scripts');
    expect(JSON.parse(read('package.json')).scripts.prepack).toContain('scripts/prepack.mjs');
  });
});

describe('nobody is told to run', () => {
  it.each([
    'npx mkplan',
    'npm exec mkplan',
    'npm install mkplan',
    'npm i -g mkplan',
    'npm install --global mkplan',
  ])('`%s`: the name is not mkplan’s in the registry', (command) => {
    const pattern = new RegExp(`${command.replaceAll(' ', '(?: +-[-\\w]+)* +')}(?![-\\w/.])`);
    expect([...instructions, ...sources].filter((name) => pattern.test(read(name)))).toEqual([]);
  });
});

it('one address stands for the project wherever one is named', () => {
  const { homepage, bugs, repository } = JSON.parse(read('package.json'));
  const address = 'https://github.com/mkplan/mkplan';
  expect({ homepage, bugs, repository }).toEqual({
    homepage: `${address}#readme`,
    bugs: { url: `${address}/issues` },
    repository: { type: 'git', url: `git+${address}.git` },
  });
  const others = [...instructions, ...sources].flatMap((name) =>
    [...read(name).matchAll(/github\.com\/([\w.-]+)\/mkplan\b/g)].filter(([, owner]) => owner !== 'mkplan'),
  );
  expect(others.map(([whole]) => whole)).toEqual([]);
});

describe('the page on uninstalling', () => {
  const [namespace = '', record = ''] = RECORD_KEY.split('/');

  it.each([
    `kubectl -n ${namespace} delete configmap ${record}`,
    `kubectl -n ${namespace} delete lease -l ${LEASE_SELECTOR}`,
    `--subresource=status --field-manager=${FIELD_MANAGER} `,
    `@.status.conditions[*].type=="${CONDITION_TYPE}"`,
    `ip route flush proto ${DEFAULT_PROTOCOL}\n`,
    POLICY_PATH,
  ])('names what mkplan makes: %s', (text) => {
    expect(read('docs/install.md')).toContain(text);
  });

  it('names the units, the manifest and the helper as they are delivered', () => {
    const page = read('docs/install.md');
    const units = readdirSync(join(root, 'deploy'));
    expect(units.filter((name) => !page.includes(name))).toEqual([]);
    const folder = '/usr/local/lib/node_modules/mkplan';
    expect(page).toContain(`realpath ${folder}/dist/helper.js`);
    expect(read('docs/elevation.md')).toContain(`NOPASSWD: /usr/bin/node ${folder}/dist/helper.js --lock `);
  });
});
