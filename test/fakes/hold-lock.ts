import { FlockLocks } from '../../src/platform/linux/flock.ts';
import { ProcessRunner } from '../../src/platform/process.ts';
import { createLock } from '../../src/registry/lock-file.ts';

/** A process that takes the lock of the directory it is given, says so, and holds it until its input ends. */
const [dir = '', doing = ''] = process.argv.slice(2);
const held = await createLock(dir, new FlockLocks(new ProcessRunner())).acquire({
  doing,
  waitMs: 0,
  onWait: () => undefined,
});
process.stdout.write('held\n');
process.stdin.resume().on('end', () => void held.release());
