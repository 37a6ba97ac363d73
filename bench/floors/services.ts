import { connect } from './api.ts';

const PAGE_SIZE = 500;

interface Page {
  readonly items: readonly unknown[];
  readonly metadata: { readonly continue?: string };
}

/** LISTs all Services over one kept-alive connection, page by page and parsed: the least that knowing them takes. */
export async function listServices(credentialsFile: string): Promise<unknown[]> {
  const api = await connect(credentialsFile);
  const found: unknown[] = [];
  let next = '';
  do {
    const rest = next === '' ? '' : `&continue=${encodeURIComponent(next)}`;
    const text = await api.send('GET', `/api/v1/services?limit=${PAGE_SIZE}${rest}`);
    const { items, metadata } = JSON.parse(text) as Page;
    for (const item of items) found.push(item);
    next = metadata.continue ?? '';
  } while (next !== '');
  api.close();
  return found;
}
