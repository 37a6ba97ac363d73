import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { beforeEach, expect, it } from 'vitest';
import { LinuxHost } from '../../../src/platform/linux/host.ts';
import { temporaryDirectory } from '../../fakes/temporary.ts';

let root: string;
beforeEach(async () => {
  root = await temporaryDirectory();
});

async function write(path: string, text: string): Promise<void> {
  await mkdir(dirname(join(root, path)), { recursive: true });
  await writeFile(join(root, path), text);
}

it('asks systemd-resolved’s own file for the servers behind its stub', async () => {
  await write('etc/resolv.conf', 'nameserver 127.0.0.53\n');
  await write('run/systemd/resolve/resolv.conf', 'nameserver 192.168.0.1\n');
  expect(await new LinuxHost(root).critical()).toEqual([
    { kind: 'dns-server', address: '192.168.0.1', detail: '/run/systemd/resolve/resolv.conf' },
  ]);
});

it('leaves out what the system does not have', async () => {
  expect(await new LinuxHost(root).critical()).toEqual([]);
  expect(await new LinuxHost(root).machineId()).toBeNull();
});

it('fails where a file is there but cannot be read', async () => {
  await mkdir(join(root, 'etc/resolv.conf'), { recursive: true });
  await mkdir(join(root, 'etc/machine-id'));
  await expect(new LinuxHost(root).critical()).rejects.toMatchObject({
    diagnostics: [{ code: 'host-unreadable' }],
  });
  await expect(new LinuxHost(root).machineId()).rejects.toMatchObject({
    diagnostics: [{ code: 'host-identity' }],
  });
});
