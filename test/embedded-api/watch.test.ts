import type { ServerResponse } from 'node:http';
import { PassThrough } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { Store } from '../../src/embedded-api/objects/store.ts';
import { parseRequest } from '../../src/embedded-api/request.ts';
import { NODES } from '../../src/embedded-api/resources.ts';
import { watchObjects } from '../../src/embedded-api/watch.ts';

/** A response whose client has not read what came, so that it is not closed when it is ended. */
class UnreadResponse extends PassThrough {
  writeHead(): this {
    return this;
  }

  flushHeaders(): void {
    // There is no head.
  }
}

test('a watch that has ended is told nothing more, though its client has not read it to the end', async () => {
  const store = new Store({ serviceCidrs: ['10.96.0.0/12'], historyLimit: 10, now: () => new Date() });
  const response = new UnreadResponse();
  const problems: Error[] = [];
  response.on('error', (error) => problems.push(error));
  const stopping = new AbortController();
  const request = parseRequest(new URL('https://server/api/v1/nodes?watch=true'));
  watchObjects(request, store, response as unknown as ServerResponse, {
    bookmarkIntervalMs: 60_000,
    signal: stopping.signal,
    encode: (object) => ({ ...object }),
  });
  const author = { manager: 'test', subresource: '' } as const;
  store.seed(NODES, { metadata: { name: 'before' } }, author);
  stopping.abort();
  store.seed(NODES, { metadata: { name: 'after' } }, author);
  // A stream tells of a write that came too late in a later turn.
  await setImmediate();
  expect(problems).toEqual([]);
  expect(String(response.read())).toContain('"before"');
  expect(response.writableEnded).toBe(true);
});
