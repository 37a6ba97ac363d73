import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

/** Files and folders that still have to be rewritten. Take a line out, run this file, and mend what it names. */
const NOT_YET: readonly string[] = [
  'CHANGELOG.md',
  'docs/diagnostics.md',
  'docs/internals/answers.md',
  'src/cli',
  'src/embedded-api',
  'src/executor',
  'src/helper',
  'src/kubernetes',
  'src/machine',
  'src/minikube',
  'src/model',
  'src/observe',
  'src/planner',
  'src/platform',
  'src/registry',
  'src/sandbox',
  'src/spec',
  'test/cli',
  'test/cluster',
  'test/executor',
  'test/fakes',
  'test/faults',
  'test/fuzz',
  'test/helper',
  'test/kernel',
  'test/kubernetes',
  'test/lock-file.test.ts',
  'test/machine',
  'test/minikube',
  'test/model',
  'test/observe',
  'test/package',
  'test/planner',
  'test/platform',
  'test/registry',
  'test/spec',
];

interface Habit {
  readonly pattern: RegExp;
  /** What a native speaker would write, shown with each place. */
  readonly instead: string;
  /** What the pattern finds, and what looks like it and is right. */
  readonly finds: readonly string[];
  readonly leaves: readonly string[];
}

/**
 * What English does not say, and a machine can find without false alarms. Words that are sometimes right (`by then`,
 * `told of`, `so is` within a sentence) are left to readers.
 */
const HABITS: readonly Habit[] = [
  {
    // "There is no X" is English, and so is a comparison: "is no longer", "is no older than".
    pattern: /(?<!\bthere\s+)\b(?:is|are|was|were)\s+no\s+(?!(?:more|less|worse|use|\w+er)\b)\w+/gi,
    instead: 'is not a, has no, means no',
    finds: ['standard input is no terminal', 'Bytes that are no UTF-8.', 'that is\n * no text'],
    leaves: ['There is no route.', 'it is no longer there', 'a list that is no older than this'],
  },
  {
    pattern: /(?<!\bthere\s+)\b(?:may|can|must|will|would|should)\s+be\s+no\s+(?!(?:more|less|\w+er)\b)\w+/gi,
    instead: 'must not be a',
    finds: ['it may be no symbolic link'],
    leaves: ['there may be no time left', 'It must be no longer than a line.'],
  },
  {
    pattern: /(?<!\bthere\s+)\b(?:is|are|was|were)\s+none\b(?!\s+of\s+(?:its|our|your)\s+business)/gi,
    instead: 'is not one, cannot be parsed, is not one of',
    finds: ['Throws when certificate or key are none.', 'a value that is none of those'],
    leaves: ['If there is none, mkplan asks.', 'That is none of its business.'],
  },
  {
    pattern: /\bfor\s+want\s+of\b/gi,
    instead: 'because … is missing',
    finds: ['is not served for want of somebody'],
    leaves: [],
  },
  {
    // The actor can nearly always be named; "anyone who" where it cannot.
    pattern: /\bwho(?:m|se)?(?:so)?ever\b/gi,
    instead: 'name the actor, or: anyone who',
    finds: ['Whoever leaves clears what is left.'],
    leaves: ['however it is written'],
  },
  {
    pattern: /\bsomebody\b/gi,
    instead: 'name the actor, or: someone, another program',
    finds: ['somebody else removed it'],
    leaves: ['someone removed it'],
  },
  {
    // Anywhere but in a question about a person, `for who` lacks its noun.
    pattern: /\bfor\s+who\b/gi,
    instead: 'for anyone who',
    finds: ['For who changes routes over ssh.'],
    leaves: ['for those who change routes'],
  },
  {
    // Only verbs that take no object: "Ends it at once" is an ordinary doc comment.
    pattern: /\b(?:Comes|Goes|Falls|Arrives)\s+(?:it|they|he|one|the|a)\b/g,
    instead: 'If it comes …',
    finds: ['Comes it too late, the transaction is undone.'],
    leaves: ['It goes the other way.', 'Goes on where it was cut off.'],
  },
  {
    // Within a sentence ("and so is a link") the inversion is English.
    pattern:
      /(?<=^|[.:;]\s+|\/\*\*?\s*)So\s+(?:is|are|was|were|does|do|did|has|have|can|may|must|goes|comes)\b/gm,
    instead: 'So X is …',
    finds: ['It fails. So does the next.', 'So is the table read.'],
    leaves: ['So the table is read.', 'It is refused, and so is a link.'],
  },
  {
    // "As it was typed" goes on; "left as it was" ends there.
    pattern: /\bas\s+(?:it|they)\s+(?:was|were)(?=[.,;:)]|\s*$|\s+before\b)/gm,
    instead: 'unchanged',
    finds: ['the file is left as it was.', 'leaves them as they were before'],
    leaves: ['the name as it was typed'],
  },
  {
    pattern: /\bnone\s+of\s+(?:those|these|them)\s+(?:who|that)\b/gi,
    instead: 'no remaining X',
    finds: ['what none of those who stay has'],
    leaves: ['none of those routes'],
  },
  {
    pattern: /\bwhat\s+(?:comes|came)\s+of\b/gi,
    instead: 'what happens with, what follows from',
    finds: ['says what comes of nvm and fnm'],
    leaves: ['what became of it'],
  },
  {
    pattern: /\band\s+(?:that|this)\s+is\s+(?:said|told)\b/gi,
    instead: 'and mkplan says so',
    finds: ['they are skipped, and that is said'],
    leaves: ['and says so'],
  },
  {
    pattern: /\b(?:says?|said|tells?|told|knows?|knew)\s+(?:something|nothing|little)\s+of\b/gi,
    instead: 'says nothing about',
    finds: ['A pid alone says nothing of the process.'],
    leaves: ['says nothing about the process'],
  },
];

/** What may stand at the beginning of a line that goes on with a sentence: of comments, quotations and strings. */
const CONTINUATION = /\n[ \t]*(?:\*(?!\/)|\/\/|#|>)?[ \t]*/g;

/** Text in which a sentence that goes on over lines has blanks for its breaks, at the same places; paragraphs stay apart. */
function unwrapped(text: string): string {
  return text.replace(CONTINUATION, (found, at: number) =>
    /^\s*(?:\n|$|[-*|#`]|\d\.)/.test(text.slice(at + found.length)) ? found : ' '.repeat(found.length),
  );
}

function habitsIn(
  text: string,
): { readonly line: number; readonly found: string; readonly instead: string }[] {
  const flat = unwrapped(text);
  return HABITS.flatMap(({ pattern, instead }) =>
    [...flat.matchAll(pattern)].map(({ 0: found, index }) => ({
      line: text.slice(0, index).split('\n').length,
      found: found.replace(/\s+/g, ' '),
      instead,
    })),
  );
}

/** It shows what it looks for. */
const THIS_FILE = 'test/voice.test.ts';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

function filesIn(folder: string, name: RegExp): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => name.test(file) && !file.includes('generated'))
    .map((file) => `${folder}/${file}`)
    .sort();
}

const written = [
  ...readdirSync(root).filter((name) => name.endsWith('.md')),
  ...filesIn('docs', /\.md$/),
  ...filesIn('src', /\.ts$/),
  ...filesIn('test', /\.(?:ts|mjs)$/),
].filter((file) => file !== THIS_FILE);

/** The text of a file; of a page, without what it quotes of the program, which is held to this where it is written. */
function ownWords(file: string): string {
  const text = readFileSync(join(root, file), 'utf8');
  if (!file.endsWith('.md')) return text;
  return text.replace(/^```[\s\S]*?^```$/gm, (block) => block.replace(/[^\n]+/g, ''));
}

const isYetToCome = (file: string) => NOT_YET.some((path) => file === path || file.startsWith(`${path}/`));

describe('what mkplan says', () => {
  it.each(HABITS)('has $pattern found, and nothing that looks like it', ({ pattern, finds, leaves }) => {
    for (const text of finds) expect(habitsIn(text), text).toContainEqual(expect.anything());
    for (const text of leaves) expect(unwrapped(text).match(pattern), text).toBeNull();
  });

  it('has none of these habits, in the documents, the code and its tests', () => {
    const files = written.filter((file) => !isYetToCome(file));
    expect(written.length).toBeGreaterThan(500);
    const found = files.flatMap((file) =>
      habitsIn(ownWords(file)).map(
        (habit) => `${file}:${habit.line}: "${habit.found}"; better: ${habit.instead}`,
      ),
    );
    expect(found).toEqual([]);
  });

  it('has no place on the list of what is still to be rewritten that is gone', () => {
    expect(NOT_YET.filter((path) => !existsSync(join(root, path)))).toEqual([]);
  });
});
