// What runs in a pod: `pod.mjs POD NODE PORT` answers HTTP and UDP with its name, its node and the client's address.
import { createSocket } from 'node:dgram';
import { createServer } from 'node:http';

const [pod, node, port] = process.argv.slice(2);

/** An IPv4 client of a socket for both families is written as an IPv6 address. */
const answer = (client) => `${JSON.stringify({ pod, node, client: client.replace(/^::ffff:/, '') })}\n`;

const http = createServer((request, response) => {
  // One connection a request: each is balanced anew.
  response.writeHead(200, { 'Content-Type': 'application/json', Connection: 'close' });
  response.end(answer(request.socket.remoteAddress ?? ''));
});
const udp = createSocket('udp6');
udp.on('message', (_, from) => udp.send(answer(from.address), from.port, from.address));

let listening = 0;
const ready = () => {
  if (++listening === 2) process.stdout.write('ready\n');
};
http.listen(Number(port), '::', ready);
udp.bind(Number(port), '::', ready);
