import { Composer, type CST, type Document, Lexer, LineCounter, Parser } from 'yaml';
import type { Diagnostic, SourcePosition } from '../model/diagnostic.ts';
import { errorAt, harmless, quote } from './problem.ts';
import type { SpecNode } from './tree.ts';
import { fail, MAX_DEPTH, type PositionOf, TreeReader, tooDeep, Unreadable } from './yaml-tree.ts';

/** Bytes that a document may have. */
export const MAX_BYTES = 1024 * 1024;

/** Errors after which a document is not parsed further: nobody reads them, and each costs memory. */
const MAX_SYNTAX_ERRORS = 200;

/** Characters of the parser's own words that are shown; they can quote the document. */
const MESSAGE_LENGTH = 200;

/** What a document holds: a tree, or null where it is empty; problems are added to `problems`. */
export type YamlReading =
  | { readonly readable: true; readonly root: SpecNode | null }
  | { readonly readable: false };

/** Reads one YAML 1.2 document (core schema) with the position of every value. Never throws. */
export function readYaml(text: string, file: string, problems: Diagnostic[]): YamlReading {
  const positionOf = positionsIn(text, file);
  try {
    refuseControlCharacters(text, positionOf);
    const document = compose(text, positionOf);
    if (document.errors.length > 0) {
      for (const { pos, message } of document.errors) problems.push(syntaxError(positionOf(pos[0]), message));
      return { readable: false };
    }
    const reader = new TreeReader(positionOf, problems);
    const root = reader.read(document.contents);
    return { readable: true, root: root.kind === 'scalar' && root.value === null ? null : root };
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    problems.push(error.diagnostic);
    return { readable: false };
  }
}

function positionsIn(text: string, file: string): PositionOf {
  const lines = new LineCounter();
  lines.addNewLine(0);
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) lines.addNewLine(at + 1);
  return (offset) => {
    const { line, col } = lines.linePos(Math.min(offset, text.length));
    return { file, line, column: col };
  };
}

function syntaxError(at: SourcePosition, message: string): Diagnostic {
  return errorAt(at, {
    code: 'yaml-syntax',
    summary: `not valid YAML: ${harmless(message, MESSAGE_LENGTH)}`,
    cause: 'the YAML parser cannot make sense of this place, or of what stands before it',
    fix: 'check indentation, quotes and brackets here and on the line above',
  });
}

/** What may stand in YAML is YAML 1.2.2, 5.1; the library does not check it. */
function refuseControlCharacters(text: string, positionOf: PositionOf): void {
  const found = /[^\P{Cc}\t\n\r\u0085]/u.exec(text);
  if (found === null) return;
  fail(positionOf(found.index), {
    code: 'yaml-control-character',
    summary: `control character ${quote(found[0])}`,
    cause:
      'YAML is text: of control characters it allows tab and line breaks alone, so this is likely another kind of file',
    fix: 'give the path of a tunnel.yaml, or remove the character',
  });
}

/** Parses the one document of a text. Depth is bounded while tokens are nested, before anything recurses over them. */
function compose(text: string, positionOf: PositionOf): Document.Parsed {
  const composer = new Composer({
    version: '1.2',
    schema: 'core',
    merge: false,
    resolveKnownTags: false,
    // Its check compares each key with each other; ours looks them up.
    uniqueKeys: false,
    prettyErrors: false,
    logLevel: 'silent',
  });
  const documents = composer.compose(boundedTokens(text, positionOf), true, text.length);
  const first = documents.next();
  if (first.done === true) throw new RangeError('the composer made no document');
  const second = documents.next();
  if (second.done !== true) {
    fail(positionOf(second.value.range[0]), {
      code: 'yaml-many-documents',
      summary: 'a second YAML document begins here',
      cause: 'a tunnel.yaml is one document; a second one would silently not count',
      fix: 'put it into a file of its own, or remove the `---` line',
    });
  }
  const { yaml } = first.value.directives;
  if (yaml.explicit === true && yaml.version !== '1.2') {
    fail(positionOf(Math.max(0, text.indexOf('%YAML'))), {
      code: 'yaml-version',
      summary: `YAML ${yaml.version} is asked for`,
      cause: 'YAML 1.1 reads words such as `no` and `on` as booleans; mkplan reads YAML 1.2 alone',
      fix: 'remove the %YAML line',
    });
  }
  return first.value;
}

function* boundedTokens(text: string, positionOf: PositionOf): Generator<CST.Token> {
  const parser = new Parser();
  const lexer = new Lexer();
  let errors = 0;
  for (const lexeme of lexer.lex(text)) {
    for (const token of parser.next(lexeme)) {
      if (token.type === 'error') errors++;
      if (errors > MAX_SYNTAX_ERRORS) return;
      yield token;
    }
    // The stack holds the document and, at its end, a scalar besides the open collections.
    if (parser.stack.length > MAX_DEPTH + 2) {
      fail(positionOf(parser.offset), tooDeep());
    }
  }
  yield* parser.end();
}
