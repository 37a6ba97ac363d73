// `npm run kill-matrix -- [--runs N] [--seed N] [--jobs N] [--part N]`: kills the built mkplan and its helper (SIGKILL) in
// network namespaces of its own, and ends with a table: where, how often, and what was wrong afterwards.
// docs/internals/kill-matrix.md
import { randomInt } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { build, bundle, install, namespacesRefused, root } from './setup.mjs';

/** Kills between two lines of progress. */
const PROGRESS_KILLS = 50;

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '200' },
    seed: { type: 'string' },
    jobs: { type: 'string', default: '1' },
    part: { type: 'string' },
  },
});
const runs = Number(values.runs);
const seed = values.seed === undefined ? randomInt(2 ** 31) : Number(values.seed);
const jobs = Number(values.jobs);
const part = Number(values.part ?? 0);
if (
  !([runs, jobs].every((n) => Number.isSafeInteger(n) && n > 0) && [seed, part].every(Number.isSafeInteger))
) {
  process.stderr.write('--runs, --seed, --jobs and --part are whole numbers\n');
  process.exit(64);
}

install();
const refused = namespacesRefused();
if (refused !== null) {
  process.stderr.write(`${refused}\n`);
  process.exit(1);
}
build();
process.chdir(root);
mkdirSync('dist', { recursive: true });
// Two folders below the checkout, like what it is made of.
const folder = mkdtempSync(join('dist', 'kill-matrix-'));
const program = join(root, folder, 'matrix.mjs');

/** Everything that was counted, as a table. */
function tableOf(rows) {
  const lines = [
    ['point', 'before', 'after', 'about then', 'runs', 'violations'],
    ['---', '---:', '---:', '---:', '---:', '---:'],
  ];
  const sum = { before: 0, after: 0, random: 0, violations: 0 };
  for (const row of rows) {
    for (const key of Object.keys(sum)) sum[key] += row[key];
    lines.push(lineOf(row.point, row));
  }
  lines.push(lineOf('together', sum));
  return lines.map((line) => `| ${line.join(' | ')} |\n`).join('');
}

function lineOf(name, { before, after, random, violations }) {
  return [name, before, after, random, before + after + random, violations];
}

function tell({ text, part }) {
  process.stdout.write(`\n${text}\n\nagain: npm run kill-matrix -- --seed ${seed} --part ${part}\n`);
}

async function main() {
  await bundle({
    entryPoints: ['test/crash/kill-matrix.ts'],
    outfile: program,
  });
  const { runKillMatrix, PART_KILLS } = await import(program);
  const parts =
    values.part === undefined ? Array.from({ length: Math.ceil(runs / PART_KILLS) }, (_, k) => k) : [part];
  const all = parts.length * PART_KILLS;
  process.stdout.write(`seed ${seed}, ${all} kills\n`);
  const started = performance.now();
  let next = PROGRESS_KILLS;
  const onKill = ({ kills, violations }) => {
    if (kills < next) return;
    next += PROGRESS_KILLS;
    const minutes = Math.ceil((((performance.now() - started) / kills) * (all - kills)) / 60_000);
    process.stdout.write(`  ${kills} kills, ${violations.length} violations; about ${minutes} min left\n`);
  };
  const { rows, kills, aged, violations } = await runKillMatrix({
    seed,
    parts,
    jobs,
    onKill,
    onViolation: tell,
  });
  process.stdout.write(
    `\n${tableOf(rows)}\n${kills} kills, ${aged} of them with files of an older mkplan, ${violations.length} violations, seed ${seed}\n`,
  );
  return violations.length === 0 ? 0 : 1;
}

try {
  process.exitCode = await main();
} finally {
  rmSync(folder, { recursive: true });
}
