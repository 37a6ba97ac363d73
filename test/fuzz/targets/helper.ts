import { isDeepStrictEqual } from 'node:util';
import { whyRefused } from '../../../src/helper/guard.ts';
import type { Response } from '../../../src/helper/protocol.ts';
import {
  decodeRequest,
  decodeResponse,
  encodeRequest,
  encodeResponse,
  ProtocolError,
} from '../../../src/helper/protocol.ts';
import { serve } from '../../../src/helper/serve.ts';
import { ALL_CAPABILITIES } from '../../../src/model/system.ts';
import { batchLine } from '../../../src/platform/linux/helper/batch.ts';
import type { RouteChange } from '../../../src/platform/route-table.ts';
import { route } from '../../fakes/plans.ts';
import type { Json } from '../mutate.ts';
import { mustBeRoute } from '../shape.ts';
import { jsonInputs, must, type Target, textInputs, tried } from '../target.ts';

const GUARD = route('fd00:200::/112', { type: 'unreachable', gateway: null, device: 'lo' });
const REQUESTS = [
  encodeRequest({ type: 'change', seq: 7, changes: [{ op: 'add', route: route('10.96.0.0/12') }] }),
  encodeRequest({
    type: 'change',
    seq: 8,
    changes: [
      { op: 'delete', route: route('fd00:96::/112', { metric: 110 }) },
      { op: 'add', route: GUARD },
    ],
  }),
  encodeRequest({ type: 'release', seq: 9 }),
  encodeRequest({ type: 'take', seq: 10 }),
  encodeRequest({ type: 'hello', version: 1 }),
];

/** A line that `ip` may be given as root: nothing in it but what a route of ours is made of. */
const BATCH_LINE =
  /^route (add|del) proto \d+ metric \d+ tos 0 table 254( via [0-9a-f.:]+)?( dev (?!-)[^\s/:"'#\\]{1,15})? (unicast|unreachable) "[0-9a-f.:]+\/\d+"$/;

function mustBeHarmless(change: RouteChange): void {
  mustBeRoute(change.route);
  if (whyRefused(change, ALL_CAPABILITIES) !== null) return;
  const line = batchLine(change);
  must(BATCH_LINE.test(line), `the guard lets pass ${JSON.stringify(line)}`);
}

const asJson = (texts: readonly string[]) =>
  texts.map((text) => JSON.parse(text) as Json) as [Json, ...Json[]];

const request: Target = {
  name: 'helper-request',
  make: jsonInputs(asJson(REQUESTS)),
  read: (input) => {
    const found = tried(() => decodeRequest(input.toString('utf8')), ProtocolError);
    if (found === null) return false;
    if (found.value.type === 'change') found.value.changes.forEach(mustBeHarmless);
    must(
      isDeepStrictEqual(decodeRequest(encodeRequest(found.value)), found.value),
      'the request reads back otherwise',
    );
    return true;
  },
};

const RESPONSES = [
  encodeResponse({
    type: 'answer',
    seq: 7,
    refused: [{ index: 0, message: 'RTNETLINK answers: File exists' }],
  }),
  encodeResponse({ type: 'hello', version: 1 }),
  encodeResponse({ type: 'error', seq: null, code: 'not-understood', message: 'not JSON' }),
];

const response: Target = {
  name: 'helper-response',
  make: jsonInputs(asJson(RESPONSES)),
  read: (input) => {
    const text = input.toString('utf8');
    const found = tried(() => decodeResponse(text), ProtocolError);
    if (found === null) return false;
    must(
      isDeepStrictEqual(JSON.parse(encodeResponse(found.value)), JSON.parse(text)),
      'not all of the response was understood',
    );
    return true;
  },
};

/** In pieces of all sizes, as a pipe may deliver them. */
async function* pieces(input: Buffer): AsyncGenerator<Buffer> {
  const size = 1 + (input.length % 97);
  for (let at = 0; at < input.length; at += size) yield input.subarray(at, at + size);
}

const session: Target = {
  name: 'helper-session',
  make: textInputs([REQUESTS.join(''), [...REQUESTS].reverse().join('')]),
  read: async (input) => {
    const answered: Response[] = [];
    await serve({
      input: pieces(input),
      respond: (given) => answered.push(given) > 0,
      prepare: (changes) => {
        changes.forEach(mustBeHarmless);
        return async () => [];
      },
      stopping: () => false,
      take: async () => undefined,
      release: () => undefined,
    });
    const lines = input.filter((byte) => byte === 0x0a).length;
    must(answered.length === lines, `${answered.length} answers to ${lines} lines`);
    return answered.some(({ type }) => type !== 'error');
  },
};

export const HELPER: readonly Target[] = [request, response, session];
