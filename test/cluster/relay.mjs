// A door between network namespaces: `relay.mjs FROM TO` passes connections on; each is a Unix socket's path, which
// all namespaces share, or ADDRESS:PORT.
import { connect, createServer } from 'node:net';

const [from, to] = process.argv.slice(2).map((end) => {
  const [, host, port] = /^([\d.]+):(\d+)$/.exec(end) ?? [];
  return port === undefined ? { path: end } : { host, port: Number(port) };
});

createServer((outside) => {
  const inside = connect(to);
  // An end that breaks off ends the other: whoever is connected there notices.
  outside.on('error', () => inside.destroy());
  inside.on('error', () => outside.destroy());
  outside.on('close', () => inside.destroy());
  inside.on('close', () => outside.destroy());
  outside.pipe(inside).pipe(outside);
}).listen(from, () => process.stdout.write('ready\n'));
