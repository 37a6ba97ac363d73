/**
 * Loaded into the built mkplan and its helper with `node --import`: counts what the process does to the state
 * directory, to other processes and to its helper, writes a line of each to a file, and has the kernel end the process
 * (SIGKILL) at the Nth. Nothing of the program is replaced: every operation is the real one.
 *
 * MKPLAN_TRACE: the file that the lines go to: `main|helper PID NUMBER before|after OPERATION`.
 * MKPLAN_DIE: `main:N` or `helper:N`, where it ends; left out, it only counts.
 * MKPLAN_INTERRUPT: `main:N`, where it sends itself SIGINT, as Ctrl-C does.
 */
import childProcess from 'node:child_process';
import { appendFileSync } from 'node:fs';
import fs from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { basename } from 'node:path';

const program = basename(process.argv[1] ?? '') === 'helper.js' ? 'helper' : 'main';
const trace = process.env['MKPLAN_TRACE'] ?? '/dev/null';
const dieAt = ownNumber('MKPLAN_DIE');
const interruptAt = ownNumber('MKPLAN_INTERRUPT');
let count = 0;

/** The operation that a variable names of this program; NaN, which no count is, where it names none. */
function ownNumber(variable) {
  const [victim, at] = (process.env[variable] ?? '').split(':');
  return victim === program ? Number(at) : Number.NaN;
}

function reach(side, operation) {
  count++;
  appendFileSync(trace, `${program} ${process.pid} ${count} ${side} ${operation}\n`);
  if (count === interruptAt) process.kill(process.pid, 'SIGINT');
  if (count === dieAt) process.kill(process.pid, 'SIGKILL');
}

async function around(operation, work) {
  reach('before', operation);
  const result = await work();
  reach('after', operation);
  return result;
}

/** Files of the state directory, by what they are there called. */
const NAMES = new Map([
  ['lock', 'lock'],
  ['helper.lock', 'helper lock'],
  ['journal.ndjson', 'journal'],
  ['registry.json.new', 'registry'],
]);

const names = new WeakMap();
let isPatched = false;

function recordIn(data) {
  return /"type":"(\w+)"/.exec(Buffer.from(data).toString('latin1', 0, 200))?.[1]?.toUpperCase() ?? 'record';
}

/** What the journal was last told, so that its fsync is told apart. */
let record = '';

function patchHandles(handle) {
  if (isPatched) return;
  isPatched = true;
  const prototype = Object.getPrototypeOf(handle);
  for (const method of ['write', 'sync', 'truncate']) {
    const real = prototype[method];
    prototype[method] = function (...args) {
      const name = names.get(this);
      if (name === undefined) return real.apply(this, args);
      if (method === 'write' && name === 'journal') record = recordIn(args[0]);
      const what = name === 'journal' && method !== 'truncate' ? `${method} ${record}` : method;
      return around(`${name}: ${what}`, () => real.apply(this, args));
    };
  }
}

const open = fs.open;
fs.open = async (path, ...args) => {
  const directory = String(path).endsWith('/mkplan');
  const name = directory ? 'state directory' : NAMES.get(basename(String(path)));
  if (name === undefined) return await open(path, ...args);
  const handle = await (directory ? open(path, ...args) : around(`${name}: open`, () => open(path, ...args)));
  names.set(handle, name);
  patchHandles(handle);
  return handle;
};

const rename = fs.rename;
fs.rename = (...args) => around('registry: rename', () => rename(...args));

const spawn = childProcess.spawn;
childProcess.spawn = (file, args, options) => {
  const isHelper = args.some((arg) => arg.endsWith('helper.js'));
  const name = isHelper ? 'helper' : basename(file);
  reach('before', `run ${name}`);
  const child = spawn(file, args, options);
  if (isHelper) {
    const write = child.stdin.write;
    child.stdin.write = (...given) => {
      const operation = `ask helper: ${/"type":"(\w+)"/.exec(String(given[0]))?.[1] ?? '?'}`;
      reach('before', operation);
      const result = write.apply(child.stdin, given);
      reach('after', operation);
      return result;
    };
  } else child.once('close', () => reach('after', `run ${name}`));
  return child;
};

if (program === 'helper') {
  const write = process.stdout.write;
  process.stdout.write = (...args) => {
    const operation = `reply: ${/"type":"(\w+)"/.exec(String(args[0]))?.[1] ?? '?'}`;
    reach('before', operation);
    const result = write.apply(process.stdout, args);
    reach('after', operation);
    return result;
  };
}

syncBuiltinESMExports();
