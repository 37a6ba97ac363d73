import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { type ListenerOptions, openHttpListener } from '../../../src/cli/session/http-listener.ts';
import type { Diagnostic } from '../../../src/model/diagnostic.ts';

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

async function listening(rest: Partial<ListenerOptions> = {}) {
  const problems: Diagnostic[] = [];
  let asked = 0;
  const page = () => {
    asked++;
    return { status: 200, type: 'text/plain', text: 'ok\n' };
  };
  const listener = await openHttpListener({
    address: { host: '127.0.0.1', port: 0 },
    pages: { '/healthz': page },
    hostname: 'laptop',
    names: [],
    onProblem: (diagnostic) => problems.push(diagnostic),
    ...rest,
  });
  closing.push(() => listener.close());
  const { port, hostname } = new URL(listener.url);
  return { listener, problems, port: Number(port), hostname, asked: () => asked };
}

function opened(port: number): Socket {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  closing.push(() => socket.destroy());
  return socket;
}

/** What is answered to these bytes, until the listener ends the connection. */
async function answerTo(port: number, request: string): Promise<string> {
  const socket = opened(port);
  let text = '';
  socket.setEncoding('latin1').on('data', (chunk: string) => {
    text += chunk;
  });
  socket.write(request);
  await once(socket, 'close');
  return text;
}

const get = (head: string, ...headers: readonly string[]) =>
  [head, ...headers, 'Connection: close', '', ''].join('\r\n');
const statusOf = (answer: string) => Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1]);
const OURS = 'Host: localhost';

describe('whom a request asks for', () => {
  it.each([
    ['ours', get('GET /healthz HTTP/1.1', OURS), 200],
    ['ours, of HTTP/1.0', get('GET /healthz HTTP/1.0', OURS), 200],
    ['another site', get('GET /healthz HTTP/1.1', 'Host: evil.example'), 421],
    ['another site, of HTTP/1.0', get('GET /healthz HTTP/1.0', 'Host: evil.example'), 421],
    ['another site, where there is no such page', get('GET /x HTTP/1.1', 'Host: evil.example'), 421],
    ['nobody', get('GET /healthz HTTP/1.1'), 421],
    ['nobody, of HTTP/1.0', get('GET /healthz HTTP/1.0'), 421],
    ['an empty name', get('GET /healthz HTTP/1.1', 'Host:'), 421],
    ['two, ours first', get('GET /healthz HTTP/1.1', OURS, 'Host: evil.example'), 400],
    ['two, ours last', get('GET /healthz HTTP/1.1', 'Host: evil.example', OURS), 400],
    ['us twice', get('GET /healthz HTTP/1.1', OURS, OURS), 400],
    ['us by the target alone', get('GET http://localhost/healthz HTTP/1.1', 'Host: evil.example'), 421],
    ['another site by the target', get('GET http://evil.example/healthz HTTP/1.1', OURS), 421],
    ['another site in capitals', get('GET HTTP://EVIL.EXAMPLE/healthz HTTP/1.1', OURS), 421],
    ['ours as a user of another site', get('GET http://localhost@evil.example/healthz HTTP/1.1', OURS), 421],
    ['us by both', get('GET http://127.0.0.1:1/healthz HTTP/1.1', OURS), 200],
  ])('%s', async (_, request, status) => {
    const { port } = await listening();
    const answer = await answerTo(port, request);
    expect(statusOf(answer)).toBe(status);
    if (status === 421) expect(answer).not.toMatch(/evil/i);
    expect(answer.split('\r\n\r\n')[1]?.split('\n')).toHaveLength(2);
  });

  it('a name that was given is answered where others reach the listener, and told to be in vain where they do not', async () => {
    const named = { names: ['tunnel.test'], address: { host: '0.0.0.0', port: 0 } };
    const open = await listening(named);
    const asking = get('GET /healthz HTTP/1.1', 'Host: tunnel.test');
    expect(statusOf(await answerTo(open.port, asking))).toBe(200);
    expect(open.problems).toEqual([]);
    const closed = await listening({ names: ['tunnel.test'] });
    expect(statusOf(await answerTo(closed.port, asking))).toBe(421);
    expect(closed.problems.map(({ code }) => code)).toEqual(['http-host-unused']);
  });
});

describe('what is asked', () => {
  it.each([
    ['HEAD', get('HEAD /healthz HTTP/1.1', OURS), 200],
    ['a query', get('GET /healthz?verbose HTTP/1.1', OURS), 200],
    ['POST', get('POST /healthz HTTP/1.1', OURS, 'Content-Length: 0'), 405],
    ['DELETE', get('DELETE /healthz HTTP/1.1', OURS), 405],
    ['OPTIONS of all', get('OPTIONS * HTTP/1.1', OURS), 404],
    ['TRACE', get('TRACE /healthz HTTP/1.1', OURS), 405],
    ['CONNECT', get('CONNECT evil.example:443 HTTP/1.1', 'Host: evil.example:443'), 405],
    ['another page', get('GET / HTTP/1.1', OURS), 404],
    ['one beside it', get('GET /healthz/ HTTP/1.1', OURS), 404],
    ['what every object has', get('GET __proto__ HTTP/1.1', OURS), 400],
    ['what every object has, as a path', get('GET /constructor HTTP/1.1', OURS), 404],
    ['a protocol of its own', get('GET /healthz HTTP/1.1', OURS, 'Upgrade: h2c', 'HTTP2-Settings: AA'), 200],
    ['no HTTP', 'hello\r\n\r\n', 400],
    ['headers without end', `GET /healthz HTTP/1.1\r\n${`X: ${'y'.repeat(30)}\r\n`.repeat(500)}\r\n`, 431],
    ['an address without end', get(`GET /${'a'.repeat(20_000)} HTTP/1.1`, OURS), 431],
  ])('%s', async (_, request, status) => {
    const { port } = await listening();
    const answer = await answerTo(port, request);
    expect(statusOf(answer)).toBe(status);
    if (status === 405) expect(answer).toContain('\r\nAllow: GET, HEAD\r\n');
  });

  it('HEAD has the headers alone', async () => {
    const { port } = await listening();
    const answer = await answerTo(port, get('HEAD /healthz HTTP/1.1', OURS));
    expect(answer).toContain('\r\nContent-Length: 3\r\n');
    expect(answer.endsWith('\r\n\r\n')).toBe(true);
  });

  it.each([
    ['announced', 'Content-Length: 1000000'],
    ['in chunks', 'Transfer-Encoding: chunked'],
    ['that waits for leave', 'Content-Length: 1000000\r\nExpect: 100-continue'],
  ])('a body %s is not waited for, and the connection ends', async (_, header) => {
    const { port } = await listening();
    const answer = await answerTo(port, `GET /healthz HTTP/1.1\r\n${OURS}\r\n${header}\r\n\r\n`);
    expect(statusOf(answer)).toBe(200);
    expect(answer).not.toContain('100 Continue');
    expect(answer).toContain('Connection: close');
  });

  it('a connection is kept for the next request', async () => {
    const { port, asked } = await listening();
    const one = `GET /healthz HTTP/1.1\r\n${OURS}\r\n\r\n`;
    const answer = await answerTo(port, one + get('GET /healthz HTTP/1.1', OURS));
    expect(answer.match(/HTTP\/1\.1 200/g)).toHaveLength(2);
    expect(asked()).toBe(2);
  });
});

describe('clients that hold on', () => {
  it('are let go, and those past the bound are not taken', async () => {
    const { port, asked } = await listening();
    const slow = `GET /healthz HTTP/1.1\r\n${OURS}\r\nX-a: `;
    const silent = '';
    const idle = `GET /healthz HTTP/1.1\r\n${OURS}\r\n\r\n`;
    const sockets = Array.from({ length: 90 }, () => opened(port));
    const left = new Set(sockets);
    for (const [index, socket] of sockets.entries()) {
      socket.on('close', () => left.delete(socket)).resume();
      socket.write([slow, silent, idle][index % 3] ?? '');
    }
    await vi.waitFor(() => expect(left.size).toBeLessThanOrEqual(32), { timeout: 20_000 });
    await vi.waitFor(() => expect(left.size).toBe(0), { timeout: 30_000 });
    expect(asked()).toBeLessThanOrEqual(30);
    expect(statusOf(await answerTo(port, get('GET /healthz HTTP/1.1', OURS)))).toBe(200);
  });

  it('one that resets its connection harms nobody', async () => {
    const { port } = await listening();
    for (let round = 0; round < 20; round++) {
      const socket = opened(port);
      await once(socket, 'connect');
      socket.write('BAD\r\n\r\n');
      socket.resetAndDestroy();
    }
    expect(statusOf(await answerTo(port, get('GET /healthz HTTP/1.1', OURS)))).toBe(200);
  });
});

it('an address that is taken is named', async () => {
  const { port } = await listening();
  await expect(listening({ address: { host: '127.0.0.1', port } })).rejects.toMatchObject({
    diagnostics: [{ code: 'http-address' }],
  });
});
