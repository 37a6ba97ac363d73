import { readFile } from 'node:fs/promises';
import { Agent, request } from 'node:https';

const PAGE_SIZE = 500;

interface Credentials {
  readonly url: string;
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

interface Page {
  readonly items: readonly unknown[];
  readonly metadata: { readonly continue?: string };
}

function get(url: URL, agent: Agent): Promise<Page> {
  return new Promise((resolve, reject) => {
    request(url, { agent }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => resolve(JSON.parse(Buffer.concat(chunks).toString('utf8'))));
    })
      .on('error', reject)
      .end();
  });
}

/** LISTs all Services over one kept-alive connection, page by page and parsed: the least that knowing them takes. */
export async function listServices(credentialsFile: string): Promise<unknown[]> {
  const { url, ...tls } = JSON.parse(await readFile(credentialsFile, 'utf8')) as Credentials;
  const agent = new Agent({ keepAlive: true, ...tls });
  const found: unknown[] = [];
  let next = '';
  do {
    const page = new URL('/api/v1/services', url);
    page.searchParams.set('limit', String(PAGE_SIZE));
    if (next !== '') page.searchParams.set('continue', next);
    const { items, metadata } = await get(page, agent);
    for (const item of items) found.push(item);
    next = metadata.continue ?? '';
  } while (next !== '');
  agent.destroy();
  return found;
}
