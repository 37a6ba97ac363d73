// A door into a network namespace: `relay.mjs SOCKET ADDRESS PORT` passes connections to a Unix socket on.
import { connect, createServer } from 'node:net';

const [path, address, port] = process.argv.slice(2);

createServer((outside) => {
  const inside = connect(Number(port), address);
  // An end that breaks off ends the other: whoever is connected there notices.
  outside.on('error', () => inside.destroy());
  inside.on('error', () => outside.destroy());
  outside.on('close', () => inside.destroy());
  inside.on('close', () => outside.destroy());
  outside.pipe(inside).pipe(outside);
}).listen(path, () => process.stdout.write('ready\n'));
