// A client in a namespace: `ask.mjs TIMEOUT_MS tcp|udp ADDRESS PORT …` prints, in that order, what each said, as JSON lines.
import { createSocket } from 'node:dgram';
import { get } from 'node:http';

const [timeoutMs, ...rest] = process.argv.slice(2);

/** The answer of a pod, or the code of the error. */
function askTcp(host, port) {
  return new Promise((resolve) => {
    const sent = get({ host, port, agent: false, timeout: Number(timeoutMs) }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk) => {
        text += chunk;
      });
      response.on('end', () => resolve(JSON.parse(text)));
    });
    sent.on('timeout', () => sent.destroy(Object.assign(new Error(), { code: 'ETIMEDOUT' })));
    sent.on('error', (error) => resolve({ error: error.code }));
  });
}

function askUdp(host, port) {
  return new Promise((resolve) => {
    const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
    const finish = (answer) => {
      clearTimeout(timer);
      socket.close();
      resolve(answer);
    };
    const timer = setTimeout(() => finish({ error: 'ETIMEDOUT' }), Number(timeoutMs));
    socket.on('error', (error) => finish({ error: error.code }));
    socket.on('message', (message) => finish(JSON.parse(message.toString('utf8'))));
    // Connected, so that an ICMP error comes back as the socket's own.
    socket.on('connect', () => socket.send('?'));
    socket.connect(port, host);
  });
}

const asked = [];
for (let at = 0; at < rest.length; at += 3) {
  const [transport, host, port] = rest.slice(at, at + 3);
  asked.push(transport === 'tcp' ? askTcp(host, Number(port)) : askUdp(host, Number(port)));
}
for (const answer of await Promise.all(asked)) process.stdout.write(`${JSON.stringify(answer)}\n`);
