import { hostname } from 'node:os';
import type { DesiredState } from '../../model/desired.ts';
import type { Plan } from '../../model/plan.ts';
import type { CommandRunner } from '../../platform/command.ts';
import type { Processes } from '../../platform/processes.ts';
import type { CommandContext } from '../run-command.ts';
import { LiveView } from '../views/live/live-view.ts';
import { SessionLines } from '../views/text/session-lines.ts';
import { printableLine } from '../views/text.ts';
import { type ListenAddress, openHttpListener } from './http-listener.ts';
import { thisProcess } from './process-metrics.ts';
import { ServiceManager } from './service-manager.ts';
import { type SessionFeed, thisMoment } from './session-feed.ts';
import { sessionPages } from './session-pages.ts';

/** Where a session is served over HTTP, and by which further names. */
export interface HttpOptions {
  readonly http?: ListenAddress;
  readonly httpHost?: readonly string[];
}

interface ListenerPorts {
  readonly runner: CommandRunner;
  readonly processes: Pick<Processes, 'descriptors'>;
  /** The plan that people saw first. */
  readonly shown: Plan;
}

/**
 * Opens what this session was asked to tell: people by a live view on a terminal and by lines elsewhere, a monitoring
 * system at the address that was given, systemd where it asks for it. Returns what closes all of it. Throws a Failure
 * when nothing can listen there.
 */
export async function openListeners(
  { terminal, output, names }: CommandContext,
  { name }: DesiredState,
  { http, httpHost = [] }: HttpOptions,
  feed: SessionFeed,
  { runner, processes, shown }: ListenerPorts,
): Promise<() => void> {
  const closing: (() => void)[] = [];
  if (http !== undefined) {
    const listener = await openHttpListener({
      address: http,
      pages: sessionPages(() => feed.session, thisMoment, thisProcess(processes)),
      hostname: hostname(),
      names: httpHost,
      onProblem: (diagnostic) => feed.heard({ type: 'watch.warning', diagnostic }),
    });
    output.note(`Metrics at ${listener.url}/metrics, health at ${listener.url}/healthz\n`);
    closing.push(() => listener.close());
  }
  const manager = ServiceManager.of({ env: terminal.env, runner, onProblem: (text) => output.note(text) });
  if (manager !== null) {
    feed.add(manager);
    closing.push(() => manager.close());
  }
  const isLive = terminal.stdout.isTTY === true && !output.json && terminal.env['TERM'] !== 'dumb';
  if (isLive) {
    const view = new LiveView(
      `Tunnel ${name} (${printableLine(names.spec)})`,
      terminal.stdout,
      output.colors,
    );
    feed.add(view);
    closing.push(() => view.close());
  } else if (output.json) {
    feed.add({ heard: (event, session) => output.watchEvent(event, names, session) });
  } else feed.add(new SessionLines((event, session) => output.watchEvent(event, names, session), shown));
  return () => {
    for (const close of closing) close();
  };
}
