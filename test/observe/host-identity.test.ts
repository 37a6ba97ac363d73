import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { participantOf, readParticipantIdentity } from '../../src/observe/host-identity.ts';
import { LinuxHost } from '../../src/platform/linux/host.ts';
import { temporaryDirectory } from '../fakes/temporary.ts';

const MACHINE = '0123456789abcdef0123456789abcdef';
const SPEC = '/project/tunnel.yaml';

/** A root with this in /etc/machine-id; nothing where it is null. */
async function rootWith(machineId: string | null): Promise<string> {
  const root = await temporaryDirectory();
  await mkdir(join(root, 'etc'));
  if (machineId !== null) await writeFile(join(root, 'etc', 'machine-id'), machineId);
  return root;
}

it('the machine, the state directory and the spec make the name of a Lease, the same each time', async () => {
  const [root, other] = [await rootWith(`${MACHINE}\n`), await rootWith(`f${MACHINE.slice(1)}\n`)];
  const name = async (at: string, stateDirectory: string, spec: string) =>
    participantOf(await readParticipantIdentity({ sources: new LinuxHost(at), stateDirectory }), spec).name;
  const first = await name(root, '/home/me/state', SPEC);
  expect(first).toMatch(/^mkplan-[0-9a-f]{16}$/);
  expect(await name(root, '/home/me/state', SPEC)).toBe(first);
  const others = [
    await name(other, '/home/me/state', SPEC),
    await name(root, '/home/you/state', SPEC),
    await name(root, '/home/me/state', '/other/tunnel.yaml'),
  ];
  expect(new Set([first, ...others]).size).toBe(4);
});

it('does not tell the id of the machine', async () => {
  const root = await rootWith(MACHINE);
  const identity = await readParticipantIdentity({
    sources: new LinuxHost(root),
    stateDirectory: '/home/me/state',
  });
  expect(JSON.stringify([identity, participantOf(identity, SPEC)])).not.toContain(MACHINE);
});

it.each([[null], [''], ['uninitialized\n']])(
  'without a machine id (%j) an id at random is kept in the state directory, for its owner alone',
  async (machineId) => {
    const root = await rootWith(machineId);
    const stateDirectory = await temporaryDirectory();
    const [first, again] = [
      await readParticipantIdentity({ sources: new LinuxHost(root), stateDirectory }),
      await readParticipantIdentity({ sources: new LinuxHost(root), stateDirectory }),
    ];
    expect(again).toEqual(first);
    expect((await stat(join(stateDirectory, 'host-id'))).mode & 0o777).toBe(0o600);
    expect(await readFile(join(stateDirectory, 'host-id'), 'utf8')).toMatch(/^[0-9a-f]{32}\n$/);
    const elsewhere = await readParticipantIdentity({
      sources: new LinuxHost(root),
      stateDirectory: await temporaryDirectory(),
    });
    expect(elsewhere.id).not.toBe(first.id);
  },
);

it('makes no state directory to keep an id in', async () => {
  const root = await rootWith(null);
  const stateDirectory = join(root, 'none', 'yet');
  expect((await readParticipantIdentity({ sources: new LinuxHost(root), stateDirectory })).id).toMatch(
    /^[0-9a-f]{64}$/,
  );
  await expect(stat(stateDirectory)).rejects.toMatchObject({ code: 'ENOENT' });
});

it('says what is wrong with a file that cannot be read', async () => {
  const root = await rootWith(null);
  const stateDirectory = await temporaryDirectory();
  await mkdir(join(stateDirectory, 'host-id'));
  await expect(
    readParticipantIdentity({ sources: new LinuxHost(root), stateDirectory }),
  ).rejects.toMatchObject({
    diagnostics: [{ code: 'host-identity' }],
  });
});

it('a holder is bounded, and nothing that a terminal acts on', () => {
  const { holder } = participantOf({ id: 'i', person: 'me\u001b[31m@here' }, `/${'x'.repeat(500)}`);
  expect(holder).toHaveLength(200);
  expect(holder).toMatch(/^me\\u001b\[31m@here:\/x+…$/);
});
