import { expect, test } from 'vitest';
import { Failure } from '../../../../src/model/diagnostic.ts';
import { parseAnswers } from '../../../../src/platform/linux/parse/answers.ts';
import { parseBatchErrors } from '../../../../src/platform/linux/parse/batch-errors.ts';
import { fixture } from '../fixtures.ts';

const asked = [
  '10.1.0.1',
  '10.2.0.1',
  'fd00:1::1',
  '10.3.0.1',
  '10.4.0.1',
  '10.5.0.1',
  '10.8.0.1',
  '10.11.0.1',
  'fd00:2::1',
  '10.9.0.1',
];
const output = { stdout: fixture('route-get.stdout'), stderr: fixture('route-get.stderr') };

test('answers come in the order asked, and failures fall where they belong', () => {
  const nowhere = { table: null, gateway: null, device: null };
  expect(parseAnswers(asked, output)).toEqual([
    { address: '10.1.0.1', table: 254, type: 'unicast', gateway: '192.0.2.2', device: 'v0' },
    { address: '10.2.0.1', type: 'unreachable', ...nowhere },
    { address: 'fd00:1::1', table: 254, type: 'unicast', gateway: '2001:db8::2', device: 'v0' },
    { address: '10.3.0.1', type: 'blackhole', ...nowhere },
    { address: '10.4.0.1', type: 'prohibit', ...nowhere },
    null,
    { address: '10.8.0.1', table: 254, type: 'unicast', gateway: 'fe80::1', device: 'v0' },
    { address: '10.11.0.1', table: 255, type: 'local', gateway: null, device: 'lo' },
    { address: 'fd00:2::1', type: 'unreachable', ...nowhere },
    { address: '10.9.0.1', table: 100, type: 'unicast', gateway: '192.0.2.2', device: 'v0' },
  ]);
});

test('a batch that ended early is a Failure, and not a host without routes', () => {
  const stderr = output.stderr.replace(/Object "end".*\n.*\n/, '');
  expect(() => parseAnswers(asked, { ...output, stderr })).toThrow(Failure);
  expect(() => parseAnswers(['10.0.0.1'], { stdout: '', stderr: '' })).toThrow(Failure);
});

test('an answer about another address, one too few or one too many is a Failure', () => {
  const lines = output.stdout.trim().split('\n');
  expect(() => parseAnswers(asked, { ...output, stdout: lines.toReversed().join('\n') })).toThrow(Failure);
  expect(() => parseAnswers(asked, { ...output, stdout: lines.slice(1).join('\n') })).toThrow(Failure);
  expect(() => parseAnswers(asked, { ...output, stdout: [...lines, lines[0]].join('\n') })).toThrow(Failure);
});

test.each([
  '[{"dst":[],"dev":"v0","table":"254"}]',
  '[{"dst":"10.1.0.1","dev":7,"table":"254"}]',
  '[{"dst":"10.1.0.1","dev":"v0","table":[254]}]',
  '[{"dst":"10.1.0.1","gateway":{"toString":1},"dev":"v0","table":"254"}]',
  '[{"dst":"10.1.0.1","dev":"v0","table":"254"},{"dst":"10.1.0.1"}]',
])('%s is a Failure', (stdout) => {
  expect(() => parseAnswers(['10.1.0.1'], { stdout, stderr: 'Command failed -:2\n' })).toThrow(Failure);
});

test('what is said about a failed line stands before its number', () => {
  expect(
    parseBatchErrors(
      'Error: Nexthop has invalid gateway.\nCommand failed -:3\nCommand failed -:4\nlast words\n',
    ),
  ).toEqual([
    { line: 3, message: 'Error: Nexthop has invalid gateway.' },
    { line: 4, message: '' },
  ]);
});
