import { execFile } from 'node:child_process';
import { mkdir, readdir, readlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { readBounded, UnfitFile } from '../../src/platform/bounded-file.ts';
import { temporaryDirectory } from '../fakes/temporary.ts';

const exec = promisify(execFile);
const BOUNDS = { maxBytes: 1000 };
const STREAMS = { maxBytes: 1000, streams: true } as const;

async function why(read: Promise<Buffer>): Promise<string> {
  const thrown: unknown = await read.then(
    () => null,
    (reason: unknown) => reason,
  );
  return thrown instanceof UnfitFile ? `${thrown.why}: ${thrown.message}` : String(thrown);
}

it('reads a file up to its bound, and none beyond it', async () => {
  const file = join(await temporaryDirectory(), 'file');
  await writeFile(file, 'x'.repeat(1000));
  expect((await readBounded(file, BOUNDS)).length).toBe(1000);
  await writeFile(file, 'x'.repeat(1001));
  expect(await why(readBounded(file, BOUNDS))).toBe(
    'size: it has more than 1000 bytes, the most that is read',
  );
});

it('reads a file whose size is told as none, such as those of /proc', async () => {
  expect((await readBounded('/proc/self/status', { maxBytes: 100_000 })).toString()).toContain('Pid:');
});

it('names what is not a file', async () => {
  const directory = await temporaryDirectory();
  await mkdir(join(directory, 'folder'));
  await exec('mkfifo', [join(directory, 'pipe')]);
  expect(await why(readBounded(join(directory, 'folder'), BOUNDS))).toBe('kind: it is a directory');
  expect(await why(readBounded(join(directory, 'folder'), STREAMS))).toBe('kind: it is a directory');
  expect(await why(readBounded(join(directory, 'pipe'), BOUNDS))).toBe('kind: it is a pipe');
  expect(await why(readBounded('/dev/zero', BOUNDS))).toBe('kind: it is a device');
});

it('waits for no writer of a pipe, and for no end of a device', async () => {
  const pipe = join(await temporaryDirectory(), 'pipe');
  await exec('mkfifo', [pipe]);
  expect(await why(readBounded(pipe, STREAMS))).toBe('silence: it is a pipe that nobody writes to');
  expect(await why(readBounded('/dev/zero', STREAMS))).toContain('size: ');
});

it('reads a pipe to its end, as long as it takes to write it', async () => {
  const pipe = join(await temporaryDirectory(), 'pipe');
  await exec('mkfifo', [pipe]);
  // Opened for both, it has a writer before it has a reader.
  const script = 'exec 3<>"$1"; printf first >&3; echo ready; read -r go; printf second >&3';
  const writer = execFile('sh', ['-c', script, 'sh', pipe]);
  await new Promise((resolve) => writer.stdout?.once('data', resolve));
  const read = readBounded(pipe, STREAMS);
  const isOpen = async () => {
    const links = (await readdir('/proc/self/fd')).map((fd) =>
      readlink(`/proc/self/fd/${fd}`).catch(() => ''),
    );
    return (await Promise.all(links)).includes(pipe);
  };
  await expect.poll(isOpen).toBe(true);
  writer.stdin?.write('go\n');
  expect((await read).toString()).toBe('firstsecond');
});

it('says what the system says of a socket, and of nothing', async () => {
  const directory = await temporaryDirectory();
  const server = createServer().listen(join(directory, 'socket'));
  await new Promise((resolve) => server.once('listening', resolve));
  expect(await why(readBounded(join(directory, 'socket'), STREAMS))).toContain('ENXIO');
  expect(await why(readBounded(join(directory, 'missing'), STREAMS))).toContain('ENOENT');
  server.close();
});
