import { Agent, request } from 'node:https';
import type { Json, JsonObject } from '../../src/embedded-api/objects/json.ts';
import {
  createEmbeddedApi,
  type EmbeddedApi,
  type EmbeddedApiOptions,
} from '../../src/embedded-api/server.ts';

/** An answer of the API: its code and its body. */
export interface Reply {
  readonly code: number;
  readonly body: JsonObject;
}

/** How to reach an API server, and who its client is; PEM texts. */
export type Access = Pick<EmbeddedApi, 'url' | 'ca' | 'clientCert' | 'clientKey'>;

/** One open watch; its events come in order. */
export interface OpenWatch {
  /** The next event; rejects when the stream ends before it. */
  next(): Promise<{ type: string; object: JsonObject }>;
  /** Settles when the server ends the stream. */
  readonly ended: Promise<void>;
  close(): void;
}

/** A client over real TLS, as plain as can be: what goes over the wire is what the tests are about. */
export class TestClient {
  readonly #api: Access;
  readonly #agent: Agent;

  constructor(api: Access) {
    this.#api = api;
    this.#agent = new Agent({ keepAlive: true, ca: api.ca, cert: api.clientCert, key: api.clientKey });
  }

  send(
    method: string,
    path: string,
    body?: Json,
    type = 'application/json',
    headers: Record<string, string> = {},
  ): Promise<Reply> {
    const text = body === undefined ? '' : JSON.stringify(body);
    return new Promise((resolve, reject) => {
      const sent = request(
        `${this.#api.url}${path}`,
        {
          method,
          agent: this.#agent,
          headers: {
            'Content-Type': type,
            'User-Agent': 'tester/1.0',
            'Content-Length': Buffer.byteLength(text),
            ...headers,
          },
        },
        (response) => {
          let answer = '';
          response.setEncoding('utf8').on('data', (chunk: string) => {
            answer += chunk;
          });
          response.on('end', () => {
            const isJson = (response.headers['content-type'] ?? '').includes('json');
            resolve({
              code: response.statusCode ?? 0,
              body: isJson ? (JSON.parse(answer) as JsonObject) : { answer },
            });
          });
        },
      );
      sent.on('error', reject);
      sent.end(text);
    });
  }

  get(path: string): Promise<Reply> {
    return this.send('GET', path);
  }

  apply(path: string, manager: string, body: JsonObject, force = false): Promise<Reply> {
    return this.send(
      'PATCH',
      `${path}?fieldManager=${manager}${force ? '&force=true' : ''}`,
      body,
      'application/apply-patch+yaml',
    );
  }

  watch(path: string): Promise<OpenWatch> {
    return new Promise((resolve, reject) => {
      const sent = request(`${this.#api.url}${path}`, { agent: this.#agent }, (response) => {
        const events: string[] = [];
        let waiting: (() => void)[] = [];
        let over = false;
        let rest = '';
        const wake = (): void => {
          for (const go of waiting.splice(0)) go();
        };
        response.setEncoding('utf8').on('data', (chunk: string) => {
          const lines = (rest + chunk).split('\n');
          rest = lines.pop() ?? '';
          events.push(...lines);
          wake();
        });
        const ended = new Promise<void>((done) => {
          response.on('close', () => {
            over = true;
            wake();
            done();
          });
        });
        const next = async (): Promise<{ type: string; object: JsonObject }> => {
          while (events.length === 0) {
            if (over) throw new Error('the watch has ended');
            await new Promise<void>((go) => {
              waiting = [...waiting, go];
            });
          }
          return JSON.parse(events.shift() ?? '') as { type: string; object: JsonObject };
        };
        resolve({ next, ended, close: () => sent.destroy() });
      });
      sent.on('error', reject);
      sent.end();
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}

/** A server on loopback and a client for it. */
export async function startApi(
  options: Partial<EmbeddedApiOptions> = {},
): Promise<{ api: EmbeddedApi; client: TestClient }> {
  const api = await createEmbeddedApi({
    address: '127.0.0.1',
    port: 0,
    serviceCidrs: ['10.96.0.0/12'],
    ...options,
  });
  return { api, client: new TestClient(api) };
}
