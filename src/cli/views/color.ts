import picocolors from 'picocolors';
import type { Room } from './text.ts';

/** The few styles that the program uses; each returns its text unchanged where there is no colour. */
export interface Palette {
  readonly add: (text: string) => string;
  readonly change: (text: string) => string;
  readonly remove: (text: string) => string;
  readonly alarm: (text: string) => string;
  readonly doubt: (text: string) => string;
  readonly bold: (text: string) => string;
  readonly dim: (text: string) => string;
}

/** How a text is to look: in which colours, and in how much room. */
export interface Look extends Room {
  readonly colors: Palette;
}

/** What decides about colour on one stream. */
export interface ColorInputs {
  /** Whether a program reads it. */
  readonly forPrograms: boolean;
  /** False after `--no-color`. */
  readonly color: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Whether this stream is a terminal. */
  readonly isTerminal: boolean;
}

/**
 * Whether a stream gets colour. The first that speaks decides: a form for programs, `--no-color`, NO_COLOR (no-color.org:
 * any non-empty value), FORCE_COLOR (`0` and empty are off), TERM=dumb, the stream being a terminal.
 */
export function wantsColor(inputs: ColorInputs): boolean {
  if (inputs.forPrograms || !inputs.color) return false;
  if (isSet(inputs.env['NO_COLOR'])) return false;
  const forced = inputs.env['FORCE_COLOR'];
  if (forced !== undefined) return isSet(forced) && forced !== '0';
  if (inputs.env['TERM'] === 'dumb') return false;
  return inputs.isTerminal;
}

/** The palette of one stream. */
export function paletteFor(enabled: boolean): Palette {
  const colors = picocolors.createColors(enabled);
  return {
    add: colors.green,
    change: colors.yellow,
    remove: colors.red,
    alarm: (text) => colors.bold(colors.red(text)),
    doubt: colors.magenta,
    bold: colors.bold,
    dim: colors.dim,
  };
}

/** The palette without colour. */
export const PLAIN: Palette = paletteFor(false);

function isSet(value: string | undefined): boolean {
  return value !== undefined && value !== '';
}
