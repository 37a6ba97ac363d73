import type { Random } from './random.ts';

/** A JSON value. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** A key that no format has: whoever accepts it accepts what it does not understand. */
export const UNKNOWN_KEY = 'never-heard-of';

const DEEP = 3000;

/** Pieces of text that readers are known to stumble over. */
const PIECES: readonly string[] = [
  ...[
    '\0',
    '\n',
    '\r',
    '\t',
    ' ',
    '"',
    "'",
    '\\',
    '{',
    '}',
    '[',
    ']',
    ':',
    ': ',
    ',',
    '- ',
    '#',
    '&a ',
    '*a',
    '!!str ',
  ],
  ...[
    '---\n',
    '...\n',
    '%YAML 1.1\n',
    '<<: *a',
    '? ',
    '|\n',
    '>\n',
    '\u{feff}',
    '\u2028',
    '\u0085',
    '\u{1f600}',
  ],
  ...[
    '\\ud800',
    '\\udfff',
    '\\u0000',
    '__proto__',
    'constructor',
    'toString',
    'length',
    'null',
    '~',
    'true',
    'yes',
    'NaN',
  ],
  ...[
    '-1',
    '0',
    '1e309',
    '-0',
    '1.5',
    '4294967296',
    '9007199254740993',
    '0x10',
    '010',
    '1_000',
    '99999999999999999999',
  ],
  ...[
    '0.0.0.0/0',
    '::/0',
    '10.0.0.0/8',
    '10.96.0.1/12',
    '256.1.1.1',
    '1.2.3',
    '::ffff:10.0.0.1',
    'fe80::1%eth0',
  ],
  ...['10.0.0.1-10.0.0.9', 'default', '; rm -rf /', '$(id)', '../../etc/passwd', '-6', '--help', '%s%n'],
];

const STRINGS: readonly string[] = [
  ...PIECES,
  '',
  'x'.repeat(300),
  '\ud800',
  'a\udc00b',
  '::1',
  '10.200.0.1',
  'fd00:96::/112',
];

const NUMBERS: readonly number[] = [
  ...[-1, 0, 1, 2, 4, 5, 6, 109, 254, 255, 256, 65_535, 65_536, 0.5, -0.5, 1e21, 1e308],
  ...[2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1, 2 ** 53, -(2 ** 53)],
];

function nested(random: Random): Json {
  let value: Json = 1;
  const depth = random.oneIn(400) ? DEEP : random.below(40);
  const isList = random.oneIn(2);
  for (let level = 0; level < depth; level++) value = isList ? [value] : { a: value };
  return value;
}

function anyValue(random: Random): Json {
  switch (random.below(8)) {
    case 0:
      return null;
    case 1:
      return random.oneIn(2);
    case 2:
    case 3:
      return random.pick(NUMBERS);
    case 4:
      return random.pick<Json>([[], {}, [null], [[]], [{}], { toString: 1 }, { length: 1 }]);
    case 5:
      return random.oneIn(10) ? nested(random) : [random.pick(STRINGS)];
    default:
      return random.pick(STRINGS);
  }
}

function mutateText(text: string, random: Random): string {
  const at = random.below(text.length + 1);
  switch (random.below(4)) {
    case 0:
      return text.slice(0, at) + random.pick(PIECES) + text.slice(at);
    case 1:
      return text.slice(0, at) + text.slice(at + 1 + random.below(4));
    case 2:
      return (
        text.slice(0, at) +
        String.fromCharCode(random.below(random.oneIn(4) ? 0x1_0000 : 128)) +
        text.slice(at + 1)
      );
    default:
      return random.pick(STRINGS);
  }
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}

function isObject(value: Json): value is { readonly [key: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function here(value: Json, random: Random): Json {
  if (typeof value === 'string' && !random.oneIn(3)) return mutateText(value, random);
  if (typeof value === 'number' && random.oneIn(2)) return value + random.pick([-1, 1, 0.5, 2 ** 32]);
  if (isList(value) && value.length > 0 && !random.oneIn(3)) {
    const at = random.below(value.length);
    const item = value[at] ?? null;
    if (random.oneIn(3)) return value.filter((_, index) => index !== at);
    return [...value.slice(0, at), random.oneIn(2) ? item : anyValue(random), ...value.slice(at)];
  }
  return anyValue(random);
}

function mutateObject(value: { readonly [key: string]: Json }, random: Random): Json {
  const entries = Object.entries(value);
  const at = random.below(entries.length);
  const [key, inner] = entries[at] ?? ['', null];
  switch (random.below(10)) {
    case 0:
      return Object.fromEntries(entries.filter((_, index) => index !== at));
    case 1:
      return { ...value, [UNKNOWN_KEY]: anyValue(random) };
    case 2:
      return Object.fromEntries(
        entries.map((entry, index) => (index === at ? [mutateText(key, random), inner] : entry)),
      );
    case 3:
      // As JSON.parse makes it: an own key of that name.
      return Object.defineProperty(
        { ...value },
        random.pick(['__proto__', 'constructor', 'hasOwnProperty']),
        {
          value: anyValue(random),
          enumerable: true,
        },
      );
    default:
      return Object.fromEntries(
        entries.map((entry, index) => (index === at ? [key, mutateValue(inner, random)] : entry)),
      );
  }
}

/** Changes one thing somewhere in a JSON value. */
function mutateValue(value: Json, random: Random): Json {
  if (random.oneIn(8)) return here(value, random);
  if (isList(value) && value.length > 0 && !random.oneIn(4)) {
    const at = random.below(value.length);
    return value.map((item, index) => (index === at ? mutateValue(item, random) : item));
  }
  if (isObject(value) && Object.keys(value).length > 0) return mutateObject(value, random);
  return here(value, random);
}

/** Several changes; in one of eight none at all, so that accepting is fuzzed as well. */
export function mutateJson(value: Json, random: Random): Json {
  let changed = value;
  for (let times = random.below(8) === 0 ? 0 : 1 + random.below(3); times > 0; times--) {
    changed = mutateValue(changed, random);
  }
  return changed;
}

function withBytes(bytes: Buffer, random: Random, others: readonly Buffer[]): Buffer {
  const at = random.below(bytes.length + 1);
  const end = Math.min(bytes.length, at + random.below(random.oneIn(4) ? 400 : 12));
  switch (random.below(8)) {
    case 0:
      return bytes.subarray(0, at);
    case 1:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(end)]);
    case 2:
      return Buffer.concat([bytes.subarray(0, end), bytes.subarray(at)]);
    case 3: {
      const other = random.pick(others);
      return Buffer.concat([bytes.subarray(0, at), other.subarray(random.below(other.length + 1))]);
    }
    case 4: {
      const changed = Buffer.from(bytes);
      if (at < changed.length) changed[at] = random.below(256);
      return changed;
    }
    case 5: {
      const piece = random.pick(['[', '{"a":', '- ', '{a: ', '&a [*a, ', '(', '"']);
      const times = random.oneIn(400) ? DEEP : random.below(12);
      return Buffer.concat([bytes.subarray(0, at), Buffer.from(piece.repeat(times)), bytes.subarray(at)]);
    }
    default:
      return Buffer.concat([bytes.subarray(0, at), Buffer.from(random.pick(PIECES)), bytes.subarray(at)]);
  }
}

/** Changes bytes: flips, cuts, copies, splices of other documents, deep nesting, pieces that are known to hurt. */
export function mutateBytes(bytes: Buffer, random: Random, others: readonly Buffer[]): Buffer {
  let changed = bytes;
  for (let times = 1 + random.below(4); times > 0; times--) changed = withBytes(changed, random, others);
  return changed;
}
