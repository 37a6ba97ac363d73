// A client in a namespace: `steady.mjs ADDRESS PORT EVERY_MS TIMEOUT_MS` sends UDP requests until its input ends. It prints
// `answered` once the first one was, `lost SENT_AT` for each that nobody answered in time, and at the end `sent COUNT`.
import { createSocket } from 'node:dgram';

const [host, port, everyMs, timeoutMs] = process.argv.slice(2);
const say = (text) => process.stdout.write(`${text}\n`);

let sent = 0;
let pending = 0;
let hasEnded = false;
let wasAnswered = false;

/** From a socket of its own, so that what one request met does not help or hinder the next. UDP is not sent again. */
function ask() {
  const sentAt = Date.now();
  const socket = createSocket('udp4');
  let isDone = false;
  const finish = (isLost) => {
    if (isDone) return;
    isDone = true;
    clearTimeout(timer);
    socket.close();
    if (isLost) say(`lost ${sentAt}`);
    else if (!wasAnswered) say('answered');
    wasAnswered ||= !isLost;
    if (--pending === 0 && hasEnded) say(`sent ${sent}`);
  };
  const timer = setTimeout(() => finish(true), Number(timeoutMs));
  sent++;
  pending++;
  socket.on('error', () => finish(true));
  socket.on('message', () => finish(false));
  socket.send('?', Number(port), host);
}

const asking = setInterval(ask, Number(everyMs));
process.stdin.resume().on('end', () => {
  clearInterval(asking);
  hasEnded = true;
  if (pending === 0) say(`sent ${sent}`);
});
