import { mkdtemp, rm } from 'node:fs/promises';
import { arch, cpus, release, tmpdir, type } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { requireNamespaces } from '../test/kernel/netns.ts';
import { APPLY } from './apply.ts';
import { BESIDE } from './beside.ts';
import { CHURN } from './churn.ts';
import { COLD } from './cold.ts';
import type { Benchmark, Figure } from './harness.ts';
import { LARGE } from './large.ts';
import { LIFE } from './life.ts';
import { PLANNER } from './planner.ts';
import { SERVING } from './serving.ts';
import { isWithin, renderTable } from './table.ts';
import { WATCH } from './watch.ts';

/** `main.mjs [--check] --mkplan PATH [NAME…]`, as scripts/bench.mjs calls it. */

const BENCHMARKS: readonly Benchmark[] = [PLANNER, COLD, LARGE, APPLY, SERVING, BESIDE, CHURN, WATCH, LIFE];

const say = (text: string) => process.stderr.write(`${text}\n`);

function chosen(names: readonly string[]): readonly Benchmark[] {
  const unknown = names.find((name) => BENCHMARKS.every((benchmark) => benchmark.name !== name));
  if (unknown !== undefined) {
    say(`no benchmark ${unknown}; there are ${BENCHMARKS.map(({ name }) => name).join(', ')}`);
    process.exit(64);
  }
  return names.length === 0 ? BENCHMARKS : BENCHMARKS.filter(({ name }) => names.includes(name));
}

async function runAll(benchmarks: readonly Benchmark[], mkplan: string): Promise<Figure[]> {
  const refused = requireNamespaces();
  const figures: Figure[] = [];
  for (const benchmark of benchmarks) {
    if (benchmark.needsNamespaces && refused !== null) {
      say(`${benchmark.name}: skipped, ${refused}`);
      continue;
    }
    const scratch = await mkdtemp(join(tmpdir(), `mkplan-bench-${benchmark.name}-`));
    try {
      const found = await benchmark.run({
        mkplan,
        program: (name) => fileURLToPath(new URL(`./${name}.mjs`, import.meta.url)),
        scratch,
        progress: (text) => say(`${benchmark.name}: ${text}`),
      });
      figures.push(...found);
    } finally {
      await rm(scratch, { recursive: true });
    }
  }
  return figures;
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { check: { type: 'boolean', default: false }, mkplan: { type: 'string' } },
});
if (values.mkplan === undefined) throw new TypeError('--mkplan names the built program');

const figures = await runAll(chosen(positionals), values.mkplan);
process.stdout.write(`${type()} ${release()} ${arch()}, ${cpus().length} cores, Node ${process.version}\n\n`);
process.stdout.write(renderTable(figures));
const over = figures.filter((figure) => !isWithin(figure));
if (over.length > 0) say(`over budget: ${over.map(({ work }) => work).join('; ')}`);
process.exitCode = values.check && over.length > 0 ? 1 : 0;
