import { DEVICE, type Lab, VM } from './lab.ts';

export const FOREIGN = 100_000;
const FILL_TIMEOUT_MS = 60_000;

/** A table as of a router: foreign /24s, none of which meets a spec of this folder. */
export async function fillTable(lab: Lab): Promise<void> {
  const adds = Array.from({ length: FOREIGN }, (_, index) => {
    const [high, middle, low] = [20 + Math.floor(index / 65_536), Math.floor(index / 256) % 256, index % 256];
    return `route add ${high}.${middle}.${low}.0/24 via ${VM} dev ${DEVICE} proto 186 metric 20\n`;
  });
  await lab.host.must(['ip', '-batch', '-'], { input: adds.join(''), timeoutMs: FILL_TIMEOUT_MS });
}
