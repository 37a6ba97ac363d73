import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { DesiredState } from '../../model/desired.ts';
import { type Diagnostic, Failure } from '../../model/diagnostic.ts';
import type { ObservedState } from '../../model/observed.ts';
import { formatPrefix } from '../../model/prefix.ts';
import { observe } from '../../observe/observe.ts';
import { plan } from '../../planner/plan.ts';
import { readHostPolicy } from '../../platform/host-policy.ts';
import { parseSpec } from '../../spec/parse.ts';
import { DEFAULT_SPEC, type FileNames, specNames } from '../arguments/paths.ts';
import { freePool, overlapsOf, type PoolOverlap, prefixesInUse } from '../arguments/pool.ts';
import { type ChosenProfile, chooseProfile } from '../arguments/profile-choice.ts';
import { EXIT } from '../exit-code.ts';
import type { CommandContext } from '../run-command.ts';
import { writeNewFile } from '../transaction/plan-file.ts';
import { replaceFile } from '../transaction/replace-file.ts';
import { composeReading, type ReadAdapters } from '../wiring/compose.ts';
import { nothingDesired } from '../wiring/desired.ts';

export interface InitOptions {
  readonly profile?: string;
  /** Ranges as typed; one that is free where there are none. */
  readonly pool: readonly string[];
  readonly print?: true;
  readonly force?: true;
}

/** A cluster that is silent for longer is not waited for: what minikube's files say of it has to do. Milliseconds. */
const PATIENCE_MS = 5000;

/** `mkplan init [PATH]`: writes the shortest spec for a profile, with a pool that collides with nothing here. */
export async function init(context: CommandContext, options: InitOptions): Promise<number> {
  const { terminal, output } = context;
  const adapters = composeReading(terminal, { kinds: [], command: 'mkplan init', spec: null });
  try {
    const names = await fileToWrite(context);
    const warn = (warning: Diagnostic) => output.diagnostic(warning, names);
    const profile = await chooseProfile(options.profile, adapters, warn);
    if (options.pool.length > 0) checkSpec(specText(profile, options.pool), names);
    const { pools, caution, warnings, observed } = await choosePools(options.pool, profile, names, adapters);
    const text = specText(profile, pools);
    checkSpec(text, names);
    [...warnings, ...outOfReach(text, names, observed)].forEach(warn);
    if (caution !== null) output.note(`note: ${caution}.\n`);
    if (options.print === true) {
      output.tell({ type: 'printed', profile: profile.name, pool: pools.join(', '), text });
      return EXIT.ok;
    }
    await write(text, names, options.force === true);
    const foreignContext = profile.isMinikube ? null : profile.context;
    const pool = pools.join(', ');
    output.tell({ type: 'written', spec: names.spec, profile: profile.name, pool, foreignContext });
    return EXIT.ok;
  } finally {
    await adapters.close();
  }
}

/** The names of the file that is meant: the one named, or the usual one in the directory named. */
async function fileToWrite({ terminal, names }: CommandContext): Promise<FileNames> {
  // What cannot be looked at cannot be written either, and the system then says why.
  const isDirectory = await stat(names.absolute).then(
    (found) => found.isDirectory(),
    () => false,
  );
  return isDirectory ? specNames(join(names.spec, DEFAULT_SPEC), terminal.cwd) : names;
}

interface Pools {
  readonly pools: readonly string[];
  /** What they may collide with that does not show on this host. */
  readonly caution: string | null;
  readonly warnings: readonly Diagnostic[];
  /** What they were chosen by. */
  readonly observed: ObservedState;
}

async function choosePools(
  given: readonly string[],
  profile: ChosenProfile,
  names: FileNames,
  adapters: ReadAdapters,
): Promise<Pools> {
  const [observed, others] = await Promise.all([
    look(parseSpec(specText(profile, []), names.absolute).desired, adapters),
    adapters.profiles.list(),
  ]);
  // The networks of every profile count: the next spec may serve that one, too.
  const known = await Promise.all(
    [...new Set([profile.name, ...others])].map((name) => adapters.profiles.networks(name)),
  );
  const used = [...prefixesInUse(observed), ...known.flatMap(({ networks }) => networks)];
  // The first is the profile's own; what is wrong with another one's file is not this spec's matter.
  const problem = known[0]?.problem ?? null;
  const unread = problem === null ? [] : [unreadNetworks(profile.name, problem)];
  if (given.length > 0) {
    const claimed = observed.registry.claims.map(({ route }) => route.destination);
    const overlaps = overlapsOf(given, used, claimed);
    return { pools: given, caution: null, warnings: [...unread, ...overlaps.map(overlapping)], observed };
  }
  const found = freePool(used);
  if (found === null) throw noPool();
  return { pools: [formatPrefix(found.pool)], caution: found.caution, warnings: unread, observed };
}

/** What keeps a cluster from being routed to, whatever the spec says. */
const OUT_OF_REACH: ReadonlySet<string> = new Set(['gateway-off-link', 'network-unroutable']);

/** What a plan of the spec would say of a cluster that this host cannot reach: nothing that `init` writes changes it. */
function outOfReach(text: string, names: FileNames, observed: ObservedState): Diagnostic[] {
  const { desired } = parseSpec(text, names.absolute, undefined, readHostPolicy().ranges);
  // The file may not be there, so no position is given.
  return plan(desired, observed)
    .diagnostics.filter(({ code }) => OUT_OF_REACH.has(code))
    .map(({ at: _, ...diagnostic }) => ({ ...diagnostic, severity: 'warning' }));
}

function unreadNetworks(profile: string, problem: string): Diagnostic {
  return {
    code: 'profile-unreadable',
    severity: 'warning',
    summary: `the pool may overlap networks of profile ${profile}, which are not known`,
    cause: problem,
    fix: 'correct that file, and run `mkplan init --force` again',
  };
}

function overlapping({ pool, network }: PoolOverlap): Diagnostic {
  return {
    code: 'pool-overlaps-network',
    severity: 'warning',
    summary: `--pool ${pool} overlaps ${formatPrefix(network)}, which this host or one of its clusters uses, or may use`,
    cause: 'its addresses could then belong to something else, and a plan may refuse the pool or its routes',
    fix: 'choose another range, or leave --pool out: one that is free is then found',
  };
}

/** What a plan of the spec would rest on; without the cluster, where that cannot be asked. */
async function look(desired: DesiredState, adapters: ReadAdapters): Promise<ObservedState> {
  const patience = AbortSignal.timeout(PATIENCE_MS);
  try {
    return await observe(desired, adapters, patience);
  } catch (thrown) {
    const needsApproval = thrown instanceof Failure && thrown.kind === 'conflict';
    if (!needsApproval && !patience.aborted) throw thrown;
    return await observe(nothingDesired(desired.spec), adapters);
  }
}

function specText({ name, context }: ChosenProfile, pools: readonly string[]): string {
  const renamed = context === name ? '' : `      context: ${JSON.stringify(context)}\n`;
  const balancer =
    pools.length === 0 ? '' : `      loadBalancer:\n        pool: [${pools.map(rangeText).join(', ')}]\n`;
  return `apiVersion: mkplan/v1alpha1
kind: Tunnel
metadata:
  name: ${JSON.stringify(tunnelName(name))}
spec:
  profiles:
    - name: ${JSON.stringify(name)}
${renamed}${balancer}`;
}

function rangeText(range: string): string {
  return /^[\d./-]+$/.test(range) ? range : JSON.stringify(range);
}

/** A tunnel's name is a DNS label (RFC 1123); a profile's may have more in it. */
function tunnelName(profile: string): string {
  const label = profile
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .slice(0, 63)
    .replaceAll(/^-+|-+$/g, '');
  return label === '' ? 'tunnel' : label;
}

/** Throws a Failure for a spec that no command would take: what was typed is in it. */
function checkSpec(text: string, names: FileNames): void {
  try {
    parseSpec(text, names.absolute, undefined, readHostPolicy().ranges);
  } catch (thrown) {
    if (!(thrown instanceof Failure)) throw thrown;
    // Positions in a file that is not there lead nowhere.
    const diagnostics = thrown.diagnostics.map(({ at: _, ...diagnostic }) => ({
      ...diagnostic,
      summary: asTyped(diagnostic.summary),
      cause: asTyped(diagnostic.cause),
      fix: asTyped(diagnostic.fix),
    }));
    throw new Failure('usage', diagnostics, { cause: thrown });
  }
}

/** What was typed as an option is not found by its place in a spec. */
function asTyped(text: string): string {
  return text
    .replace(/\bspec\.profiles\[0\]\.loadBalancer\.pool(\[\d+\])?/g, '--pool')
    .replace(/(?<!-)\bpool (?=[\da-f:.]+[/-])/gi, '--pool ')
    .replace(/ of profile \S+ \(line \d+\)/, '');
}

async function write(text: string, names: FileNames, force: boolean): Promise<void> {
  const file = {
    path: resolve(names.absolute),
    shown: names.spec,
    text,
    what: 'spec',
    mode: 0o644,
    ifExists: 'add --force to replace it, or name another file',
  };
  await (force ? replaceFile(file) : writeNewFile(file));
}

function noPool(): Failure {
  return new Failure('error', [
    {
      code: 'pool-missing',
      severity: 'error',
      summary: 'every private /24 that was tried overlaps something on this host',
      cause:
        'routes of this host (a VPN, perhaps) or networks of its clusters cover every range that was tried',
      fix: 'name a range that may be taken with --pool RANGE',
      command: 'ip route',
    },
  ]);
}
