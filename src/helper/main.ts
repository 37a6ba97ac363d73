/**
 * The elevated helper: `helper.js --lock PATH`. It takes typed requests on stdin and nothing else, looks at each
 * by itself, answers on stdout, and ends at the end of its input. It holds the lock until its last child is gone.
 */

import { closeSync, constants, fstatSync, openSync } from 'node:fs';
import { Failure, messageOf } from '../model/diagnostic.ts';
import { readHostPolicy } from '../platform/host-policy.ts';
import type { HelperPlatform } from '../platform/platform.ts';
import { selectHelperPlatform } from '../platform/select.ts';
import { prepareGuarded } from './prepare.ts';
import { encodeResponse, type Response } from './protocol.ts';
import { serve } from './serve.ts';

/** Exit codes; what is wrong is told on stdout as well. */
const SERVED = 0;
const UNUSABLE = 1;
const USAGE = 64;

/** How long an earlier helper is waited for, which ends by itself after the chunk that it has begun. Milliseconds. */
const LOCK_PATIENCE_MS = 30_000;

class Unusable extends Error {}

/** Who calls could change what the helper runs. */
class Exposed extends Error {}

/**
 * Opens the lock file, which the caller has made: root creates nothing in a user's directory. Neither a link, nor
 * a device, nor a file that the caller does not own is touched.
 */
function openLock(path: string, caller: number | undefined): number {
  const lock = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  const stat = fstatSync(lock);
  if (stat.isFile() && (caller === undefined || stat.uid === caller)) return lock;
  closeSync(lock);
  throw new Unusable(`${path} is not a regular file of user ${caller}`);
}

/** The lock, held from the greeting on but for the time between a release and the next change. */
class HelperLock {
  readonly #platform: HelperPlatform;
  readonly #path: string;
  #descriptor: number | null = null;

  constructor(platform: HelperPlatform, path: string) {
    this.#platform = platform;
    this.#path = path;
  }

  /** The locked descriptor. Throws a Failure of kind `lock-held` when another helper keeps the lock. */
  async take(): Promise<number> {
    if (this.#descriptor !== null) return this.#descriptor;
    const { locks, caller } = this.#platform;
    const descriptor = openLock(this.#path, caller);
    if (!(await locks.tryLock(descriptor, { waitMs: LOCK_PATIENCE_MS }))) {
      closeSync(descriptor);
      throw new Failure('lock-held', []);
    }
    this.#descriptor = descriptor;
    return descriptor;
  }

  /** A child that still has a copy of the descriptor keeps the lock. */
  release(): void {
    if (this.#descriptor !== null) closeSync(this.#descriptor);
    this.#descriptor = null;
  }
}

// EPIPE: nobody listens any more, as the write itself tells.
process.stdout.on('error', () => undefined);

/** Sends a response; whether it could be. */
function respond(response: Response): Promise<boolean> {
  return new Promise((resolve) => {
    process.stdout.write(encodeResponse(response), (error) => resolve(error == null));
  });
}

function refuse(error: unknown): void {
  const held = error instanceof Failure && error.kind === 'lock-held';
  const [diagnostic] = error instanceof Failure ? error.diagnostics : [];
  respond({
    type: 'error',
    seq: null,
    code: held ? 'lock-held' : error instanceof Exposed ? 'exposed' : 'unusable',
    message: held
      ? 'another helper still holds the lock'
      : diagnostic === undefined
        ? messageOf(error)
        : `${diagnostic.summary}: ${diagnostic.cause}`,
  });
  process.exitCode = UNUSABLE;
}

async function main(args: readonly string[]): Promise<void> {
  const [flag, path, ...rest] = args;
  if (flag !== '--lock' || path === undefined || rest.length > 0) {
    process.stderr.write('usage: helper.js --lock PATH\n');
    process.exitCode = USAGE;
    return;
  }
  let stopping = false;
  // A chunk that has begun ends, whatever the terminal sends; whether more are asked for, mkplan decides.
  process.on('SIGINT', () => undefined).on('SIGHUP', () => undefined);
  process.on('SIGTERM', () => {
    stopping = true;
    process.stdin.destroy();
  });
  try {
    const platform = selectHelperPlatform();
    const why = await platform.whyExposed(import.meta.filename);
    if (why !== null) throw new Exposed(why);
    // By itself, from the one place where only root writes: what mkplan knows of it counts for nothing here.
    const { ranges } = readHostPolicy();
    const lock = new HelperLock(platform, path);
    const options = {
      capabilities: platform.capabilities,
      allowed: ranges,
      prepare: platform.changing(() => lock.take()),
    };
    await lock.take();
    await serve({
      input: process.stdin,
      respond,
      prepare: (changes) => prepareGuarded(changes, options),
      take: () => lock.take(),
      release: () => lock.release(),
      stopping: () => stopping,
    });
    process.exitCode = SERVED;
  } catch (error) {
    // Reading a destroyed stdin fails, and that is how SIGTERM ends an idle helper.
    if (stopping) process.exitCode = SERVED;
    else refuse(error);
  }
  process.stdin.destroy();
}

void main(process.argv.slice(2));
