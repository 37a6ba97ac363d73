import type { CommandStream } from '../platform/command.ts';
import type { Elevation } from '../platform/elevation.ts';
import { decodeResponse } from './protocol.ts';

/** Opens the streams of a helper that another process has started. */
export type OpenInherited = (onLine: (line: string) => void) => CommandStream;

/**
 * An elevation whose first helper is one that another mkplan had elevated, and that lives on though that one may have died
 * in the middle of a line, or before it had read an answer: what comes before the answer to our own greeting was meant
 * for it. Any further helper is started by `elevation`.
 */
export function inheritHelper(open: OpenInherited, elevation: Elevation): Elevation {
  let isTaken = false;
  return {
    refusal: (end) => elevation.refusal(end),
    stream: (helper, onLine) => {
      if (isTaken) return elevation.stream(helper, onLine);
      isTaken = true;
      let greeted = false;
      const stream = open((line) => {
        greeted ||= isGreeting(line);
        if (greeted) onLine(line);
      });
      // Ends the line that was cut off. If it was whole, what it asks for was journaled, and is done before what follows.
      stream.write('\n');
      return stream;
    },
  };
}

function isGreeting(line: string): boolean {
  try {
    return decodeResponse(line).type === 'hello';
  } catch {
    // The rest of a line whose beginning the other one has read.
    return false;
  }
}
