import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const src = join(dirname(dirname(fileURLToPath(import.meta.url))), 'src');

/** Small interfaces and values beside their adapters, which every folder that may use ports may import. */
const PORTS: ReadonlySet<string> = new Set([
  'platform/bounded-file.ts',
  'platform/command.ts',
  'platform/file-events.ts',
  'platform/file-locks.ts',
  'platform/host-sources.ts',
  'platform/id-file.ts',
  'platform/processes.ts',
  'platform/route-events.ts',
  'platform/route-table.ts',
  'platform/system-limit.ts',
  'registry/registry.ts',
  'kubernetes/cluster.ts',
  'minikube/profiles.ts',
]);

/** folder → folders that it may import besides itself; `ports` stands for the files above. */
const ARROWS: Readonly<Record<string, readonly string[]>> = {
  model: [],
  spec: ['model', 'platform/bounded-file.ts'],
  planner: ['model'],
  platform: ['model'],
  helper: ['model', 'platform'],
  kubernetes: ['model', 'ports'],
  minikube: ['model', 'ports'],
  registry: ['model', 'ports'],
  observe: ['model', 'ports'],
  executor: ['model', 'ports'],
  machine: ['model', 'ports', 'executor'],
  'embedded-api': ['model'],
  sandbox: ['model', 'ports', 'embedded-api'],
  cli: ['*'],
};

/** Processes that are started by themselves: each wires its own adapters, as the CLI does in wiring/compose.ts. */
const ENTRIES: readonly { readonly file: string; readonly adapters: readonly string[] }[] = [
  { file: 'sandbox/main.ts', adapters: ['platform/process.ts'] },
  { file: 'sandbox/entry.ts', adapters: ['platform/supported-node.ts'] },
  // Read where there is no adapter too, as by `validate`: what only Linux has, user namespaces, it asks there.
  { file: 'platform/host-policy.ts', adapters: ['platform/linux/user-namespace.ts'] },
];

/** The only files that start processes: the seam, and the sandbox's own terminal session. */
const SPAWNERS: readonly string[] = ['platform/process.ts', 'sandbox/foreground.ts'];

/** Packages that have one home: nothing else may import them. */
const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  yaml: ['spec', 'observe', 'sandbox', 'embedded-api', 'kubernetes', 'cli'],
  'ip-cidr': ['spec'],
  ajv: ['spec'],
  xstate: ['machine'],
  chokidar: ['platform'],
  commander: ['cli'],
  picocolors: ['cli'],
  'get-east-asian-width': ['cli'],
  '@kubernetes/client-node': ['kubernetes'],
  socks: ['kubernetes'],
  '@peculiar/x509': ['embedded-api'],
  '@bufbuild/protobuf': ['embedded-api'],
};

function files(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.d.ts'))
    .map((name) => name.split(sep).join('/'))
    .filter((name) => !name.includes('/generated/'));
}

/** Every module that a file imports, statically or lazily, types included. */
function importsOf(file: string): string[] {
  const text = readFileSync(join(src, file), 'utf8');
  return [...text.matchAll(/(?:from\s+|import\s*\(\s*|import\s+)'([^']+)'/g)].flatMap(
    (match) => match[1] ?? [],
  );
}

function isEntryOf(file: string, target: string): boolean {
  return ENTRIES.some((entry) => entry.file === file && entry.adapters.includes(target));
}

function folderOf(file: string): string {
  return file.split('/')[0] ?? '';
}

const edges = files(src).flatMap((file) =>
  importsOf(file)
    .filter((target) => target.startsWith('.'))
    .map((target) => ({
      file,
      target: relative(src, join(src, dirname(file), target))
        .split(sep)
        .join('/'),
    })),
);

describe('import arrows', () => {
  it('sees the imports of every folder', () => {
    expect(new Set(edges.map((edge) => folderOf(edge.file)))).toEqual(new Set(Object.keys(ARROWS)));
  });

  it.each(Object.entries(ARROWS))('%s imports only what its arrows allow', (folder, allowed) => {
    const wrong = edges
      .filter(({ file, target }) => folderOf(file) === folder && folderOf(target) !== folder)
      .filter(
        ({ target }) =>
          !allowed.includes('*') && !allowed.includes(folderOf(target)) && !allowed.includes(target),
      )
      .filter(({ target }) => !(allowed.includes('ports') && PORTS.has(target)))
      .filter(({ file, target }) => !isEntryOf(file, target))
      .map(({ file, target }) => `${file} → ${target}`);
    expect(wrong).toEqual([]);
  });

  it('lets nothing but the entry points import an operating system’s adapters', () => {
    const wrong = edges
      .filter(({ target }) => /^platform\/(linux|darwin|win32)\//.test(target))
      .filter(({ file }) => folderOf(file) !== 'platform' || !/^platform\/(select\.ts$|linux\/)/.test(file))
      .filter(({ file, target }) => !isEntryOf(file, target))
      .map(({ file, target }) => `${file} → ${target}`);
    expect(wrong).toEqual([]);
  });

  it('lets only the CLI, the helper and the sandbox write to the terminal', () => {
    const writers = files(src).filter((file) => {
      const text = readFileSync(join(src, file), 'utf8');
      return /console\.|process\.(stdout|stderr)\.write/.test(text);
    });
    expect(writers.filter((file) => !/^(cli\/|(helper|sandbox)\/(entry|main)\.ts$)/.test(file))).toEqual([]);
  });

  it('lets only the process seam start processes', () => {
    const spawners = files(src).filter((file) => importsOf(file).includes('node:child_process'));
    expect(spawners.filter((file) => !SPAWNERS.includes(file))).toEqual([]);
  });

  it('keeps each package in its own folders', () => {
    const wrong = files(src).flatMap((file) =>
      importsOf(file)
        .filter((target) => !target.startsWith('.') && !target.startsWith('node:'))
        .filter((target) => {
          const name = target
            .split('/')
            .slice(0, target.startsWith('@') ? 2 : 1)
            .join('/');
          return !(PACKAGES[name] ?? []).includes(folderOf(file));
        })
        .map((target) => `${file} → ${target}`),
    );
    expect(wrong).toEqual([]);
  });

  it('has no circle of files', () => {
    // What imports nothing that is left, or is imported by nothing that is left, is on no circle.
    let left = new Set(files(src));
    for (let size = -1; size !== left.size; ) {
      size = left.size;
      const inside = edges.filter(({ file, target }) => left.has(file) && left.has(target));
      const importing = new Set(inside.map(({ file }) => file));
      left = new Set(inside.map(({ target }) => target).filter((target) => importing.has(target)));
    }
    expect([...left].sort()).toEqual([]);
  });

  it('keeps at most twenty files in one folder', () => {
    const counts = new Map<string, number>();
    for (const file of files(src)) counts.set(dirname(file), (counts.get(dirname(file)) ?? 0) + 1);
    expect([...counts].filter(([, count]) => count > 20)).toEqual([]);
  });

  it('keeps the planner pure: no clock, randomness, environment or I/O', () => {
    const impure = files(src)
      .filter((file) => folderOf(file) === 'planner' || folderOf(file) === 'model')
      .filter((file) => {
        const text = readFileSync(join(src, file), 'utf8');
        const imports = importsOf(file).filter(
          (target) => target.startsWith('node:') && target !== 'node:crypto',
        );
        return (
          imports.length > 0 ||
          /Date\.now|new Date\b|Math\.random|process\.|randomUUID|randomBytes/.test(text)
        );
      });
    expect(impure).toEqual([]);
  });
});
