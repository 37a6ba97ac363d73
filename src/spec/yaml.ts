import { Composer, type CST, type Document, isMap, isScalar, Lexer, LineCounter, Parser } from 'yaml';
import type { Diagnostic, SourcePosition } from '../model/diagnostic.ts';
import { errorAt, harmless, otherKind, quote } from './problem.ts';
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
export function readYaml(given: string, file: string, problems: Diagnostic[]): YamlReading {
  // Also alone it is a line break (YAML 1.2.2, 5.4), which the library does not know. Offsets stay as they are.
  const text = given.replace(/\r(?!\n)/g, '\n');
  const positionOf = positionsIn(text, file);
  try {
    refuseControlCharacters(text, positionOf);
    const document = compose(text, positionOf);
    if (document.errors.length > 0) {
      problems.push(...syntaxErrors(document.errors, text, positionOf));
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

/** What one mistake makes the parser say of the lines behind it is left out, where that mistake is known. */
function syntaxErrors(errors: Document.Parsed['errors'], text: string, positionOf: PositionOf): Diagnostic[] {
  const tabs = errors.filter(({ code }) => code === 'TAB_AS_INDENT');
  return (tabs.length > 0 ? tabs : errors).map(({ pos: [offset], message, code }) => {
    const line = text.slice(text.lastIndexOf('\n', offset - 1) + 1).split('\n', 1)[0] ?? '';
    const fix =
      code === 'TAB_AS_INDENT'
        ? 'indent with spaces; YAML does not allow tabs there'
        : (fixForIpv6(line) ?? 'check indentation, quotes and brackets here and on the line above');
    return syntaxError(positionOf(offset), message, fix);
  });
}

/** An IPv6 address that ends in a colon, or has one before a blank, begins a map. */
function fixForIpv6(line: string): string | null {
  const [address] = /(?<![\w:.])[\da-f]{0,4}(?::[\da-f]{0,4})*::(?=[\s,\]}]|$)/i.exec(line) ?? [];
  return address === undefined ? null : `put the IPv6 address in quotes: "${address}"`;
}

function syntaxError(at: SourcePosition, message: string, fix: string): Diagnostic {
  return errorAt(at, {
    code: 'yaml-syntax',
    summary: `not valid YAML: ${harmless(message, MESSAGE_LENGTH)}`,
    cause: 'the YAML parser cannot make sense of this place, or of what stands before it',
    fix,
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
    fix:
      found[0] === '\0'
        ? 'save the file as UTF-8 if it is UTF-16, or give the path of a tunnel.yaml'
        : 'give the path of a tunnel.yaml, or remove the character',
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
  const document = onlyDocument(documents, positionOf);
  const { yaml } = document.directives;
  if (yaml.explicit === true && yaml.version !== '1.2') {
    fail(positionOf(Math.max(0, text.indexOf('%YAML'))), {
      code: 'yaml-version',
      summary: `YAML ${yaml.version} is asked for`,
      cause: 'YAML 1.1 reads words such as `no` and `on` as booleans; mkplan reads YAML 1.2 alone',
      fix: 'remove the %YAML line',
    });
  }
  return document;
}

/** Documents with nothing in them that are passed over. */
const MAX_EMPTY = 16;

/** The one document that has something in it: a `---` or `...` with nothing behind or before it makes no second one. */
function onlyDocument(documents: Iterable<Document.Parsed>, positionOf: PositionOf): Document.Parsed {
  let only: Document.Parsed | null = null;
  let passed = 0;
  for (const next of documents) {
    if (only === null || (isEmpty(only) && passed < MAX_EMPTY)) only = next;
    else if (!isEmpty(next) || passed >= MAX_EMPTY) refuseSecond(only, next, positionOf);
    passed++;
  }
  if (only === null) throw new RangeError('the composer made no document');
  return only;
}

function isEmpty({ contents, errors }: Document.Parsed): boolean {
  return errors.length === 0 && (contents === null || (isScalar(contents) && contents.source === ''));
}

function refuseSecond(first: Document.Parsed, document: Document.Parsed, positionOf: PositionOf): never {
  const { contents } = first;
  // Manifests of a cluster often share a file; that it is one says more than how many there are.
  const other = isMap(contents) ? otherKind(contents.get('apiVersion'), contents.get('kind')) : null;
  if (other !== null) fail(positionOf(first.range[0]), other);
  fail(positionOf(document.range[0]), {
    code: 'yaml-many-documents',
    summary: 'a second YAML document begins here',
    cause: 'a tunnel.yaml is one document; a second one would be silently ignored',
    fix: 'put it into a file of its own, or remove the `---` line',
  });
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
