import { whyUnsupported } from '../platform/supported-node.ts';

// Until main says otherwise: an event loop that runs dry before the end is not a success either.
process.exitCode = 1;
const why = whyUnsupported(process.versions.node);
// Lazily, so that an old Node is told before anything is loaded that it may not have.
if (why === null) void import('./main.ts');
else process.stderr.write(`${why}\n`);
