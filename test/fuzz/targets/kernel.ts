import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Family } from '../../../src/model/prefix.ts';
import { parseAnswers } from '../../../src/platform/linux/parse/answers.ts';
import { parseBatchErrors } from '../../../src/platform/linux/parse/batch-errors.ts';
import { parseLinks } from '../../../src/platform/linux/parse/links.ts';
import { parseRoutes } from '../../../src/platform/linux/parse/routes.ts';
import { parseRules } from '../../../src/platform/linux/parse/rules.ts';
import type { Json } from '../mutate.ts';
import type { Random } from '../random.ts';
import { mustBeAnswer, mustBeHostAddress, mustBeLink, mustBeRoute, mustBeRule } from '../shape.ts';
import { jsonInputs, must, type Target, textInputs, tried } from '../target.ts';

const fixture = (name: string) => readFileSync(join('test/platform/linux/fixtures', name), 'utf8');

/** Small documents, so that a mutation hits something that is read: every row of a fixture by itself, and two. */
function rowsOf(name: string): [Json, ...Json[]] {
  const rows = JSON.parse(fixture(name)) as Json[];
  return [rows.slice(0, 2), ...rows.map((row) => [row])];
}

const FAMILIES: readonly Family[] = [4, 6];

function rowCount(text: string): number {
  return text.trim() === '' ? 0 : (JSON.parse(text) as unknown[]).length;
}

/** Both families are tried: a dump of one, taken for the other, has to be refused as well. */
function byFamily<T>(
  name: string,
  make: (random: Random) => Buffer,
  parse: (text: string, family: Family) => T[],
  mustBe: (value: T) => void,
): Target {
  return {
    name,
    make,
    read: (input) => {
      const text = input.toString('utf8');
      const accepted = FAMILIES.map((family) => tried(() => parse(text, family))).filter(
        (one) => one !== null,
      );
      for (const { value } of accepted) {
        must(value.length === rowCount(text), `${value.length} of ${rowCount(text)} rows were read`);
        value.forEach(mustBe);
      }
      return accepted.length > 0;
    },
  };
}

const routes = byFamily(
  'routes',
  jsonInputs([...rowsOf('routes-4.json'), ...rowsOf('routes-6.json')]),
  (text, family) => parseRoutes(text, family),
  mustBeRoute,
);

const rules = byFamily(
  'rules',
  jsonInputs([...rowsOf('rules-4.json'), ...rowsOf('rules-6.json')]),
  parseRules,
  mustBeRule,
);

const links: Target = {
  name: 'links',
  make: jsonInputs(rowsOf('addr.json')),
  read: (input) => {
    const found = tried(() => parseLinks(input.toString('utf8')));
    found?.value.links.forEach(mustBeLink);
    found?.value.addresses.forEach(mustBeHostAddress);
    return found !== null;
  },
};

const ASKED = ['192.0.2.9', '10.1.0.1', 'fd00:1::1'];
const ANSWERS = {
  stdout: [
    '[{"dst":"192.0.2.9","dev":"v0","table":"254","prefsrc":"192.0.2.1","flags":[],"uid":0,"cache":[]}]',
    '[{"type":"1","dst":"fd00:1::1","gateway":"2001:db8::2","dev":"v0","table":"254","protocol":"109","metric":109}]',
  ].join('\n'),
  stderr: 'RTNETLINK answers: No route to host\nCommand failed -:2\nUnknown command\nCommand failed -:4\n',
};

/** Standard output, a line that is none, standard error. */
const BREAK = '\n=====\n';

const answers: Target = {
  name: 'answers',
  make: textInputs([`${ANSWERS.stdout}${BREAK}${ANSWERS.stderr}`]),
  read: (input) => {
    const [stdout = '', stderr = ''] = input.toString('utf8').split(BREAK);
    const found = tried(() => parseAnswers(ASKED, { stdout, stderr }));
    if (found === null) return false;
    must(found.value.length === ASKED.length, `${found.value.length} answers`);
    for (const [index, answer] of found.value.entries()) {
      if (answer === null) continue;
      mustBeAnswer(answer);
      must(answer.address === ASKED[index], `${answer.address} answers for ${ASKED[index]}`);
    }
    return true;
  },
};

const batchErrors: Target = {
  name: 'batch-errors',
  make: textInputs([ANSWERS.stderr, fixture('route-get.stderr')]),
  read: (input) => {
    const text = input.toString('utf8');
    const failures = parseBatchErrors(text);
    must(
      failures.length === text.split('\n').filter((line) => /^Command failed -:\d+$/.test(line)).length,
      'lost a line',
    );
    for (const { line, message } of failures) {
      must(Number.isInteger(line) && line >= 0 && typeof message === 'string', `line ${line}`);
    }
    return failures.length > 0;
  },
};

export const KERNEL: readonly Target[] = [routes, rules, links, answers, batchErrors];
