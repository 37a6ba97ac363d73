// The reference page of tunnel.yaml, made of its schema.

function resolveRef(schema, node) {
  if (node.$ref === undefined) return node;
  const { $ref, ...own } = node;
  return { ...schema.$defs[$ref.replace('#/$defs/', '')], ...own };
}

/** What a value may be, in words. */
function describeType(schema, node) {
  const resolved = resolveRef(schema, node);
  if (resolved.const !== undefined) return `\`${JSON.stringify(resolved.const).replaceAll('"', '')}\``;
  if (resolved.enum !== undefined) return resolved.enum.map((value) => `\`${value}\``).join(', ');
  if (resolved.anyOf !== undefined)
    return resolved.anyOf.map((one) => describeType(schema, one)).join(', or ');
  if (resolved.type === 'array')
    return `list of at most ${resolved.maxItems}: ${describeType(schema, resolved.items)}`;
  if (resolved.type === 'integer') return `integer, ${resolved.minimum} to ${resolved.maximum}`;
  if (resolved.type === 'string') return resolved.title ?? 'string';
  if (resolved.properties !== undefined && node.$ref !== undefined && resolved.title !== 'Profile') {
    return `map of ${Object.keys(resolved.properties)
      .map((key) => `\`${key}\``)
      .join(', ')}`;
  }
  return resolved.maxProperties === undefined ? 'map' : `map of at most ${resolved.maxProperties}`;
}

function* describeKeys(schema, node, prefix) {
  const { properties = {}, required = [] } = resolveRef(schema, node);
  for (const [key, child] of Object.entries(properties)) {
    const resolved = resolveRef(schema, child);
    const path = `${prefix}${key}`;
    const fallback = resolved.default === undefined ? '' : `\`${resolved.default}\``;
    yield {
      path,
      type: describeType(schema, child),
      fallback: required.includes(key) ? 'required' : fallback,
      text: resolved.description,
    };
    if (resolved.items === undefined) yield* describeKeys(schema, child, `${path}.`);
    else yield* describeKeys(schema, resolved.items, `${path}[].`);
    for (const one of resolved.anyOf ?? []) yield* describeKeys(schema, one, `${path}.`);
    const entry = resolveRef(schema, resolveRef(schema, resolved.anyOf?.at(-1) ?? {}).items ?? {});
    for (const one of entry.anyOf ?? []) yield* describeKeys(schema, one, `${path}[].`);
  }
}

/** Headings and lists rather than tables: cells would be as wide as the longest description. */
function describeForReference(title, text, facts) {
  const known = facts.filter(([, value]) => value !== '').map(([name, value]) => `- ${name}: ${value}`);
  return `### ${title}\n\n${text}\n\n${known.join('\n')}`;
}

/** docs/spec.md: every key of a tunnel.yaml. */
export function generateReference(schema) {
  const keys = [...describeKeys(schema, schema, '')].map(({ path, type, fallback, text }) =>
    describeForReference(`\`${path}\``, text, [
      ['value', type],
      ['default', fallback === 'required' ? 'none, the key is required' : fallback],
    ]),
  );
  const forms = Object.values(schema.$defs)
    .filter((node) => node.type === 'string')
    .map((node) =>
      describeForReference(node.title, node.description, [
        ['example', `\`${node.examples[0]}\``],
        ['longest', `${node.maxLength} characters`],
      ]),
    );
  return `# tunnel.yaml, key by key

<!-- Generated from schema/tunnel.schema.json by \`npm run generate\`: edit the schema, not this page. -->

Keys that are not listed here are errors. \`tunnel.local.yaml\` beside the spec has the same keys, all of them optional,
and overrides it: maps are merged key by key, profiles by their name, lists and single values are replaced. A spec of
another name, \`NAME.yaml\`, has the overlay \`NAME.local.yaml\`.

A document is at most 1 MiB of UTF-8: one YAML 1.2 document (core schema) without tags and with at most 16 aliases.
What is wrong with a document is listed in [diagnostics.md](diagnostics.md).

## Keys

${keys.join('\n\n')}

## Forms of text

${forms.join('\n\n')}
`;
}
