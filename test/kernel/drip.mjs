// node drip.mjs ADDRESS:PORT SOCKET: relays connections to a Unix socket, and what comes back a byte a second.
import { connect, createServer } from 'node:net';

const [listen, socket] = process.argv.slice(2);
const at = listen.lastIndexOf(':');

createServer((inside) => {
  const outside = connect(socket);
  let left = Buffer.alloc(0);
  const timer = setInterval(() => {
    if (left.length === 0) return;
    inside.write(left.subarray(0, 1));
    left = left.subarray(1);
  }, 1000);
  outside.on('data', (data) => {
    left = Buffer.concat([left, data]);
  });
  inside.pipe(outside);
  inside.on('error', () => outside.destroy()).on('close', () => outside.destroy());
  outside.on('error', () => inside.destroy()).on('close', () => clearInterval(timer));
}).listen(Number(listen.slice(at + 1)), listen.slice(0, at), () => process.stdout.write('ready\n'));
