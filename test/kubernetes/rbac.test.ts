import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { RIGHTS } from '../../src/model/observed.ts';

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
  readonly resourceNames?: readonly string[];
}

interface RbacObject {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly rules?: readonly Rule[];
  readonly roleRef?: { readonly kind: string; readonly name: string };
}

const root = new URL('../../', import.meta.url);

async function manifest(): Promise<RbacObject[]> {
  const text = await readFile(new URL('deploy/rbac.yaml', root), 'utf8');
  return parseAllDocuments(text).map((document) => document.toJS() as RbacObject);
}

/** A rule in the words of `RIGHTS`. */
function rightsOf(rule: Rule, namespace: string | undefined): string[] {
  const names = rule.resourceNames ?? [''];
  return rule.verbs.flatMap((verb) =>
    rule.resources.flatMap((resource) =>
      names.map((name) => {
        const where = [namespace, name].filter((part) => part !== undefined && part !== '').join('/');
        return `${verb} ${resource} ${where}`.trim();
      }),
    ),
  );
}

it('the manifest grants what is used, and nothing else', async () => {
  const granted = (await manifest()).flatMap(({ metadata, rules = [] }) =>
    rules.flatMap((rule) => rightsOf(rule, metadata.namespace)),
  );
  expect(granted.sort()).toEqual([...RIGHTS].sort());
});

it('each role of the manifest is bound', async () => {
  const objects = await manifest();
  const roles = objects.filter(({ rules }) => rules !== undefined).map(({ kind }) => kind);
  expect(objects.flatMap(({ roleRef }) => (roleRef === undefined ? [] : [roleRef.kind]))).toEqual(roles);
});

it('each right has its line in docs/rights.md', async () => {
  const page = await readFile(new URL('docs/rights.md', root), 'utf8');
  const listed = [...page.matchAll(/^\| `([^`]+)` +\|/gm)].map(([, right]) => right);
  expect(listed).toEqual([...RIGHTS]);
});
