import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';

/** The literals that an expression can come to, the branches of a conditional included. */
function literalsOf(expression: ts.Expression): string[] {
  if (ts.isStringLiteral(expression)) return [expression.text];
  if (!ts.isConditionalExpression(expression)) return [];
  return [...literalsOf(expression.whenTrue), ...literalsOf(expression.whenFalse)];
}

/** At which place each function of a file takes a `code`; -1 where it takes none. */
function placesOfCode(file: ts.SourceFile): Map<string, number> {
  const places = new Map<string, number>();
  const visit = (node: ts.Node): void => {
    if ((ts.isFunctionDeclaration(node) || ts.isMethodDeclaration(node)) && node.name !== undefined) {
      const place = node.parameters.findIndex(({ name }) => name.getText(file) === 'code');
      if (place >= 0) places.set(node.name.getText(file), place);
    }
    node.forEachChild(visit);
  };
  visit(file);
  return places;
}

function nameOfCallee({ expression }: ts.CallExpression, file: ts.SourceFile): string {
  return ts.isPropertyAccessExpression(expression) ? expression.name.getText(file) : expression.getText(file);
}

/** Codes that a source file gives: as a property `code`, by a constant, or to a function that takes one. */
function codesIn(text: string): string[] {
  const file = ts.createSourceFile('source.ts', text, ts.ScriptTarget.Latest, true);
  const places = placesOfCode(file);
  const codes: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isPropertyAssignment(node) && node.name.getText(file) === 'code') {
      codes.push(...literalsOf(node.initializer));
    }
    if (
      ts.isVariableDeclaration(node) &&
      node.name.getText(file) === 'code' &&
      node.initializer !== undefined
    ) {
      codes.push(...literalsOf(node.initializer));
    }
    if (ts.isCallExpression(node)) {
      const given = node.arguments[places.get(nameOfCallee(node, file)) ?? -1];
      if (given !== undefined) codes.push(...literalsOf(given));
    }
    node.forEachChild(visit);
  };
  visit(file);
  return codes;
}

/** Every code that the sources under a folder can give a diagnostic, sorted. */
export function codesUnder(folder: string): string[] {
  const codes = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.includes('generated'))
    .flatMap((name) => codesIn(readFileSync(join(folder, name), 'utf8')))
    .filter((code) => /^[a-z]+(-[a-z0-9]+)*$/.test(code));
  return [...new Set(codes)].sort();
}
