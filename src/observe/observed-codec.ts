import type { Claim, Owner } from '../model/claim.ts';
import type { ObservedState, OpenTransaction } from '../model/observed.ts';
import { PURPOSES } from '../model/plan.ts';
import {
  type Codec,
  count,
  flag,
  list,
  nullable,
  omitted,
  oneOf,
  record,
  required,
  text,
  usually,
} from './codec.ts';
import { host, route } from './host-codec.ts';
import { profile } from './profile-codec.ts';

/**
 * The form of each part of an observation. A key with its usual value is left out, so that a file shows what is
 * particular about a host.
 */

const owner = record<Owner>({
  spec: required(text),
  mode: required(oneOf('session', 'persistent')),
  pid: required(count),
  startTime: required(text),
  bootId: required(text),
  networkNamespace: required(text),
});

/** An observation holds what was understood. */
const claim = record<Omit<Claim, 'unknown'>>({
  profile: required(text),
  purpose: required(oneOf(...PURPOSES)),
  created: required(text),
  cluster: omitted(text),
  route: required(route),
  owner: required(owner),
});

const transaction = record<OpenTransaction>({
  txid: required(text),
  decided: required(flag),
  awaiting: usually(flag, false),
  changes: required(count),
  spec: required(text),
});

/** The whole of an observation, below its header. */
export const observedState: Codec<ObservedState> = record<ObservedState>({
  host: required(host),
  registry: usually(
    record<ObservedState['registry']>({
      claims: usually(list(claim), []),
      open: usually(nullable(transaction), null),
    }),
    { claims: [], open: null },
  ),
  profiles: usually(list(profile), []),
});
