import { chmod, lstat, mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { processStartTime } from '../../src/platform/linux/process-table.ts';
import { decodeClaims, encodeClaims } from '../../src/registry/claims-file.ts';
import { requireNamespaces } from './netns.ts';
import { ALLOW, Rig, specOf } from './rig.ts';

const refused = requireNamespaces();

/** The text of a registry that says what this one was edited to say. */
function resealed(edited: string): Buffer {
  const { crc32: _old, ...rest } = JSON.parse(edited);
  return encodeClaims(decodeClaims('edited', Buffer.from(JSON.stringify({ ...rest, version: 1 }))));
}

/** How a registry may be found, what is said of it, and the command that is offered. */
const STATES: readonly [string, (path: string, text: string) => Promise<unknown>, string, RegExp][] = [
  ['empty', (path) => writeFile(path, ''), 'registry-damaged', /mv .*registry\.json/],
  [
    'cut off',
    (path, text) => writeFile(path, text.slice(0, text.length / 2)),
    'registry-damaged',
    /registry\.json:\d+:\d+/,
  ],
  [
    'edited into no JSON',
    (path, text) => writeFile(path, text.replace('"claims":[', '"claims":[,')),
    'registry-damaged',
    /registry\.json:1:43/,
  ],
  [
    'edited with a key that is not known',
    (path, text) => writeFile(path, text.replace('"mode":', '"forever":true,"mode":')),
    'registry-damaged',
    /crc32: is [0-9a-f]{8}, but the rest of the file has/,
  ],
  [
    'edited so that one route is claimed twice',
    (path, text) => writeFile(path, text.replace('10.244.0.0/16', '10.96.0.0/12')),
    'registry-damaged',
    /claims the route of claim 0/,
  ],
  [
    'edited to claim the default route',
    (path, text) => writeFile(path, text.replace('10.244.0.0/16', '0.0.0.0/0')),
    'registry-damaged',
    /default route/,
  ],
  [
    'of a newer version',
    (path, text) => writeFile(path, text.replace('"version":2', '"version":9')),
    'registry-newer',
    /mkplan --version/,
  ],
  ['writable for everybody', (path) => chmod(path, 0o666), 'state-not-ours', /chmod 600 /],
  [
    'a symbolic link',
    async (path, text) => {
      await writeFile(`${path}.real`, text, { mode: 0o600 });
      await rm(path);
      await symlink(`${path}.real`, path);
    },
    'state-symlink',
    /ls -l /,
  ],
  [
    'a directory',
    async (path) => {
      await rm(path);
      await mkdir(path);
    },
    'state-not-ours',
    /is a directory/,
  ],
];

describe.skipIf(refused !== null)('the registry on a live kernel', () => {
  let rig: Rig;
  let before: string;

  beforeEach(async () => {
    rig = await Rig.create();
    before = await rig.table();
    await rig.write(specOf({ cidrs: ['10.96.0.0/12', '10.244.0.0/16'] }));
    expect(await rig.apply()).toMatchObject({ code: 0 });
  });

  afterEach(async () => {
    await rig.close();
  });

  const registry = () => join(rig.state, 'registry.json');
  const text = () => readFile(registry(), 'utf8');

  const COMMANDS: readonly (readonly [string, readonly string[]])[] = [
    ['plan', []],
    ['status', []],
    ['apply', ALLOW],
    ['destroy', ['--auto-approve']],
  ];

  it.each(STATES)('%s: every command says so, and nothing is written or changed', async (...given) => {
    const [, make, code, says] = given;
    await make(registry(), await text());
    const applied = await rig.table();
    const found = await lstat(registry());
    const results = [
      ...(await Promise.all(COMMANDS.map(([verb, options]) => rig.mkplan(verb, rig.spec, ...options)))),
      await rig.mkplan('import', '--all', '--auto-approve', rig.spec),
      await rig.mkplan('cleanup', '--all', '--auto-approve'),
    ];
    for (const { code: exit, stderr } of results) {
      expect({ exit, stderr }).toMatchObject({ exit: 1, stderr: expect.stringMatching(says) });
      expect(stderr).toContain(`[${code}]`);
    }
    expect(await rig.table()).toBe(applied);
    const { ino, size, mtimeMs, mode } = await lstat(registry());
    expect({ ino, size, mtimeMs, mode }).toEqual({
      ino: found.ino,
      size: found.size,
      mtimeMs: found.mtimeMs,
      mode: found.mode,
    });
  });

  it('is named with the way out where an ordinary user may not read it', async () => {
    await chmod(registry(), 0o000);
    // Without a mapping, root of the namespace is nobody to these files.
    const asNobody = (...args: readonly string[]) =>
      rig.host.run(['unshare', '--user', ...rig.argv(...args)], { timeoutMs: 60_000 });
    for (const args of [
      ['plan', rig.spec],
      ['status', rig.spec],
    ]) {
      const { code, stderr } = await asNobody(...args);
      expect(code).toBe(1);
      expect(stderr).toContain('[state-file]');
      expect(stderr).toContain(`chmod u+rw ${registry()}`);
    }
  });

  it('with claims of another boot: what the restart took is named first, and applied again', async () => {
    const applied = await rig.table();
    await rig.ip('route', 'flush', 'proto', '109');
    const { bootId } = JSON.parse(await text()).claims[0].owner;
    const elsewhen = (await text()).replaceAll(bootId, '00000000-0000-4000-8000-000000000000');
    await writeFile(registry(), resealed(elsewhen));
    const status = await rig.mkplan('status', rig.spec);
    expect(status.stdout).toMatch(/^! 2 routes are gone: routes last until reboot/);
    expect(status.stdout.match(/the host was restarted since/g)).toHaveLength(2);
    expect(await rig.apply()).toMatchObject({ code: 0 });
    expect((await rig.table()).split('\n').sort()).toEqual(applied.split('\n').sort());
    expect(await rig.destroy()).toMatchObject({ code: 0 });
    expect(await rig.table()).toBe(before);
  });

  it('after loss of the link: what went with it is named first, and applied again once it is up', async () => {
    await rig.ip('link', 'set', 'vm0', 'down');
    const down = await rig.mkplan('status', rig.spec);
    expect(down.stdout).toMatch(/^! 2 routes are gone/);
    expect(down.stdout.match(/its link vm0 is down/g)).toHaveLength(2);
    await rig.ip('link', 'set', 'vm0', 'up');
    await expect.poll(() => rig.ip('link', 'show', 'vm0'), { timeout: 10_000 }).toContain('state UP');
    expect((await rig.mkplan('status', rig.spec)).stdout).toMatch(/^! 2 routes are gone/);
    expect(await rig.apply()).toMatchObject({ code: 0 });
    expect(await rig.ours()).toHaveLength(2);
  });

  it('with claims of another network namespace: nothing is done about them, and that is said', async () => {
    const { networkNamespace } = JSON.parse(await text()).claims[0].owner;
    await writeFile(
      registry(),
      resealed(
        (await text()).replaceAll(`"networkNamespace":"${networkNamespace}"`, '"networkNamespace":"7"'),
      ),
    );
    const elsewhere = await text();
    expect((await rig.mkplan('status', rig.spec)).stdout).toContain('in another network namespace');
    expect(await rig.mkplan('cleanup', '--all', '--auto-approve')).toMatchObject({ code: 0 });
    expect(await rig.ours()).toHaveLength(2);
    expect(await text()).toBe(elsewhere);
  });

  it('with a session: another process under its pid does not keep its routes', async () => {
    const started = await processStartTime(process.pid);
    const owned = async (startTime: string) => {
      const document = JSON.parse(await text());
      for (const { owner } of document.claims) {
        Object.assign(owner, { mode: 'session', pid: process.pid, startTime });
      }
      await writeFile(registry(), resealed(JSON.stringify(document)));
    };
    await owned(String(started));
    await rm(rig.spec);
    expect(await rig.mkplan('cleanup', '--auto-approve')).toMatchObject({ code: 0 });
    expect(await rig.ours()).toHaveLength(2);
    await owned(`${started}1`);
    expect(await rig.mkplan('cleanup', '--auto-approve')).toMatchObject({ code: 0 });
    expect(await rig.table()).toBe(before);
    expect(JSON.parse(await text()).claims).toEqual([]);
  });
});
