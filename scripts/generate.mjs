// Derives from schema/ everything that repeats it: the types of a tunnel.yaml and of the lines of `--json`, the
// precompiled validators of the former and of plan files, and the reference pages. Output depends on the inputs alone; nothing is written when it is up to date.
import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { generateEventsReference, generateEventTypes } from './events.mjs';
import { generateReference } from './reference.mjs';

const root = new URL('../', import.meta.url);
const schemaFile = new URL('schema/tunnel.schema.json', root);
const typesFile = new URL('src/spec/generated/tunnel.ts', root);
const validatorFile = new URL('src/spec/generated/validate-tunnel.js', root);
const declarationFile = new URL('src/spec/generated/validate-tunnel.d.ts', root);
const planSchemaFile = new URL('schema/plan.schema.json', root);
const planValidatorFile = new URL('src/planner/generated/validate-plan.js', root);
const planDeclarationFile = new URL('src/planner/generated/validate-plan.d.ts', root);
const eventsSchemaFile = new URL('schema/events.schema.json', root);
const eventTypesFile = new URL('src/cli/views/generated/events.ts', root);
const eventsReferenceFile = new URL('docs/json.md', root);
const referenceFile = new URL('docs/spec.md', root);
const stampFile = new URL('src/spec/generated/.inputs.sha256', root);

const HEADER = '// Generated from schema/tunnel.schema.json by `npm run generate`.';
const PLAN_HEADER = '// Generated from schema/plan.schema.json by `npm run generate`.';

/** Digest of everything the output depends on, these scripts and the tools' versions (the lock file) included. */
async function digestInputs() {
  const hash = createHash('sha256');
  for (const file of [
    schemaFile,
    planSchemaFile,
    eventsSchemaFile,
    new URL(import.meta.url),
    new URL('events.mjs', import.meta.url),
    new URL('reference.mjs', import.meta.url),
    new URL('package-lock.json', root),
  ]) {
    hash.update(await readFile(file));
  }
  return hash.digest('hex');
}

async function readOrNull(file) {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT') return null;
    throw error;
  }
}

/**
 * The schema of tunnel.local.yaml: the same, with nothing required. What identifies an element of a list (a
 * profile's name, an entry's CIDR) stays required, since without it the element means nothing.
 */
function overlaySchema(schema) {
  const relaxed = structuredClone(schema);
  relaxed.$id = schema.$id.replace(':tunnel:', ':tunnel.local:');
  relaxed.title = 'TunnelOverlay';
  relaxed.description = 'What one laptop overrides: tunnel.local.yaml.';
  const relax = (node) => {
    delete node.required;
    for (const child of Object.values(node.properties ?? {})) relax(child);
  };
  relax(relaxed);
  for (const name of ['metadata', 'spec']) relaxed.properties[name].title += 'Overlay';
  return relaxed;
}

/** The same overlay with the full schema's definitions in place of its own copies, so that their code is shared. */
function shareDefinitions(overlay, schema) {
  const { $defs: _, ...outermost } = overlay;
  const share = (key, value) => (key === '$ref' ? `${schema.$id}${value}` : value);
  return JSON.parse(JSON.stringify(outermost, share));
}

async function generateTypes(schema, overlay) {
  const { compile } = await import('json-schema-to-typescript');
  const options = {
    bannerComment: '',
    additionalProperties: false,
    format: false,
    ignoreMinAndMaxItems: true,
  };
  const strip = (node) =>
    JSON.parse(JSON.stringify(node, (key, value) => (key === '$id' ? undefined : value)));
  const full = await compile(strip(schema), 'Tunnel', options);
  const partial = await compile(strip(overlay), 'TunnelOverlay', options);
  const declared = new Set();
  const blocks = `${full}\n${partial}`.split(/\n(?=\/\*\*|export (?:type|interface) )/);
  return `${HEADER}\n\n${joinDeclarations(blocks, declared)}`;
}

/** Keeps the first declaration of each name: the two schemas share all but their outermost objects. */
function joinDeclarations(blocks, declared) {
  const kept = [];
  let comment = '';
  for (const block of blocks) {
    const name = /^export (?:type|interface) (\w+)/m.exec(block)?.[1];
    if (name === undefined) {
      comment += `${block}\n`;
      continue;
    }
    if (!declared.has(name)) kept.push(`${comment}${block}`.trim());
    declared.add(name);
    comment = '';
  }
  return `${kept.join('\n\n')}\n`;
}

/** Ajv's standalone code asks for one helper by require(), which an ES module has not; it is put in its place. */
const CODE_POINTS = `function countCodePoints(text) {
  let count = 0;
  for (const _ of text) count++;
  return count;
}`;

/** The most entries that any list or map of the schema may have. */
function largestBound(node) {
  if (typeof node !== 'object' || node === null) return 0;
  const below = Object.values(node).map(largestBound);
  return Math.max(node.maxItems ?? 0, node.maxProperties ?? 0, ...below);
}

async function generateValidator(schema, overlay) {
  const { default: Ajv2020 } = await import('ajv/dist/2020.js');
  const { default: standalone } = await import('ajv/dist/standalone/index.js');
  const ajv = new Ajv2020.default({
    allErrors: true,
    verbose: true,
    strict: true,
    allowUnionTypes: true,
    schemas: [schema, shareDefinitions(overlay, schema)],
    code: { source: true, esm: true, lines: true },
  });
  const code = moduleOf(
    standalone.default(ajv, { validateTunnel: schema.$id, validateOverlay: overlay.$id }),
  );
  return `${HEADER}\nexport const largestBound = ${largestBound(schema)};\n${CODE_POINTS}\n${code}\n`;
}

/** Ajv's standalone code as an ES module that imports nothing. */
function moduleOf(standaloneCode) {
  const code = standaloneCode
    .replace(/^"use strict";/, '')
    .replaceAll('require("ajv/dist/runtime/ucs2length").default', 'countCodePoints');
  if (code.includes('require('))
    throw new Error('the validator needs a helper that generate.mjs does not inline');
  return code;
}

/** Stops at the first violation: a plan file is written by mkplan, so one that is wrong is not mended by hand. */
async function generatePlanValidator(schema) {
  const { default: Ajv2020 } = await import('ajv/dist/2020.js');
  const { default: standalone } = await import('ajv/dist/standalone/index.js');
  const ajv = new Ajv2020.default({
    strict: true,
    allowUnionTypes: true,
    schemas: [schema],
    code: { source: true, esm: true, lines: true },
  });
  return `${PLAN_HEADER}\n${moduleOf(standalone.default(ajv, { validatePlan: schema.$id }))}\n`;
}

const PLAN_DECLARATION = `${PLAN_HEADER}
import type { SavedPlanDocument } from '../saved-plan.ts';

/** The first violation of the schema, as ajv reports it. */
export interface PlanSchemaError {
  /** JSON pointer (RFC 6901) to the value. */
  readonly instancePath: string;
  readonly message?: string;
}

export const validatePlan: {
  (data: unknown): data is SavedPlanDocument;
  errors?: readonly PlanSchemaError[] | null;
};
`;

const DECLARATION = `${HEADER}
import type { Tunnel, TunnelOverlay } from './tunnel.ts';

/** One violation of the schema, as ajv reports it with \`allErrors\` and \`verbose\`. */
export interface SchemaError {
  /** JSON pointer (RFC 6901) to the value. */
  readonly instancePath: string;
  readonly keyword: string;
  readonly params: Readonly<Record<string, unknown>>;
  /** Set when it is a key that is wrong, not a value. */
  readonly propertyName?: string;
  readonly data: unknown;
  /** The schema that holds the keyword. */
  readonly parentSchema: Readonly<Record<string, unknown>>;
}

interface Validate<T> {
  (data: unknown): data is T;
  errors?: readonly SchemaError[] | null;
}

/** The most entries that any list or map of the schema may have. */
export const largestBound: number;

export const validateTunnel: Validate<Tunnel>;
export const validateOverlay: Validate<TunnelOverlay>;
`;

async function writeIfChanged(file, text) {
  if ((await readOrNull(file)) === text) return;
  await writeFile(file, text);
  console.log(`wrote ${fileURLToPath(file).slice(fileURLToPath(root).length)}`);
}

async function main() {
  const digest = await digestInputs();
  const outputs = [
    typesFile,
    validatorFile,
    declarationFile,
    planValidatorFile,
    planDeclarationFile,
    referenceFile,
    eventTypesFile,
    eventsReferenceFile,
  ];
  const present = await Promise.all(outputs.map(readOrNull));
  const outputDigest = createHash('sha256').update(present.join('\0')).digest('hex');
  if ((await readOrNull(stampFile)) === `${digest} ${outputDigest}\n`) return;

  const schema = JSON.parse(await readFile(schemaFile, 'utf8'));
  const overlay = overlaySchema(schema);
  const planSchema = JSON.parse(await readFile(planSchemaFile, 'utf8'));
  const eventsSchema = JSON.parse(await readFile(eventsSchemaFile, 'utf8'));
  const texts = [
    await generateTypes(schema, overlay),
    await generateValidator(schema, overlay),
    DECLARATION,
    await generatePlanValidator(planSchema),
    PLAN_DECLARATION,
    generateReference(schema),
    await generateEventTypes(eventsSchema, planSchema),
    generateEventsReference(eventsSchema, planSchema),
  ];
  for (const file of [typesFile, planValidatorFile, eventTypesFile])
    await mkdir(new URL('.', file), { recursive: true });
  for (const [index, file] of outputs.entries()) await writeIfChanged(file, texts[index]);
  const written = createHash('sha256').update(texts.join('\0')).digest('hex');
  await writeFile(stampFile, `${digest} ${written}\n`);
}

await main();
