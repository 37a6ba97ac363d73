import { setTimeout as sleep } from 'node:timers/promises';
import type { TriggerSource, WatchOptions, WatchOutcome, WatchPorts } from '../../machine/watch/ports.ts';
import { runWatch } from '../../machine/watch/run.ts';
import type { DesiredState } from '../../model/desired.ts';
import type { EmitWatchEvent } from '../../model/event.ts';
import type { ObservedState } from '../../model/observed.ts';
import { type Approval, isEmpty, type Plan, type RememberedApproval } from '../../model/plan.ts';
import type { ApprovalKind } from '../../model/policy.ts';
import { shellWord } from '../../model/shell-word.ts';
import { LiveObservation } from '../../observe/live.ts';
import { Losses } from '../../observe/losses.ts';
import { approvalKey, contextsOf, isOpen, withRemembered } from '../../planner/approvals.ts';
import { rivalOf } from '../../planner/conflicts/rival.ts';
import { hold, ofSession, refusalsByProfile, refusedDestinations } from '../../planner/hold.ts';
import { plan as makePlan } from '../../planner/plan.ts';
import { routesAlone, shareOf } from '../../planner/share.ts';
import type { FileEvents } from '../../platform/file-events.ts';
import { readHostPolicy } from '../../platform/host-policy.ts';
import { ASKED_EVERY_MS, Suspensions, SYSTEM_CLOCKS } from '../../platform/suspension.ts';
import { loadSpec } from '../../spec/load.ts';
import { EXIT } from '../exit-code.ts';
import type { CommandContext } from '../run-command.ts';
import { refuseLiveSession, SessionRecorder } from '../session/session.ts';
import { SessionFeed, thisMoment } from '../session/session-feed.ts';
import { type HttpOptions, openListeners } from '../session/session-listeners.ts';
import { answersOf } from '../session/session-state.ts';
import { SpecFiles } from '../session/spec-files.ts';
import { WatchedClusters } from '../session/watched-clusters.ts';
import { type ApplyOptions, question, recoverFirst, refusalOf } from '../transaction/apply-plan.ts';
import {
  approvedBy,
  ask,
  missingApprovals,
  profileWords,
  requirePrompt,
  unapproved,
} from '../transaction/approval.ts';
import { agreeToPrograms } from '../transaction/programs.ts';
import { recall, rememberShown } from '../transaction/remembering.ts';
import { transactionPorts } from '../transaction/transaction-ports.ts';
import { count, printableLine } from '../views/text.ts';
import { type ChangeAdapters, composeChanging, composeFileEvents } from '../wiring/compose.ts';
import { loadDesired, onlyProfiles } from '../wiring/desired.ts';
import { observeShowing } from '../wiring/observing.ts';

export interface WatchCommandOptions extends ApplyOptions, HttpOptions {
  readonly profile: readonly string[];
  readonly keep?: true;
}

/** What was approved before, or is meanwhile; what is revoked meanwhile counts until the session ends. */
interface Remembering {
  readonly remembered: readonly RememberedApproval[];
}

/** However few events there are, so often is everything looked at: whatever was missed is found then. Milliseconds. */
const BACKSTOP_MS = 30_000;

/** So long is a cluster waited for before the first plan is shown: later, its profile is served once it answers. Milliseconds. */
const FIRST_PLAN_MS = 3000;

/** `mkplan watch [SPEC]`: keeps routes and Services as the spec asks, until it is ended. */
export async function watch(context: CommandContext, options: WatchCommandOptions): Promise<number> {
  const asks = options.autoApprove !== true;
  if (asks) requirePrompt(context.terminal, context.output.json, 'watch');
  const desired = await loadDesired(context, 'present', { only: options.profile });
  const approved = approvedBy(
    [
      'watch',
      context.names.spec,
      ...profileWords(options.profile),
      ...(options.keep === true ? ['--keep'] : []),
    ],
    options.allow,
    desired.spec,
  );
  const composed = await composeChanging(context.terminal, approved);
  const clusters = new WatchedClusters(composed.cluster);
  const adapters = { ...composed, cluster: clusters.cluster };
  try {
    const doing = `watch ${desired.spec}`;
    await refuseLiveSession(desired.spec, adapters, 'leave it to that one, or end it first');
    await recoverFirst(context, adapters, doing, options.lockTimeout);
    const agreed = await agree(context, options, desired, adapters, asks);
    if (agreed === null) {
      context.output.note('Nothing was applied.\n');
      return EXIT.error;
    }
    const recorder = await SessionRecorder.begin(desired.spec, adapters, {
      doing,
      waitMs: options.lockTimeout,
      onWait: () => undefined,
      signal: context.signal,
    });
    const feed = new SessionFeed(thisMoment);
    feed.add(recorder);
    try {
      const { runner } = adapters;
      const close = await openListeners(context, desired, options, feed, {
        runner,
        processes: adapters.processes,
        shown: agreed.shown,
      });
      const ports = watchPorts(context, adapters, clusters, feed, await composeFileEvents(), {
        desired,
        remembered: agreed.remembered,
      });
      const outcome = await watchWith(
        ports,
        {
          desired,
          unapproved: (plan) => missingByProfile(plan, agreed.allowed, context.names.spec),
          uncovered: (plan) => missingByDestination(plan, agreed.allowed, context.names.spec),
          untaken: (plan) => missingByService(plan, agreed.allowed, context.names.spec),
          waitMs: options.lockTimeout,
          doing,
          keep: options.keep === true,
          signal: context.signal,
        },
        (event) => feed.heard(event),
      ).finally(close);
      return conclude(context, outcome);
    } finally {
      await recorder.end();
    }
  } finally {
    await adapters.close();
  }
}

/** Watches, and sees to the session's Leases afterwards: those of what is kept hold from then on without it. */
async function watchWith(
  ports: ReturnType<typeof watchPorts>,
  options: WatchOptions,
  emit: EmitWatchEvent,
): Promise<WatchOutcome> {
  const { leases } = ports.apply;
  try {
    const outcome = await runWatch(ports, options, emit);
    if (options.keep) await leases.keep();
    return outcome;
  } finally {
    leases.close();
  }
}

/** What a session may do from then on, and the plan that was shown for it. */
interface Agreed extends Remembering {
  readonly allowed: readonly ApprovalKind[];
  readonly shown: Plan;
}

/** Shows the first plan and has it agreed to, after the programs that making it takes. Null where the user said no. */
async function agree(
  context: CommandContext,
  options: WatchCommandOptions,
  desired: DesiredState,
  adapters: ChangeAdapters,
  asks: boolean,
): Promise<Agreed | null> {
  const { output, names, terminal, signal } = context;
  const { allow, lockTimeout } = options;
  if (asks && !(await agreeToPrograms(context, adapters, desired, lockTimeout))) return null;
  const remembered = await recall(context, adapters);
  // A cluster that is not there yet is waited for: its profile is set aside, and served once it is.
  const observed = await observeShowing(context, desired, adapters, FIRST_PLAN_MS);
  const plan = withRemembered(makePlan(desired, observed), contextsOf(desired.profiles), remembered);
  output.plan(plan, names);
  const refusal = refusalOf(plan) ?? (asks ? null : unapproved(plan, allow));
  if (refusal !== null) throw refusal;
  if (!asks || isEmpty(plan)) return { allowed: allow, remembered, shown: plan };
  if (!(await ask(terminal, question(plan, allow), signal))) return null;
  await rememberShown(context, adapters, plan, desired, lockTimeout);
  return { allowed: [...allow, ...missingApprovals(plan, allow)], remembered, shown: plan };
}

/** What nobody approved of a spec, by the profile that asks for it. */
function missingByProfile(
  plan: Plan,
  allowed: readonly ApprovalKind[],
  spec: string,
): ReadonlyMap<string, string> {
  const missing = missingOf(plan, allowed).filter(({ kind }) => kind !== 'covers' && kind !== 'minikube');
  return new Map(missing.map((approval) => [approval.profile, needsApproval(approval, spec)]));
}

/** What nobody approved of what the host has come to have, by the destination that it covers. */
function missingByDestination(
  plan: Plan,
  allowed: readonly ApprovalKind[],
  spec: string,
): ReadonlyMap<string, string> {
  const missing = missingOf(plan, allowed).filter(({ kind }) => kind === 'covers');
  return new Map(
    missing.map((approval) => [approval.subject, `${approval.why}; ${needsApproval(approval, spec)}`]),
  );
}

/** What nobody approved of what a `minikube tunnel` left, by the Service that shows it. */
function missingByService(
  plan: Plan,
  allowed: readonly ApprovalKind[],
  spec: string,
): ReadonlyMap<string, string> {
  const missing = missingOf(plan, allowed).filter(({ kind }) => kind === 'minikube');
  return new Map(
    missing.map((approval) => [
      `${approval.profile} ${approval.subject}`,
      `${approval.why}; ${needsApproval(approval, spec)}`,
    ]),
  );
}

function missingOf({ approvals }: Plan, allowed: readonly ApprovalKind[]): Approval[] {
  return approvals.filter((approval) => isOpen(approval) && !allowed.includes(approval.kind));
}

function needsApproval({ kind, subject }: Approval, spec: string): string {
  const command = `mkplan allow ${shellWord(spec)}`;
  return `${kind} (${subject}) needs approval: run \`${command}\`, and this session goes on within ${BACKSTOP_MS / 1000} s`;
}

/** What was remembered, and what has been approved since. */
async function withThose(
  remembered: readonly RememberedApproval[],
  { approvals }: Pick<ChangeAdapters, 'approvals'>,
): Promise<readonly RememberedApproval[]> {
  // That the file cannot be read was said when the session began, and then nothing new counts.
  const now = await approvals.read().catch(() => []);
  const known = new Set(remembered.map(approvalKey));
  return [...remembered, ...now.filter((one) => !known.has(approvalKey(one)))];
}

function watchPorts(
  context: CommandContext,
  adapters: ChangeAdapters,
  clusters: WatchedClusters,
  feed: SessionFeed,
  fileEvents: FileEvents,
  { desired: first, remembered: before }: { readonly desired: DesiredState } & Remembering,
): WatchPorts & { readonly apply: ReturnType<typeof transactionPorts> } {
  let current = first;
  let remembered = before;
  // Every profile that the session has had: what a dropped one's Services were told is taken back through it.
  const known = new Map(first.profiles.map((profile) => [profile.name, profile]));
  const files = new SpecFiles(fileEvents, (profiles) => adapters.filesBehind(profiles));
  let onTrigger: (source: TriggerSource) => void = () => undefined;
  const losses = new Losses();
  const suspensions = new Suspensions(SYSTEM_CLOCKS);
  const live = new LiveObservation({
    ...adapters,
    routeEvents: losses.noting(adapters.routeEvents),
    now: () => performance.now(),
  });
  clusters.listen((profile) => void live.refresh(profile));
  const renew = async () => {
    live.doubtConnections();
    await adapters.renewClusters();
  };
  const planAndTell = (
    desired: DesiredState,
    observed: ObservedState,
    lost?: ReadonlyMap<string, string>,
  ) => {
    const plan = withRemembered(makePlan(desired, observed, lost), contextsOf(desired.profiles), remembered);
    if (desired.mode === 'present') {
      const profiles = answersOf(current.profiles, observed.profiles);
      feed.heard({ type: 'session.planned', plan, profiles });
    }
    return plan;
  };
  return {
    apply: transactionPorts(adapters, first.spec, 'session', () => ({
      ...current,
      profiles: [...known.values()],
    })),
    planner: {
      plan: planAndTell,
      hold,
      ofSession,
      share: shareOf,
      routesAlone,
      rival: rivalOf,
      refusals: refusalsByProfile,
      refusedDestinations,
    },
    desired: async () => {
      const { desired } = await loadSpec(first.spec, readHostPolicy().ranges);
      const edited = onlyProfiles({ ...desired, mode: 'present' }, first.only?.names ?? []);
      await files.follow(edited);
      current = edited;
      for (const profile of current.profiles) known.set(profile.name, profile);
      return current;
    },
    observe: (desired, signal) => live.observe(desired, signal),
    look: (desired) => live.look(desired),
    refresh: (profile) => live.refresh(profile),
    distrust: () => live.distrust(),
    triggers: (hear) => {
      onTrigger = hear;
      files.listen((source) => {
        if (source === 'profile') {
          adapters.doubtClusters();
          live.distrust();
        }
        onTrigger(source);
      });
      const lookAgain = async (source: TriggerSource) => {
        const known = remembered;
        remembered = await withThose(known, adapters);
        adapters.doubtClusters();
        live.distrust();
        onTrigger(remembered.length > known.length ? 'asked' : source);
      };
      context.onHangup(() => void lookAgain('asked'));
      const kernel = live.listen({
        kernel: () => onTrigger('kernel'),
        cluster: () => onTrigger('cluster'),
      });
      const timer = setInterval(() => {
        void lookAgain('timer');
      }, BACKSTOP_MS);
      let known = suspensions.count();
      const nap = setInterval(() => {
        const count = suspensions.count();
        if (count !== known) onTrigger('resumed');
        known = count;
      }, ASKED_EVERY_MS);
      return {
        ready: Promise.all([kernel.ready, files.follow(current)]).then(() => undefined),
        stop: async () => {
          clearInterval(timer);
          clearInterval(nap);
          await Promise.all([kernel.stop(), files.stop()]);
        },
      };
    },
    losses,
    suspensions: { count: () => suspensions.count(), renew },
    clock: {
      now: () => performance.now(),
      random: () => Math.random(),
      wait: async (ms, signal) => {
        // Woken early is woken.
        await sleep(ms, undefined, { signal }).catch(() => undefined);
      },
    },
  };
}

function conclude({ output, names }: CommandContext, { diagnostics, left }: WatchOutcome): number {
  for (const diagnostic of diagnostics) output.diagnostic(diagnostic, names);
  if (diagnostics.length + left.length === 0) {
    output.note('Stopped: what this session made was removed.\n');
    return EXIT.ok;
  }
  output.note(`Not everything could be removed; ${count(left.length, 'thing')} left:\n`);
  for (const line of left) output.note(`  ${printableLine(line)}\n`);
  output.line({ type: 'left', left });
  return EXIT.residue;
}
