import { createHash, createHmac, randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { hostname, userInfo } from 'node:os';
import { join } from 'node:path';
import type { Participant } from '../model/participant.ts';
import { printableLine } from '../model/text/printable.ts';
import type { HostSources } from '../platform/host-sources.ts';
import { idUnreadable, readIdFile } from '../platform/id-file.ts';

/** One user's registry on one host, as other hosts may know it. */
export interface ParticipantIdentity {
  /** Hex; the same after a reboot, another on every host and for every state directory, and no secret of the host. */
  readonly id: string;
  /** For people: `user@host`. */
  readonly person: string;
}

const OWN_ID = 'host-id';
const ID_BYTES = 16;
/** A Lease has room for more; a line of a terminal has not. */
const MAX_HOLDER = 200;

function isMissing(thrown: unknown): boolean {
  return thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT';
}

function isTaken(thrown: unknown): boolean {
  return thrown instanceof Error && 'code' in thrown && thrown.code === 'EEXIST';
}

/** The id in the state directory, made where there is none; null where there is no such directory yet. */
async function ownId(stateDirectory: string): Promise<string | null> {
  const file = join(stateDirectory, OWN_ID);
  const found = await readIdFile(file);
  if (found !== null) return found;
  try {
    await writeFile(file, `${randomBytes(ID_BYTES).toString('hex')}\n`, { flag: 'wx', mode: 0o600 });
  } catch (thrown) {
    if (isMissing(thrown)) return null;
    // Another mkplan was faster.
    if (!isTaken(thrown)) throw idUnreadable(file, thrown);
  }
  return await readIdFile(file);
}

/** uid where there is no name for it. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // A container may run a user that /etc/passwd does not list.
    return `uid ${process.getuid?.() ?? '?'}`;
  }
}

/**
 * Tells who this is. The machine's id is never shown, but hashed with a key of the application, as machine-id(5) asks. Where there is none, an id at random in the state directory takes its place; before that directory is made
 * nothing can have been applied, so that any id will do. Throws a Failure when a file cannot be read.
 */
export async function readParticipantIdentity(options: {
  readonly stateDirectory: string;
  readonly sources: Pick<HostSources, 'machineId'>;
}): Promise<ParticipantIdentity> {
  const { stateDirectory, sources } = options;
  const key =
    (await sources.machineId()) ?? (await ownId(stateDirectory)) ?? randomBytes(ID_BYTES).toString('hex');
  return {
    id: createHmac('sha256', key).update(`mkplan\0${stateDirectory}`).digest('hex'),
    person: `${userName()}@${hostname()}`,
  };
}

/** The participant that a spec on a host is: one Lease in every cluster whose Services it serves. */
export function participantOf({ id, person }: ParticipantIdentity, spec: string): Participant {
  const hash = createHash('sha256').update(`${id}\0${spec}`).digest('hex');
  // What a terminal would act on has no business in a name that strangers read.
  const holder = printableLine(`${person}:${spec}`);
  return {
    name: `mkplan-${hash.slice(0, 16)}`,
    holder: holder.length <= MAX_HOLDER ? holder : `${holder.slice(0, MAX_HOLDER - 1)}…`,
  };
}
