// The licence notices of everything that the published files hold, from the bundles' own lists of their inputs.
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';

/** SPDX names of licences that ask for no more than their notice. Any other needs a decision first. */
const ALLOWED = new Set([
  '0BSD',
  'Apache-2.0',
  '(Apache-2.0 AND BSD-3-Clause)',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'ISC',
  'MIT',
]);

/** Files whose text has to come along with a copy of their package. */
const NOTICES = /^(licen[cs]e|copying|notice|copyright|third-?party)[^/]*$/i;

/** Of those, the ones that are a licence. */
const LICENCE = /^(licen[cs]e|copying)/i;

/**
 * Texts for packages that name their licence in package.json and carry no text of it: `name@version` to a file of
 * scripts/licences. Another version has to be looked at again.
 */
const TEXTS = {
  '@bufbuild/protobuf@2.17.0': 'bufbuild-protobuf.txt',
  'ip-cidr@4.0.2': 'ip-cidr.txt',
};

/** The folder of the package that an input of a bundle belongs to; null for sources of our own. */
function packageFolder(input) {
  const parts = input.split('/');
  const at = parts.lastIndexOf('node_modules');
  if (at < 0) return null;
  return parts.slice(0, at + (parts[at + 1]?.startsWith('@') ? 3 : 2)).join('/');
}

/** Inputs of which at least one byte is in an output. */
function bundledInputs({ outputs }) {
  return Object.values(outputs).flatMap(({ inputs }) =>
    Object.entries(inputs).flatMap(([path, { bytesInOutput }]) => (bytesInOutput > 0 ? [path] : [])),
  );
}

/** Name, version, licence and texts of a package. Throws an Error where one is unknown. */
function noticeOf(folder, texts) {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const id = `${name}@${version}`;
  if (!ALLOWED.has(license)) {
    throw new Error(
      `${id} is bundled under ${JSON.stringify(license)}: decide whether that may be published (scripts/notices.mjs)`,
    );
  }
  const files = readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isFile() && NOTICES.test(entry.name))
    .map((entry) => join(folder, entry.name))
    .sort();
  const written = TEXTS[id];
  if (written !== undefined) files.push(join(texts, written));
  else if (!files.some((file) => LICENCE.test(basename(file)))) {
    throw new Error(`${id} is bundled and carries no licence text: add one (scripts/notices.mjs)`);
  }
  return { id, license, text: files.map((file) => readFileSync(file, 'utf8').trim()).join('\n\n') };
}

/**
 * The notices as one text: a package each, in the order of their names.
 * @param {readonly import('esbuild').Metafile[]} metafiles of everything that is published
 * @param {string} root what the metafiles' paths are relative to
 * @param {string} [texts] the folder of the texts for packages that carry none
 */
export function noticesOf(metafiles, root, texts = join(root, 'scripts', 'licences')) {
  const folders = metafiles.flatMap(bundledInputs).flatMap((input) => packageFolder(input) ?? []);
  const notices = [...new Set(folders)].map((folder) => noticeOf(join(root, folder), texts));
  const byId = new Map(notices.map((notice) => [notice.id, notice]));
  const sorted = [...byId.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
  const line = '-'.repeat(80);
  const entries = sorted.map(({ id, license, text }) => `${line}\n${id} (${license})\n\n${text}\n`);
  return `mkplan includes the following packages, each under its own licence.\n\n${entries.join('\n')}`;
}
