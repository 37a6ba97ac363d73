import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import schema from '../../schema/tunnel.schema.json' with { type: 'json' };

const run = promisify(execFile);

/** A spec that must be refused, with the code and the place of its first diagnostic. */
export interface BrokenSpec {
  readonly name: string;
  readonly code: string;
  /** Null where no line can be told, as for a missing file. */
  readonly at: { readonly line: number; readonly column: number } | null;
  /** Makes the spec, in the given directory if it is not one of the files kept here, and returns its path. */
  readonly lay: (directory: string) => Promise<string>;
}

function file(name: string, code: string, line: number, column: number): BrokenSpec {
  const path = fileURLToPath(new URL(`fixtures/broken/${name}.yaml`, import.meta.url));
  return { name, code, at: { line, column }, lay: async () => path };
}

type Content = string | Uint8Array;

function made(name: string, code: string, line: number, column: number, content: () => Content): BrokenSpec {
  const lay = async (directory: string) => {
    const path = join(directory, `${name}.yaml`);
    await writeFile(path, content());
    return path;
  };
  return { name, code, at: { line, column }, lay };
}

function placeless(name: string, code: string, make: (path: string) => Promise<unknown>): BrokenSpec {
  const lay = async (directory: string) => {
    const path = join(directory, name);
    await make(path);
    return path;
  };
  return { name, code, at: null, lay };
}

const HEAD = 'apiVersion: mkplan/v1alpha1\nkind: Tunnel\nmetadata: { name: dev }\n';

/** Each line has the one before it nine times over: 9 to the 9th values, were it followed. */
function aliasBomb(): string {
  const lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x]'];
  for (let at = 1; at < 9; at++)
    lines.push(
      `a${at}: &a${at} [${Array(9)
        .fill(`*a${at - 1}`)
        .join(', ')}]`,
    );
  return `${lines.join('\n')}\n`;
}

/** Files that are kept here, so that they can be looked at. */
const FILES: readonly BrokenSpec[] = [
  file('yaml-tab-indent', 'yaml-syntax', 6, 1),
  file('yaml-unclosed-bracket', 'yaml-syntax', 7, 1),
  file('yaml-unclosed-quote', 'yaml-syntax', 7, 1),
  file('duplicate-key', 'yaml-duplicate-key', 7, 3),
  file('two-documents', 'yaml-many-documents', 8, 1),
  file('custom-tag', 'yaml-tag', 7, 18),
  file('yaml-1-1', 'yaml-version', 1, 1),
  file('number-key', 'yaml-key', 6, 5),
  file('alias-to-itself', 'yaml-alias', 7, 7),
  file('control-character', 'yaml-control-character', 7, 17),
  file('only-comments', 'spec-empty', 1, 1),
  file('not-a-map', 'wrong-type', 1, 1),
  file('wrong-api-version', 'not-allowed', 1, 13),
  file('missing-profiles', 'missing-key', 6, 3),
  file('unknown-key', 'unknown-key', 8, 7),
  file('unknown-root-key', 'unknown-key', 1, 1),
  file('wrong-type-profiles', 'wrong-type', 6, 13),
  file('empty-value', 'wrong-type', 8, 7),
  file('number-for-text', 'wrong-type', 7, 13),
  file('no-profiles', 'too-few', 6, 13),
  file('profile-name-with-slash', 'bad-text', 7, 13),
  file('context-with-leading-dash', 'bad-text', 8, 16),
  file('context-too-long', 'too-long', 8, 16),
  file('unknown-policy', 'not-allowed', 8, 23),
  file('policy-not-available', 'not-available', 8, 23),
  file('forward-not-available', 'not-available', 8, 12),
  file('protocol-of-the-kernel', 'out-of-bounds', 6, 13),
  file('cidr-without-length', 'bad-text', 10, 13),
  file('host-bits', 'host-bits', 9, 20),
  file('length-33', 'bad-length', 9, 20),
  file('octet-300', 'bad-address', 9, 16),
  file('default-route', 'forbidden-range', 9, 20),
  file('half-of-default-route', 'forbidden-range', 9, 20),
  file('public-range', 'forbidden-range', 10, 19),
  file('mapped-ipv4', 'bad-address', 9, 20),
  file('duplicate-cidr', 'duplicate-cidr', 10, 16),
  file('gateway-no-address', 'not-allowed', 8, 16),
  file('gateway-loopback', 'bad-gateway', 8, 16),
  file('gateway-wrong-family', 'gateway-family', 8, 44),
  file('mixed-families', 'mixed-families', 9, 16),
  file('reversed-range', 'reversed-range', 9, 16),
  file('pool-missing', 'pool-missing', 9, 17),
  file('pool-in-services', 'pool-in-network', 11, 31),
  file('pools-overlap', 'pool-overlap', 12, 16),
  file('duplicate-profile', 'duplicate-profile', 9, 13),
  file('reservation-outside-pool', 'reservation-outside-pool', 11, 26),
  file('reservation-excluded', 'reservation-excluded', 12, 26),
  file('reservation-twice', 'reservation-twice', 12, 27),
  file('reservation-bad-key', 'bad-text', 11, 11),
];

/** Files that are too big, or not text, or no files. */
const MADE: readonly BrokenSpec[] = [
  made('alias-bomb', 'yaml-alias-bomb', 3, 45, aliasBomb),
  made('five-mebibytes', 'spec-too-large', 1, 1, () => HEAD + '# padding\n'.repeat(524_288)),
  made('binary', 'spec-not-utf8', 2, 3, () => new Uint8Array([0x7f, 0x0a, 0x45, 0x4c, 0xff, 0x00, 0x80])),
  made('utf-16', 'yaml-control-character', 1, 2, () => Buffer.from(HEAD, 'utf16le')),
  made('empty', 'spec-empty', 1, 1, () => ''),
  made('deep', 'yaml-too-deep', 1, 35, () => '['.repeat(500_000)),
  made('too-many-cidrs', 'too-many', 4, 57, () => {
    const cidrs = Array.from(
      { length: schema.$defs.cidrList.maxItems + 1 },
      (_, at) => `10.${at >> 8}.${at % 256}.0/24`,
    );
    return `${HEAD}spec: { profiles: [{ name: minikube, cidrs: { services: [${cidrs.join(', ')}] } }] }\n`;
  }),
  placeless('directory.yaml', 'spec-not-a-file', (path) => mkdir(path)),
  placeless('missing.yaml', 'spec-missing', async () => undefined),
  ...(process.platform === 'win32'
    ? []
    : [placeless('fifo.yaml', 'spec-not-a-file', (path) => run('mkfifo', [path]))]),
];

/** All specs that must be refused. */
export const BROKEN_SPECS: readonly BrokenSpec[] = [...FILES, ...MADE];
