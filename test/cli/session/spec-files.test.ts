import { expect, it } from 'vitest';
import { SpecFiles } from '../../../src/cli/session/spec-files.ts';
import type { FileEvents } from '../../../src/platform/file-events.ts';
import * as build from '../../planner/build.ts';

/** Which files are being watched, and a way to say that one was written. */
function watched() {
  const streams = new Map<string, (file: string) => void>();
  const events: FileEvents = {
    watch: (files, onChange) => {
      const key = files.join(' ');
      streams.set(key, onChange);
      return {
        ready: Promise.resolve(),
        stop: async () => {
          streams.delete(key);
        },
      };
    },
  };
  const heard: string[] = [];
  const files = new SpecFiles(events, async (profiles) => [
    ...profiles.map(({ name }) => name),
    'kubeconfig',
  ]);
  files.listen((source) => heard.push(source));
  const write = (name: string) => {
    for (const [key, tell] of streams) if (key.split(' ').includes(name)) tell(name);
  };
  return { files, heard, write, keys: () => [...streams.keys()] };
}

const SPEC = '/project/tunnel.yaml /project/tunnel.local.yaml';

it('tells the spec and its overlay from what profiles are known from', async () => {
  const { files, heard, write } = watched();
  await files.follow(build.desired([build.profile({ name: 'one' })]));
  for (const name of ['/project/tunnel.local.yaml', 'one', 'kubeconfig', '/project/tunnel.yaml']) write(name);
  expect(heard).toEqual(['spec', 'profile', 'profile', 'spec']);
});

it('follows the profiles of the spec, and stops', async () => {
  const { files, keys } = watched();
  await files.follow(build.desired([build.profile({ name: 'one' })]));
  expect(keys()).toEqual([SPEC, 'one kubeconfig']);
  await files.follow(build.desired([build.profile({ name: 'one' })]));
  expect(keys()).toEqual([SPEC, 'one kubeconfig']);
  await files.follow(build.desired([build.profile({ name: 'two' })]));
  expect(keys()).toEqual([SPEC, 'two kubeconfig']);
  await files.stop();
  expect(keys()).toEqual([]);
});
