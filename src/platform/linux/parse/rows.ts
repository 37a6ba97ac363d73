/**
 * What iproute2 prints with `-N -json -details`, read into values. Pure. With -N everything is a number, mostly as
 * text (`"type":"7"`, `"protocol":"109"`, `"table":"254"`). The readers throw a Failure that names what they could not
 * read: a route that was silently left out would be one that the planner does not protect.
 */

import { Failure } from '../../../model/diagnostic.ts';
import type { RouteType } from '../../../model/route.ts';

/** Route types by number (linux/rtnetlink.h, rtm_type) and by name, as older versions of iproute2 print some. */
const TYPES: ReadonlyMap<unknown, RouteType> = new Map(
  (
    [
      [1, 'unicast'],
      [2, 'local'],
      [3, 'broadcast'],
      [4, 'anycast'],
      [5, 'multicast'],
      [6, 'blackhole'],
      [7, 'unreachable'],
      [8, 'prohibit'],
      [9, 'throw'],
    ] as const
  ).flatMap(([number, name]): [unknown, RouteType][] => [
    [String(number), name],
    [name, name],
  ]),
);

/** The rows of one JSON array; nothing at all is an empty one. */
export function parseRows(text: string, command: string): readonly unknown[] {
  if (text.trim() === '') return [];
  let rows: unknown;
  try {
    rows = JSON.parse(text);
  } catch (error) {
    throw unreadable(command, text.slice(0, 200), { cause: error });
  }
  if (!Array.isArray(rows)) throw unreadable(command, text.slice(0, 200));
  return rows;
}

/** Whether a value is a whole number from 0. */
export function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

/** Whether a value is text, or the key is not there. */
export function isTextOrAbsent(value: unknown): value is string | undefined {
  return value === undefined || typeof value === 'string';
}

/** A value as text: what is none is written as JSON, which is text whatever the value. */
export function shown(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** Whether a value is what JSON calls an object, with keys to look at. */
export function isRow(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The number of a table; undefined where it is none, as `ip -N` prints it. */
export function tableOf(value: unknown): number | undefined {
  return typeof value === 'string' && /^\d{1,10}$/.test(value) ? Number(value) : undefined;
}

/** The type of a route or of an answer; absent, as `ip` leaves it out for unicast without -details, is unicast. */
export function typeOf(type: string | undefined): RouteType {
  return type === undefined ? 'unicast' : (TYPES.get(type) ?? 'other');
}

/** A Failure for output that is not understood, with the piece of it. */
export function unreadable(command: string, excerpt: string, options?: { cause?: unknown }): Failure {
  return new Failure(
    'error',
    [
      {
        code: 'kernel-answer-unreadable',
        severity: 'error',
        summary: `what \`${command}\` printed is not understood`,
        cause: `it has ${excerpt}`,
        fix: 'nothing is planned on a routing table that was not wholly read: report this with the version of iproute2',
        command: 'ip -V',
      },
    ],
    options,
  );
}
