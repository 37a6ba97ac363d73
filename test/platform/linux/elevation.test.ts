import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Argv, CommandStreamer, StreamOptions } from '../../../src/platform/command.ts';
import { hasNetAdmin, LinuxElevation, otherElevators } from '../../../src/platform/linux/elevation.ts';
import { ProcessRunner } from '../../../src/platform/process.ts';
import { temporaryDirectory } from '../../fakes/temporary.ts';

test.each([
  ['Name:\tnode\nCapEff:\t0000000000001000\n', true],
  ['Name:\tnode\nCapEff:\t000001ffffffffff\nCapBnd:\t0\n', true],
  ['Name:\tnode\nCapEff:\t0000000000000800\n', false],
  ['Name:\tnode\nCapInh:\t0000000000001000\nCapEff:\t0000000000000000\n', false],
  ['Name:\tCapEff:\n', false],
])('%j has the right: %s', (status, has) => {
  expect(hasNetAdmin(status)).toBe(has);
});

test('what elevates programs is found where PATH leads, and nowhere else', async () => {
  const folder = await temporaryDirectory();
  for (const name of ['doas', 'run0', 'sudo']) await writeFile(join(folder, name), '');
  expect(otherElevators(`/nonexistent:${folder}`)).toEqual(['doas', 'run0']);
  expect(otherElevators('/nonexistent')).toEqual([]);
  expect(otherElevators('')).toEqual([]);
  expect(otherElevators(undefined)).toEqual([]);
});

/** What a helper is started with, and how. */
function startedWith(isNeeded: boolean) {
  const started: [Argv, StreamOptions | undefined][] = [];
  const streamer: CommandStreamer = {
    stream: (argv, _, options) => {
      started.push([argv, options]);
      return new ProcessRunner().stream(['true'], () => undefined);
    },
  };
  const elevation = new LinuxElevation(streamer, () => isNeeded);
  elevation.stream(['/usr/bin/node', '/opt/mkplan/dist/helper.js'], () => undefined);
  return { started, elevation };
}

test('what sudo is given starts with no option of its own, and sudo may ask on the terminal', () => {
  const { started } = startedWith(true);
  expect(started).toEqual([
    [['sudo', '--', '/usr/bin/node', '/opt/mkplan/dist/helper.js'], { detached: false }],
  ]);
});

test('who has the right starts the helper directly, out of reach of the terminal', () => {
  const { started, elevation } = startedWith(false);
  expect(started).toEqual([[['/usr/bin/node', '/opt/mkplan/dist/helper.js'], { detached: true }]]);
  expect(elevation.refusal({ message: 'it ended with 1', cause: undefined })).toBeNull();
});
