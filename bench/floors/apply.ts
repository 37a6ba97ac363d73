import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { dumpRoutes, ip } from './kernel.ts';

/**
 * `floor-apply.mjs ROUTES STATE`: what a transaction cannot do without. The kernel is dumped, the routes are added,
 * the kernel is dumped again and asked for each of them; what has to survive a crash is written and fsynced in
 * between, as often and about as much as mkplan does it.
 */

interface Wanted {
  readonly destinations: readonly string[];
  readonly gateway: string;
  readonly device: string;
}

/** Bytes that a record of the journal or the registry takes for each route. */
const INTENT = 390;
const DONE = 25;
const CLAIM = 385;
const SMALL_RECORD = 200;

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path);
  await directory.sync();
  await directory.close();
}

async function write(path: string, bytes: number): Promise<void> {
  const file = await open(path, 'a', 0o600);
  await file.write(Buffer.alloc(bytes, ' '));
  await file.sync();
  await file.close();
}

const [routesFile = '', state = ''] = process.argv.slice(2);
const { destinations, gateway, device }: Wanted = JSON.parse(await readFile(routesFile, 'utf8'));
const directory = join(state, 'floor');
const [journal, registry] = [join(directory, 'journal'), join(directory, 'registry')];
await mkdir(directory, { mode: 0o700 });

await dumpRoutes();
await write(journal, SMALL_RECORD);
await syncDirectory(directory);
await write(journal, destinations.length * INTENT);
const adds = destinations.map(
  (destination) => `route add ${destination} via ${gateway} dev ${device} proto 109 metric 109\n`,
);
await ip(['-batch', '-'], adds.join(''));
const routes = await dumpRoutes();
await write(journal, destinations.length * DONE);
const asked = destinations.map((destination) => `route get ${destination.split('/', 1)[0]}\n`);
const answered = await ip(['-batch', '-'], asked.join(''));
// One document for each command.
const answers: unknown[] = answered
  .trimEnd()
  .split('\n')
  .map((line) => JSON.parse(line));
await write(journal, destinations.length * CLAIM);
await write(`${registry}.new`, destinations.length * CLAIM);
await rename(`${registry}.new`, registry);
await syncDirectory(directory);
await write(journal, SMALL_RECORD);
process.stdout.write(`${routes.length} routes, ${answers.length} answers\n`);
