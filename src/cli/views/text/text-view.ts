import { isSessionOnly, type WatchEvent } from '../../../model/event.ts';
import { commandFor, type FileNames } from '../../arguments/paths.ts';
import { columnsOf } from '../../terminal.ts';
import type { Look } from '../color.ts';
import type { Applied, Finding, Kind, Table, View } from '../finding.ts';
import { LiveView } from '../live/live-view.ts';
import type { Streams } from '../streams.ts';
import { count, paragraph, printable, printableLine } from '../text.ts';
import { renderWatchEvent } from './render-events.ts';
import { renderApprovals, renderImportable } from './render-lists.ts';
import { countSteps, renderPlan, renderUnproven } from './render-plan.ts';
import { renderSession } from './render-session.ts';
import { renderStatus } from './render-status.ts';
import { SessionLines } from './session-lines.ts';

type Session = Finding<'session'>;

/** Text for people. A session is a live view where stdout is a terminal that can be drawn on, and lines elsewhere. */
export class TextView implements View {
  readonly #streams: Streams;
  readonly #isWide: boolean;
  #session: (finding: Session) => void = ({ event, names }) => this.#happened(event, names);
  #endSession: () => void = () => undefined;

  /** `isWide`: every column is shown, and takes as much room as it needs. */
  constructor(streams: Streams, isWide: boolean) {
    this.#streams = streams;
    this.#isWide = isWide;
  }

  tell(finding: Finding): void {
    switch (finding.type) {
      case 'event':
        this.#streams.progress(finding.event);
        break;
      case 'session.begun':
        this.#follow(finding);
        break;
      case 'session':
        this.#session(finding);
        break;
      case 'session.ended':
        this.#endSession();
        break;
      default:
        this.#print(finding);
    }
  }

  #print(finding: Finding): void {
    const text = textOf(finding, this.#look);
    this.#streams.out(AS_IT_IS.has(finding.type) ? text : printable(text));
  }

  /** The room is that of the terminal as it is now. */
  get #look(): Look {
    const { colors, terminal } = this.#streams;
    return { colors, wide: this.#isWide, width: this.#isWide ? null : columnsOf(terminal.stdout) };
  }

  #follow({ tunnel, names, shown }: Finding<'session.begun'>): void {
    const { terminal, colors } = this.#streams;
    if (terminal.stdout.isTTY === true && terminal.env['TERM'] !== 'dumb') {
      const view = new LiveView(`Tunnel ${tunnel} (${printableLine(names.spec)})`, terminal.stdout, colors);
      this.#session = ({ event, session }) => view.heard(event, session);
      this.#endSession = () => view.close();
    } else {
      const lines = new SessionLines((event) => this.#happened(event, names), shown);
      this.#session = ({ event, session }) => lines.heard(event, session);
    }
  }

  /** A line for what happened to a session, and why it could not go on. */
  #happened(event: WatchEvent, names: FileNames): void {
    if (!isSessionOnly(event)) {
      this.#streams.progress(event);
      return;
    }
    const text = renderWatchEvent(event, this.#streams.noteColors);
    if (text !== null) this.#streams.note(`${text}\n`);
    if (event.type !== 'watch.spec-invalid' && event.type !== 'watch.failed') return;
    for (const diagnostic of event.diagnostics) this.#streams.explain(diagnostic, names);
  }
}

/** What each kind of finding is on stdout. */
const TEXTS: Partial<Table<string, [Look]>> = {
  plan: ({ plan, names }, look) => renderPlan(plan, { ...look, names }),
  applied: ({ outcome }, look) =>
    outcome?.kind === 'done' || outcome?.kind === 'awaiting'
      ? `\n${paragraph(look.colors.bold(doneLine(outcome)), look)}`
      : '',
  confirmed: ({ end }) => (end?.outcome === 'committed' ? 'Confirmed: what was applied stays.\n' : ''),
  awaiting: ({ spec, secondsLeft }, look) => {
    const text = `Not final yet: what was applied for ${printableLine(spec)} will be undone in ${secondsLeft} s unless it is confirmed: mkplan confirm`;
    return paragraph(look.colors.change(text), look);
  },
  unconfirmed: ({ end }, look) => {
    const left = end.left.map((line) => paragraph(`  left: ${printableLine(line)}`, look, 4));
    return [paragraph('The last apply was not confirmed, so it was undone.', look), ...left].join('');
  },
  'session.status': ({ session, spec, isOneOfMany }, look) => {
    const title = isOneOfMany ? paragraph(`${printableLine(session.record.spec)}:`, look) : '';
    return title + renderSession(session, { ...look, spec });
  },
  status: ({ tunnel, report, ...about }, look) => {
    const spec = printableLine(about.spec);
    const title = tunnel === null ? `Routes for ${spec}` : `Tunnel ${tunnel} (${spec})`;
    return renderStatus(report, { ...look, ...about, title });
  },
  nothing: ({ spec }, look) => paragraph(`Nothing is applied, and there is no ${printableLine(spec)}.`, look),
  unclaimed: ({ unclaimed }, look) => renderUnproven(unclaimed, look),
  valid: ({ name, spec }, { colors }) => `${colors.add('OK')}  ${printableLine(spec)} (tunnel ${name})\n`,
  observed: ({ document }) => document(),
  written: writtenText,
  printed: ({ text }) => text,
  approvals: ({ approvals }, look) => renderApprovals(approvals, look),
  revoked: ({ approvals, spec }) => `Revoked: ${count(approvals, 'approval')} of ${printableLine(spec)}.\n`,
  importable: renderImportable,
  runtime: ({ version }) => `${version}\n`,
};

function textOf<K extends Kind>(finding: Finding<K>, look: Look): string {
  return TEXTS[finding.type]?.(finding, look) ?? '';
}

/** Text that is printable already, of which there may be much, or that has to stay as it is. */
const AS_IT_IS: ReadonlySet<Kind> = new Set(['plan', 'printed']);

/** What was done, and who serves what comes later: `apply` alone does not. */
function doneLine({ plan, watchedBy }: Applied): string {
  const { routes, services } = countSteps(plan);
  if (routes.adopt > 0)
    return `Adopted: ${count(routes.adopt, 'route')}. \`mkplan destroy\` removes what was adopted.`;
  const done = `${routes.create} added, ${routes.replace} replaced, ${routes.delete} deleted`;
  if (plan.mode === 'absent') return `Done: ${done}; ${count(services.delete, 'Service')} cleared.`;
  const served = plan.services.filter((service) => service.state === 'served').length;
  const later =
    watchedBy === null
      ? 'new Services stay pending without `mkplan watch`'
      : `the session (pid ${watchedBy}) serves new Services`;
  return `Applied: ${done}. ${served} served; ${later}.`;
}

function writtenText({ spec, profile, pool, foreignContext }: Finding<'written'>): string {
  const command = (verb: string) => printableLine(commandFor(verb, spec));
  return [
    `Wrote ${printableLine(spec)} for profile ${printableLine(profile)}, with the pool ${pool}.`,
    `Next: ${command('watch')} makes it so and keeps it so; ${command('plan')} shows beforehand what it would change.`,
    ...(foreignContext === null
      ? []
      : [
          `The first change asks you once to approve the context ${printableLine(foreignContext)}, which minikube did not write; \`mkplan allow\` does so beforehand.`,
        ]),
    '',
  ].join('\n');
}
