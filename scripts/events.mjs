// What is made of the schema of `--json`'s lines: their types, and the page that lists them.

const HEADER = '// Generated from schema/events.schema.json by `npm run generate`.';

/** The schema as one document: what it takes from the schema of plans is its own then. */
function bundled(schema, planSchema) {
  const local = (key, value) =>
    key === '$ref' ? value.replace(`${planSchema.$id}#`, '#').replace(`${schema.$id}#`, '#') : value;
  const whole = { ...schema, $defs: { ...planSchema.$defs, ...schema.$defs } };
  return JSON.parse(JSON.stringify(whole, local));
}

function resolved({ $defs }, { $ref, ...own }) {
  return $ref === undefined ? own : { ...$defs[$ref.replace('#/$defs/', '')], ...own };
}

/** A line with the fields that it takes from elsewhere, before those of its own. */
function flattened(schema, { $ref, ...line }) {
  if ($ref === undefined) return line;
  const base = resolved(schema, { $ref });
  return {
    ...line,
    required: [...base.required, ...line.required],
    properties: { ...base.properties, ...line.properties },
  };
}

/** The types of the lines, without what every line has. */
export async function generateEventTypes(schema, planSchema) {
  const { compile } = await import('json-schema-to-typescript');
  const whole = bundled(schema, planSchema);
  const { title, description, $defs } = whole;
  const lines = {
    title,
    description,
    oneOf: whole.oneOf.map((line) => flattened(whole, line)),
    $defs,
  };
  const options = { bannerComment: '', additionalProperties: false, format: false };
  return `${HEADER}\n\n${await compile(lines, title, options)}`;
}

/** What a field may be, in words. */
function describeType(schema, node) {
  const { const: one, enum: several, type, items, oneOf, properties } = resolved(schema, node);
  if (one !== undefined) return `\`${JSON.stringify(one).replaceAll('"', '')}\``;
  if (several !== undefined) return several.map((value) => `\`${value}\``).join(', ');
  if (oneOf !== undefined)
    return oneOf
      .map((each) => describeType(schema, each))
      .reverse()
      .join(' or ');
  if (type === 'array') return `list of ${describeType(schema, items).replace(/^\w+/, '$&s')}`;
  const words = [type].flat().reverse().join(' or ');
  if (properties === undefined) return words;
  const keys = Object.keys(properties).map((name) => `\`${name}\``);
  return `${words} with ${keys.join(', ')}`;
}

function describeField(schema, [name, node], required) {
  const { description = '' } = resolved(schema, node);
  const text = description === '' ? '' : `. ${description}`;
  const optional = required.includes(name) ? '' : ' (may be missing)';
  return `- \`${name}\`${optional}: ${describeType(schema, node)}${text}`;
}

/** The section of one type: a step has two forms. */
function describeLine(schema, type, forms) {
  const parts = forms.map(({ description, properties, required }) => {
    const { type: _, ...fields } = properties;
    const list = Object.entries(fields).map((field) => describeField(schema, field, required));
    return [description, list.join('\n')].filter((part) => part !== '').join('\n\n');
  });
  return `### \`${type}\`\n\n${parts.join('\n\n')}`;
}

/** docs/json.md: every line there is. */
export function generateEventsReference(schema, planSchema) {
  const whole = bundled(schema, planSchema);
  const byType = new Map();
  for (const line of whole.oneOf.map((each) => flattened(whole, each))) {
    const type = line.properties.type.const;
    byType.set(type, [...(byType.get(type) ?? []), line]);
  }
  const common = Object.entries(whole.properties).map((field) => describeField(whole, field, whole.required));
  const sections = [...byType].map(([type, forms]) => describeLine(whole, type, forms));
  return `# The lines of --json, type by type

<!-- Generated from schema/events.schema.json by \`npm run generate\`: edit the schema, not this page. -->

How they are printed is told in [commands.md](commands.md#output). Two schemas describe them:
[events.schema.json](../schema/events.schema.json), and [plan.schema.json](../schema/plan.schema.json) for all that a saved
plan has as well. They allow no field that is not listed here, since they describe the lines of this one version.

## What every line has

${common.join('\n')}

## Types

${sections.join('\n\n')}
`;
}
