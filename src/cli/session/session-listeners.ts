import type { DesiredState } from '../../model/desired.ts';
import type { CommandRunner } from '../../platform/command.ts';
import type { CommandContext } from '../run-command.ts';
import { LiveView } from '../views/live-view.ts';
import { printableLine } from '../views/text.ts';
import { type ListenAddress, Metrics } from './metrics.ts';
import { ServiceManager } from './service-manager.ts';
import type { SessionListener } from './session-listener.ts';

/** Everybody who is told what a session is at. */
export interface SessionListeners {
  readonly all: readonly SessionListener[];
  close(): void;
}

/**
 * Opens what this session was asked to tell: people by a live view on a terminal and by lines elsewhere, a monitoring
 * system at the address that was given, systemd where it asks for it. Throws a Failure when nothing can listen there.
 */
export async function openListeners(
  { terminal, output, names }: CommandContext,
  { name }: DesiredState,
  metrics: ListenAddress | undefined,
  runner: CommandRunner,
): Promise<SessionListeners> {
  const all: SessionListener[] = [];
  const closing: (() => void)[] = [];
  if (metrics !== undefined) {
    const served = new Metrics();
    const server = await served.serve(metrics);
    output.note(`Metrics at http://${metrics.host}:${server.port}/metrics\n`);
    all.push(served);
    closing.push(() => server.close());
  }
  const manager = ServiceManager.of({ env: terminal.env, runner, onProblem: (text) => output.note(text) });
  if (manager !== null) {
    all.push(manager);
    closing.push(() => manager.close());
  }
  const isLive = terminal.stdout.isTTY === true && !output.json && terminal.env['TERM'] !== 'dumb';
  if (isLive) {
    const view = new LiveView(
      `Tunnel ${name} (${printableLine(names.spec)})`,
      terminal.stdout,
      output.colors,
    );
    all.push(view);
    closing.push(() => view.close());
  } else all.push({ heard: (event) => output.watchEvent(event, names) });
  return {
    all,
    close: () => {
      for (const close of closing) close();
    },
  };
}
