import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import packageJson from '../package.json' with { type: 'json' };
import eventsSchema from '../schema/events.schema.json' with { type: 'json' };
import { STREAM_FORMAT } from '../src/cli/views/json/json-view.ts';
import { OBSTACLES } from '../src/planner/obstacles.ts';
import { mkplan } from './cli/run-program.ts';
import { codesUnder } from './diagnostic-codes.ts';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Codes of the helper's protocol, which no person sees. */
const PROTOCOL = new Set(['exposed', 'not-understood', 'unusable', 'version']);

function sources(): string[] {
  return readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.includes('generated'))
    .map((name) => readFileSync(join(root, 'src', name), 'utf8'));
}

const pages = ['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'CHANGELOG.md'].concat(
  readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
);

/** Anchors of a page's headings, as GitHub makes them. */
function anchorsOf(path: string): string[] {
  const headings = readFileSync(path, 'utf8').matchAll(/^#+ (.+)$/gm);
  return [...headings].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replace(/\s/g, '-'),
  );
}

/** Every golden plan, with its files named as if it were planned in its own folder. */
const PLANS = ['examples', 'test/planner/cases'].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('plan.txt'))
    .map((name) =>
      readFileSync(join(root, folder, name), 'utf8').replaceAll(`${folder}/${dirname(name)}/`, ''),
    ),
);

/** What `mkplan --help` lists. */
const COMMANDS = [...(await mkplan(['--help'])).stdout.matchAll(/^ {2}([a-z]+)\b/gm)].map(
  ([, name = '']) => name,
);

const FILES = ['src', 'test', 'scripts'].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((path) => join(folder, path)),
);

const READ_BY_TESTS = FILES.filter((path) => path.startsWith('test') && path.endsWith('.ts')).map((path) =>
  readFileSync(join(root, path), 'utf8'),
);

/** What a page sets as code or has people type, word by word, without the comment behind it. */
function codeOf(text: string): string[][] {
  const typed = [...text.matchAll(/`([^`\n]+)`|^\$ (.+)$/gm)].map(([, code, line]) => code ?? line ?? '');
  return typed.map((code) => code.replace(/\s+#.*/, '').split(/\s+/));
}

/** Words of a page's code that stand for a file, a folder, a tier, a script, a command or a variable that is not there. */
function missingIn(text: string): string[] {
  const isFile = (word: string) =>
    [root, join(root, 'src')].some((folder) => existsSync(join(folder, word))) ||
    FILES.some((path) => basename(path) === word);
  return codeOf(text).flatMap(([first = '', second = '', third = '', ...rest]) => {
    const words = [first, second, third, ...rest].filter((word) => !word.includes('NAME'));
    const files = words.filter((word) =>
      /^[A-Za-z.][\w.-]*\/[\w./-]*$|^[\w-]+\.(?:ts|mjs|json|md)$/.test(word),
    );
    const variables = words.flatMap((word) => /^(?:MKPLAN|UPDATE)_[A-Z]+/.exec(word)?.[0] ?? []);
    const script = first === 'npm' && (second === 'run' ? third : second);
    const wrong = [
      ...files.filter((word) => !isFile(word)),
      ...variables.filter((name) => !READ_BY_TESTS.some((file) => file.includes(`'${name}'`))),
    ];
    if (script && !['ci', 'pack'].includes(script) && !(script in packageJson.scripts))
      wrong.push(`npm ${script}`);
    if (first === 'mkplan' && /^[a-z]+$/.test(second) && !COMMANDS.includes(second))
      wrong.push(`mkplan ${second}`);
    return wrong;
  });
}

describe('the documents', () => {
  it('list every code that a diagnostic can have, and no other', () => {
    const rows = readFileSync(join(root, 'docs', 'diagnostics.md'), 'utf8').match(/^\| `[^|]+\|/gm) ?? [];
    const listed = rows.flatMap((row) => [...row.matchAll(/`([^`]+)`/g)].map(([, code = '']) => code));
    const written = codesUnder(join(root, 'src')).filter((code) => !PROTOCOL.has(code));
    const given = [...new Set([...written, ...Object.keys(OBSTACLES)])].sort();
    expect(given.length).toBeGreaterThan(150);
    expect([...new Set(listed)].sort()).toEqual(given);
  });

  it('list every line of --json, with each of its fields, and the program prints every one of them', () => {
    const page = readFileSync(join(root, 'docs', 'json.md'), 'utf8');
    const all = sources().join('\n');
    const sections = new Map(
      page.split(/^### /m).map((section) => [section.slice(0, section.indexOf('\n')), section]),
    );
    for (const { description, properties } of eventsSchema.oneOf) {
      const { type, ...fields } = properties;
      const section = sections.get(`\`${type.const}\``);
      expect(section, type.const).toContain(description);
      for (const field of Object.keys(fields)) expect(section).toMatch(new RegExp(`^- \`${field}\``, 'm'));
      expect(all).toContain(`type: '${type.const}'`);
    }
  });

  it('show, of --json, the version of its form, and types and fields that it has', () => {
    const page = readFileSync(join(root, 'docs', 'json.md'), 'utf8');
    expect(page).toContain(
      `"type":"version","seq":0,"time":"2026-11-30T12:00:00.000Z","format":"${STREAM_FORMAT}"`,
    );
    const filters = [...page.matchAll(/select\(\.type == "([\w.]+)"\) \| \[([^|]*)\]/g)];
    expect(filters.length).toBeGreaterThan(1);
    for (const [, type = '', fields = ''] of filters) {
      const section = page.split(/^### /m).find((one) => one.startsWith(`\`${type}\`\n`));
      for (const [, field] of fields.matchAll(/\.(\w+)/g))
        expect(section, type).toContain(`\n- \`${field}\``);
    }
  });

  it.each(pages)('%s links to files and headings that are there', (page) => {
    const links = [
      ...readFileSync(join(root, page), 'utf8').matchAll(/\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)/g),
    ];
    const broken = links.filter(([, target = '', anchor]) => {
      const path = target === '' ? join(root, page) : join(root, dirname(page), target);
      return !existsSync(path) || (anchor !== undefined && !anchorsOf(path).includes(anchor));
    });
    expect(broken.map(([link]) => link)).toEqual([]);
  });

  it('name every page of docs/ in its index, and the README names the index and the pages beside it', () => {
    const readme = readFileSync(join(root, 'README.md'), 'utf8');
    const index = readFileSync(join(root, 'docs', 'README.md'), 'utf8');
    const beside = pages.filter((page) => !page.startsWith('docs/') && page !== 'README.md');
    expect([...beside, 'docs/README.md'].filter((page) => !readme.includes(`(${page})`))).toEqual([]);
    const below = pages.filter((page) => page.startsWith('docs/') && page !== 'docs/README.md');
    expect(below.filter((page) => !index.includes(`(${relative('docs', page)})`))).toEqual([]);
  });

  it.each(['getting-started.md', 'troubleshooting.md', 'why-not-minikube-tunnel.md'])(
    '%s shows plans as a case or an example has them',
    (name) => {
      const page = readFileSync(join(root, 'docs', name), 'utf8');
      const blocks = page.split(/^```/m).filter((_, index) => index % 2 === 1);
      const shown = blocks.flatMap(
        (block) => /^(?:console\n\$ mkplan plan)?\n([\s\S]+)/.exec(block)?.[1] ?? [],
      );
      expect(shown.length).toBeGreaterThan(0);
      expect(shown.filter((text) => !PLANS.some((plan) => plan.includes(text)))).toEqual([]);
    },
  );

  it('show the live view as it was captured', () => {
    const page = readFileSync(join(root, 'docs', 'watch.md'), 'utf8');
    for (const name of ['60x15.txt', '80x24.txt']) {
      const capture = readFileSync(join(root, 'docs', 'captures', name), 'utf8');
      expect(page).toContain(`\`\`\`\n${capture}\`\`\``);
    }
  });

  it.each(['ARCHITECTURE.md', 'CONTRIBUTING.md'])(
    '%s names only files, folders, scripts, commands and variables that there are',
    (name) => {
      const text = readFileSync(join(root, name), 'utf8');
      expect(codeOf(text).length).toBeGreaterThan(50);
      expect(missingIn(text)).toEqual([]);
    },
  );

  it.each([
    'src/planner/nothing.ts',
    'planner/nothing/',
    'nothing.ts',
    'npm run nothing',
    'mkplan nothing',
    'MKPLAN_NOTHING=1 npm test',
  ])('would name %s, which is not there', (code) => {
    expect(missingIn(`\`${code}\``)).toHaveLength(1);
  });

  it('list every command, and no other', () => {
    const [page = ''] = readFileSync(join(root, 'docs', 'commands.md'), 'utf8').split(/^## /m);
    const listed = [...page.matchAll(/^\| `([a-z]+)[^|]*` \|/gm)].map(([, command = '']) => command);
    expect(listed.sort()).toEqual(COMMANDS.filter((command) => command !== 'help').sort());
  });

  it('name, among the situations, cases and examples that there are', () => {
    const page = readFileSync(join(root, 'docs', 'internals', 'situations.md'), 'utf8');
    const cases = [...page.matchAll(/\bcases? ((?:`[\w-]+`(?:, )?)+)/g)].flatMap(
      ([, names = '']) => names.match(/[\w-]+/g) ?? [],
    );
    expect(cases.length).toBeGreaterThan(15);
    expect(cases.filter((name) => !existsSync(join(root, 'test', 'planner', 'cases', name)))).toEqual([]);
  });

  it('name, in the threat model, tests that there are', () => {
    const text = readFileSync(join(root, 'docs', 'threat-model.md'), 'utf8');
    const named = [...text.matchAll(/`(test\/[\w./-]+)` › ([^|;\n]+)/g)];
    expect(named.length).toBeGreaterThan(30);
    const missing = named.filter(([, file = '', name = '']) => {
      const path = join(root, file);
      return !existsSync(path) || !readFileSync(path, 'utf8').includes(name.trim());
    });
    expect(missing.map(([whole]) => whole)).toEqual([]);
  });
});
