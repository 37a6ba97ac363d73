import { readFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';

/** How to reach an API server: `credentials.json` of a lab. */
interface Credentials {
  readonly url: string;
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

interface Body {
  readonly type: string;
  readonly text: string;
}

/** As plain a client as there can be. */
export interface BareApi {
  /** Sends one request and returns its answer's stream. */
  open(method: string, path: string, body?: Body): Promise<IncomingMessage>;
  /** Sends one request and reads its answer. Throws an Error for a status of 300 and above. */
  send(method: string, path: string, body?: Body): Promise<string>;
  close(): void;
}

/** Connections are kept alive; past their number, calls queue. */
export async function connect(
  credentialsFile: string,
  connections = Number.POSITIVE_INFINITY,
): Promise<BareApi> {
  const { url, ...tls } = JSON.parse(await readFile(credentialsFile, 'utf8')) as Credentials;
  const agent = new Agent({ keepAlive: true, maxSockets: connections, ...tls });
  const open: BareApi['open'] = (method, path, body) =>
    new Promise((resolve, reject) => {
      const headers =
        body === undefined
          ? {}
          : { 'Content-Type': body.type, 'Content-Length': Buffer.byteLength(body.text) };
      request(new URL(path, url), { agent, method, headers }, resolve).on('error', reject).end(body?.text);
    });
  return {
    open,
    send: async (method, path, body) => {
      const response = await open(method, path, body);
      const chunks: Buffer[] = [];
      for await (const chunk of response) chunks.push(chunk as Buffer);
      const text = Buffer.concat(chunks).toString('utf8');
      if ((response.statusCode ?? 0) >= 300) throw new Error(`${method} ${path}: ${text}`);
      return text;
    },
    close: () => agent.destroy(),
  };
}
