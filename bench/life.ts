import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Held, heldBy, probing } from '../test/kernel/held.ts';
import type { Benchmark, Figure, Setting } from './harness.ts';
import { inLab, type Lab, VM } from './lab.ts';
import { spentMs } from './processes.ts';

/** Rounds of events, and after which of them it is asked what the session holds. */
const ROUNDS = 150;
const ASKED = [5, 50, 100, 150];
/** From this round on V8 has compiled most of what runs; what grows after it is held by the session. */
const WARM = 50;
/** In each round: foreign routes that come and go, routes of ours that are deleted, Services that come and go. */
const FOREIGN = 950;
const DELETED = 4;
const SERVICES = 30;
/** Routes of ours; each is deleted too seldom to count as intent. */
const OURS = 120;
/** Of a Service: made, an address, removed; of a route of ours: deleted, added. An edit of the spec adds one, or takes it away. */
const EVENTS = 2 * FOREIGN + 2 * DELETED + 3 * SERVICES + 2;
const MIB = 2 ** 20;
/** How long the session is left alone in the end. */
const IDLE_MS = 20_000;
const QUIET_MS = 1000;
const POLL_MS = 100;

const foreign = Array.from({ length: FOREIGN }, (_, index) => `20.${index >> 8}.${index & 255}.0/24`);
const ours = Array.from({ length: OURS }, (_, index) => `198.18.${index >> 5}.${(index & 31) * 8}/29`);

const writeSpec = (lab: Lab, round: number) =>
  lab.writeSpec([
    {
      name: 'minikube',
      cidrs: { services: round % 2 === 0 ? ours : [...ours, '198.19.0.0/29'], pods: 'none' },
      loadBalancer: { pool: ['10.200.0.0/20'], unclassed: false },
    },
  ]);

async function live(lab: Lab, credentials: string, round: number): Promise<void> {
  for (const op of ['add', 'del']) {
    const input = foreign.map((one) => `route ${op} ${one} via ${VM} proto 186 metric 20\n`).join('');
    await lab.host.must(['ip', '-batch', '-'], { input });
  }
  const gone = Array.from({ length: DELETED }, (_, index) => ours[(round * DELETED + index) % OURS]);
  // One that is not back yet has nothing to be deleted.
  await lab.host.run(['ip', '-force', '-batch', '-'], {
    input: gone.map((one) => `route del ${one}\n`).join(''),
  });
  await lab.run('load', credentials, 'mkplan/tunnel', String(SERVICES));
  await writeSpec(lab, round + 1);
}

/** Waits until it has used no processor time for a while. */
async function rest(pid: number): Promise<void> {
  let [spent, since] = [-1, performance.now()];
  while (performance.now() - since < QUIET_MS) {
    await sleep(POLL_MS);
    const now = await spentMs(pid);
    if (now !== spent) [spent, since] = [now, performance.now()];
  }
}

function figuresOf(asked: readonly Held[], percent: number): Figure[] {
  const [first, last] = [asked[ASKED.indexOf(WARM)], asked.at(-1)];
  if (first === undefined || last === undefined) throw new TypeError('nothing was asked');
  const share = (round: number | undefined) => `${((round ?? 0) * EVENTS).toLocaleString('en')} events`;
  const [early, late] = [share(WARM), share(ASKED.at(-1))];
  const compare = (what: string, budget: number, of: (held: Held) => number): Figure => ({
    work: `\`mkplan watch\` after ${late}, ${what}`,
    floor: `after ${early}`,
    budget,
    pairs: [{ work: of(last), floor: of(first) }],
  });
  return [
    compare('resident MiB', 1.1, ({ rss }) => rss / MIB),
    compare('MiB of heap in use', 1.1, ({ heapUsed }) => heapUsed / MIB),
    // Connections are kept alive for a while, or are not.
    compare('descriptors', 1.1, ({ descriptors }) => descriptors),
    compare('children', 1, ({ children }) => children),
    {
      work: `idle \`mkplan watch\` after ${late}, % of a core`,
      floor: '1 % of a core',
      budget: 1,
      pairs: [{ work: percent, floor: 1 }],
    },
  ];
}

/** A session of months in minutes: what it holds after many events, against what it held once it was warm. */
export const LIFE: Benchmark = {
  name: 'life',
  needsNamespaces: true,
  run: (setting) => inLab(setting, (lab) => liveLong(lab, setting)),
};

async function liveLong(lab: Lab, { scratch, mkplan, progress }: Setting): Promise<Figure[]> {
  await lab.serve(0);
  const credentials = join(scratch, 'credentials.json');
  const spec = await writeSpec(lab, 0);
  const file = join(scratch, 'held');
  const { flags, env } = probing(file);
  const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  const argv = [
    process.execPath,
    ...flags,
    mkplan,
    'watch',
    spec,
    '--auto-approve',
    '--allow',
    'unconfirmed',
  ];
  const session = await lab.start(['env', ...variables, ...argv], 'Watching.');
  const { pid = 0 } = session;
  const asked: Held[] = [];
  for (let round = 1; round <= ROUNDS; round++) {
    await live(lab, credentials, round);
    if (!ASKED.includes(round)) continue;
    await rest(pid);
    const held = await heldBy(pid, file);
    asked.push(held);
    progress(
      `${(round * EVENTS).toLocaleString('en')} events: resident ${(held.rss / MIB).toFixed(1)} MiB, heap ${(held.heapUsed / MIB).toFixed(1)} MiB, ${held.descriptors} descriptors, ${held.children} children, ${held.timers} timers`,
    );
  }
  const [spent, began] = [await spentMs(pid), performance.now()];
  await sleep(IDLE_MS);
  const percent = (100 * ((await spentMs(pid)) - spent)) / (performance.now() - began);
  progress(`afterwards: ${percent.toFixed(2)} % of a core`);
  return figuresOf(asked, percent);
}
