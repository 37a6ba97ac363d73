import { crc32 } from 'node:zlib';

/** The checksum of a journal's line. */
function sealed(body: string): string {
  return `{"crc32":"${crc32(body).toString(16).padStart(8, '0')}","record":${body}}`;
}

/**
 * The text of a registry or a journal as mkplan wrote it before its formats had their second version: the same but for the
 * number, and for the registry's checksum. `older-files.test.ts` holds it against that build.
 */
export function withVersionOne(name: 'registry.json' | 'journal.ndjson', text: string): string {
  if (name === 'registry.json') return text.replace(/^\{"version":2,"crc32":"[0-9a-f]{8}",/, '{"version":1,');
  const begin = /^\{"crc32":"[0-9a-f]{8}","record":(\{"version":2,.*\})\}$/gm;
  return text.replaceAll(begin, (_, body: string) => sealed(body.replace('"version":2,', '"version":1,')));
}
