// Preloaded beside mkplan (`node --expose-gc --import`): at each SIGUSR2 it collects garbage and adds to the file PROBE_FILE,
// as one line of JSON, what the process holds.
import { appendFileSync, readdirSync } from 'node:fs';

process.on('SIGUSR2', () => {
  globalThis.gc();
  const { rss, heapUsed } = process.memoryUsage();
  const resources = process.getActiveResourcesInfo();
  const held = {
    rss,
    heapUsed,
    descriptors: readdirSync('/proc/self/fd').length,
    children: resources.filter((name) => name === 'ProcessWrap').length,
    timers: resources.filter((name) => name === 'Timeout' || name === 'Immediate').length,
  };
  appendFileSync(process.env.PROBE_FILE, `${JSON.stringify(held)}\n`);
});
