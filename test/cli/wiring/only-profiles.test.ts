import { describe, expect, it } from 'vitest';
import { onlyProfiles } from '../../../src/cli/wiring/desired.ts';
import { specProfiles } from '../../../src/model/desired.ts';
import { Failure } from '../../../src/model/diagnostic.ts';
import * as build from '../../planner/build.ts';

const SPEC = build.desired(['dev', 'test', 'prod'].map((name) => build.profile({ name })));

describe('--profile', () => {
  it('asks for all profiles where it is not given', () => {
    expect(onlyProfiles(SPEC, [])).toBe(SPEC);
  });

  it.each([
    [['test'], ['test']],
    [
      ['prod', 'dev', 'prod'],
      ['dev', 'prod'],
    ],
    [
      ['dev', 'test', 'prod'],
      ['dev', 'test', 'prod'],
    ],
  ])('%j asks for %j, in the order of the spec, and knows the others', (names, expected) => {
    const chosen = onlyProfiles(SPEC, names);
    expect(chosen.profiles.map(({ name }) => name)).toEqual(expected);
    expect(chosen.only?.names).toEqual(expected);
    expect(specProfiles(chosen)).toEqual(SPEC.profiles);
  });

  it('refuses names that the spec does not have, with the nearest', () => {
    let thrown: unknown;
    try {
      onlyProfiles(SPEC, ['tset', 'dev', '']);
    } catch (caught) {
      thrown = caught;
    }
    if (!(thrown instanceof Failure)) throw new Error('nothing was refused');
    expect(thrown.kind).toBe('usage');
    expect(thrown.diagnostics.map(({ summary }) => summary)).toEqual([
      'the spec has no profile "tset"',
      'the spec has no profile ""',
    ]);
    expect(thrown.diagnostics[0]?.fix).toContain('did you mean test?');
  });
});
