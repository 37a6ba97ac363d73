import type { Namespace } from '../kernel/netns.ts';
import { waitUntil } from './daemon.ts';

/** Nobody's: tells that what happened before it has been heard. */
const MARK = '198.18.0.1';

/**
 * Listens to the kernel for moments in which a destination that had a route of protocol 109 has none: the one that was
 * added last is deleted. What is deleted after another one took its place leaves no gap.
 */
export class RouteGaps {
  readonly #namespace: Namespace;
  #heard = '';

  private constructor(namespace: Namespace) {
    this.#namespace = namespace;
    const child = namespace.spawn(['setpriv', '--pdeathsig', 'KILL', 'ip', '-N', 'monitor', 'route']);
    child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
      this.#heard += chunk;
    });
  }

  /** Returns once it hears everything. */
  static async listen(namespace: Namespace): Promise<RouteGaps> {
    const gaps = new RouteGaps(namespace);
    await gaps.#mark();
    return gaps;
  }

  /** Every change of a route that was heard until now, whosever. */
  async changes(): Promise<readonly string[]> {
    await this.#mark();
    return this.#heard.split('\n').filter((line) => line !== '' && !line.includes(MARK));
  }

  /** What was heard until now. */
  async found(): Promise<readonly string[]> {
    await this.#mark();
    const latest = new Map<string, string>();
    const gaps = [];
    for (const line of this.#heard.split('\n').filter((one) => one.includes(' proto 109 '))) {
      const isDeleted = line.startsWith('Deleted ');
      const route = line.replace('Deleted ', '').trim();
      const [destination = ''] = route.split(' ');
      if (!isDeleted) latest.set(destination, route);
      // Where nothing was added since it listens, the one that was there is the latest.
      else if ((latest.get(destination) ?? route) === route) gaps.push(destination);
    }
    return gaps;
  }

  /** Makes the mark come and go until it is heard. */
  async #mark(): Promise<void> {
    const before = this.#heard.split(MARK).length;
    await waitUntil('the mark is heard', async () => {
      await this.#namespace.must(['ip', 'route', 'add', 'unreachable', MARK]);
      await this.#namespace.must(['ip', 'route', 'del', 'unreachable', MARK]);
      return this.#heard.split(MARK).length > before;
    });
  }
}
