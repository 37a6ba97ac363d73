// `npm run fuzz -- [--inputs N] [--target NAME]… [--seed N]`: feeds the readers of untrusted input with mutations of
// valid ones, and stops at the first that crashes, hangs or is accepted without being understood. docs/internals/fuzzing.md
import { randomInt } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { bundle, install, must, root } from './setup.mjs';

/** One input takes microseconds; the largest documents take milliseconds. */
const HANG_MS = 30_000;
const PROGRESS_MS = 10_000;

const { values } = parseArgs({
  options: {
    inputs: { type: 'string', default: '100000' },
    target: { type: 'string', multiple: true },
    seed: { type: 'string' },
    input: { type: 'string' },
  },
});
const inputs = Number(values.inputs);
const seed = values.seed === undefined ? randomInt(2 ** 31) : Number(values.seed);
if (!Number.isSafeInteger(inputs) || inputs < 1 || !Number.isSafeInteger(seed)) {
  process.stderr.write('--inputs and --seed are whole numbers\n');
  process.exit(64);
}

install();
must([process.execPath, join(root, 'scripts', 'generate.mjs')]);
process.chdir(root);
const folder = mkdtempSync(join(tmpdir(), 'mkplan-fuzz-'));
const program = join(folder, 'worker.mjs');
await bundle({
  entryPoints: ['test/fuzz/worker.ts'],
  outfile: program,
});

/** Has a worker do one task. `onTick` is called every second; the worker is stopped when it answers false. */
function perform(task, onTick = () => true) {
  return new Promise((resolve, reject) => {
    const worker = new Worker(program, { workerData: task });
    let outcome = null;
    const timer = setInterval(() => {
      if (!onTick()) void worker.terminate();
    }, 1000);
    worker.once('message', (given) => {
      outcome = given;
    });
    worker.once('error', (error) => {
      clearInterval(timer);
      reject(error);
    });
    worker.once('exit', () => {
      clearInterval(timer);
      resolve(outcome);
    });
  });
}

/** Runs one target to its end; how it went, as a row of the table, or null after it was told what failed. */
async function fuzz(target) {
  const shared = new SharedArrayBuffer(8);
  const counts = new Int32Array(shared);
  const started = performance.now();
  let seen = { index: -1, at: started };
  let told = started;
  const outcome = await perform({ type: 'run', target, seed, inputs, counts: shared }, () => {
    const now = performance.now();
    const index = Atomics.load(counts, 0);
    if (index !== seen.index) seen = { index, at: now };
    if (now - told >= PROGRESS_MS) {
      told = now;
      process.stdout.write(`  ${target}: ${index} of ${inputs}, ${rate(index, now - started)} inputs/s\n`);
    }
    return now - seen.at < HANG_MS;
  });
  if (outcome === null) return await tell(target, seen.index, `no end within ${HANG_MS / 1000} s`);
  if (outcome.failure !== null) return await tell(target, outcome.failure.index, outcome.failure.error);
  const accepted = Atomics.load(counts, 1);
  return [target, inputs, accepted, inputs - accepted, rate(inputs, performance.now() - started)];
}

const rate = (count, ms) => Math.round(count / (ms / 1000));

async function tell(target, index, error) {
  const file = join(root, `fuzz-${target}-${seed}-${index}.bin`);
  await perform({ type: 'write', target, seed, index, file });
  process.stdout.write(`\n${target}: input ${index} of seed ${seed}\n${error}\n\nsaved as ${file}; again:\n`);
  process.stdout.write(`  npm run fuzz -- --target ${target} --input ${file}\n\n`);
  return null;
}

async function main() {
  const { names } = await perform({ type: 'names' });
  const targets = values.target ?? names;
  const unknown = targets.find((name) => !names.includes(name));
  if (unknown !== undefined) {
    process.stderr.write(`no target ${unknown}; there are ${names.join(', ')}\n`);
    return 64;
  }
  if (values.input !== undefined) {
    const { failure } = await perform({ type: 'read', target: targets[0], file: values.input });
    process.stdout.write(failure === null ? 'read, and nothing is wrong\n' : `${failure.error}\n`);
    return failure === null ? 0 : 1;
  }
  process.stdout.write(`seed ${seed}, ${inputs} inputs a target\n`);
  const rows = [];
  for (const target of targets) {
    const row = await fuzz(target);
    if (row !== null)
      process.stdout.write(`${row[0]}: ${row[2]} accepted, ${row[3]} refused, ${row[4]} inputs/s\n`);
    rows.push(row ?? [target, 'failed', '', '', '']);
  }
  const table = [
    ['target', 'inputs', 'accepted', 'refused', 'inputs/s'],
    ['---', '---:', '---:', '---:', '---:'],
    ...rows,
  ];
  process.stdout.write(`\n${table.map((row) => `| ${row.join(' | ')} |`).join('\n')}\n`);
  return rows.some((row) => row[1] === 'failed') ? 1 : 0;
}

try {
  process.exitCode = await main();
} finally {
  rmSync(folder, { recursive: true });
}
