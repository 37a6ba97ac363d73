import { expect, it, onTestFinished } from 'vitest';
import { waitUntil } from '../cluster/daemon.ts';
import { DELETED, WatchedTerminal } from './live-view.ts';
import { requireNamespaces } from './netns.ts';

const unavailable = requireNamespaces();

const PENDING = ['default/web-38', 'default/web-39', 'default/web-40'];

/** In this order: one session, whose terminal becomes larger. */
const SIZES = [
  [60, 15],
  [80, 24],
  [200, 50],
] as const;

/** The screen once the session rests, has told of everything that it mended, and fills it; times are masked. */
async function captured(watched: WatchedTerminal, rows: number): Promise<string> {
  let screen = '';
  await waitUntil('the frame is drawn', async () => {
    screen = watched.shown();
    const isWhole = screen.startsWith('Tunnel dev') && screen.split('\n').length === rows;
    const isRead = screen.includes('  watching  ') && !/^ {2}[?…] {2}/m.test(screen);
    return isWhole && isRead && screen.includes(`add ${DELETED.at(-1)}`);
  });
  return screen.replaceAll(/\d\d:\d\d:\d\d/g, '12:00:00');
}

it.skipIf(unavailable !== null)(
  'the live view of 40 Services of which 3 are pending is as docs/captures has it, whatever size its terminal gets',
  async () => {
    const watched = await WatchedTerminal.start(60, 15);
    onTestFinished(() => watched.close());
    for (const [columns, rows] of SIZES) {
      await watched.resize(columns, rows);
      const screen = await captured(watched, rows);
      const lines = screen.split('\n');
      expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(columns);
      for (const name of PENDING) expect(screen).toContain(name);
      expect(screen).toContain('37 of 40 Services served');
      expect(screen.match(/Tunnel dev/g)).toHaveLength(1);
      await expect(screen).toMatchFileSnapshot(`../../docs/captures/${columns}x${rows}.txt`);
    }
    await watched.interrupt();
    expect(watched.shown()).toMatch(/Tunnel dev \(tunnel\.yaml\) {2}left/);
  },
);
