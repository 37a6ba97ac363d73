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

With \`--json\` (or \`-o json\`) mkplan prints one JSON object a line on standard output. Messages for people stay on standard error.

\`\`\`
{"type":"version","seq":0,"time":"2026-11-30T12:00:00.000Z","format":"1.1","mkplan":"0.1.0"}
{"type":"plan","seq":1,"time":"2026-11-30T12:00:00.210Z",…}
{"type":"step","seq":3,"time":"2026-11-30T12:00:00.210Z","step":0,"kind":"route","action":"create",…}
{"type":"change.done","seq":21,"time":"2026-11-30T12:00:00.300Z","txid":"…","step":0,"op":"add"}
{"type":"summary","seq":29,"time":"2026-11-30T12:00:00.420Z","exitCode":0}
\`\`\`

- The first line is always \`version\`. The last one is always \`summary\` with the exit code, also when nothing was to be done, the command line was wrong, or a signal ended the command. A run
  without a summary was killed.
- A gap in \`seq\` means that a line could not be written.
- Nobody is asked anything: \`apply\`, \`watch\`, \`destroy\`, \`cleanup\` and \`import\` need \`--auto-approve\` or a plan file.
- \`schema\` and \`sandbox\` do not take \`--json\`: \`schema\` prints a JSON document, and \`sandbox\` the output of the program that it runs.

\`\`\`console
$ mkplan plan --json | jq -r 'select(.type == "diagnostic") | [.code, .summary] | @tsv'
$ mkplan status --json | jq -r 'select(.type == "service") | [.namespace, .name, .addresses[0]] | @tsv'
\`\`\`

## Versions

\`format\` in the first line has a major and a minor version. A minor version may add types and fields. So a reader ignores types and fields that it does not know, and refuses another major
version. The schemas ([events.schema.json](../schema/events.schema.json), and [plan.schema.json](../schema/plan.schema.json) for everything that a saved plan has as well) describe the lines of this one version, and
allow no field that is not listed here.

Version 1.1 added the times, the types \`saved\`, \`observed\` and \`left\`, and a version and a summary where 1.0 printed nothing.

## What every line has

${common.join('\n')}

## Types

${sections.join('\n\n')}
`;
}
