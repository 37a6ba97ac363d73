import type { CommandStream, CommandStreamer } from '../platform/command.ts';
import { decodeResponse } from './protocol.ts';

/** Opens the streams of a helper that another process has started. */
export type OpenInherited = (onLine: (line: string) => void) => CommandStream;

/**
 * A streamer whose first program is a helper that another mkplan had elevated, and that lives on though that one may
 * have died in the middle of a line, or before it had read an answer: what comes before the answer to our own
 * greeting was meant for it. Any further program is started by `streamer`.
 */
export function inheritHelper(open: OpenInherited, streamer: CommandStreamer): CommandStreamer {
  let isTaken = false;
  return {
    stream: (argv, onLine, options) => {
      if (isTaken) return streamer.stream(argv, onLine, options);
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
