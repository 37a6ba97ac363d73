import { expect, test } from 'vitest';
import { inheritHelper } from '../../src/helper/inherit.ts';
import { encodeResponse, PROTOCOL_VERSION } from '../../src/helper/protocol.ts';
import type { CommandStream } from '../../src/platform/command.ts';

const silent: CommandStream = {
  pid: null,
  write: () => undefined,
  end: () => undefined,
  kill: () => undefined,
  leave: () => undefined,
  exit: new Promise(() => undefined),
};

test('what a killed mkplan had asked is not taken for an answer of ours, and its cut-off line is ended', () => {
  const written: string[] = [];
  const heard: string[] = [];
  let say: (line: string) => void = () => undefined;
  const elevation = inheritHelper(
    (onLine) => {
      say = onLine;
      return { ...silent, write: (text) => void written.push(text) };
    },
    { stream: () => silent, refusal: () => null },
  );
  elevation.stream(['helper'], (line) => heard.push(line));
  const greeting = encodeResponse({ type: 'hello', version: PROTOCOL_VERSION }).trimEnd();
  const answer = encodeResponse({ type: 'answer', seq: 0, refused: [] }).trimEnd();
  for (const line of ['"refused":[]}', answer, greeting, answer]) say(line);
  expect(written).toEqual(['\n']);
  expect(heard).toEqual([greeting, answer]);
});

test('a second helper is started', () => {
  const started: string[] = [];
  const elevation = inheritHelper(() => silent, {
    refusal: () => null,
    stream: ([program]) => {
      started.push(program);
      return silent;
    },
  });
  elevation.stream(['first'], () => undefined);
  elevation.stream(['second'], () => undefined);
  expect(started).toEqual(['second']);
});
