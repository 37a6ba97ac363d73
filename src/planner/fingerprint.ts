import { createHash } from 'node:crypto';
import type { ObservedHost } from '../model/observed.ts';
import type { Plan } from '../model/plan.ts';
import { encodePlan } from './document.ts';

/** Not facts: where the spec says something, texts that explain, and a count of all writes to a Service. */
const NOT_FACTS: ReadonlySet<string> = new Set([
  'at',
  'reason',
  'cause',
  'fix',
  'command',
  'resolution',
  'resourceVersion',
]);

/**
 * The fingerprint of the facts that a plan rests on: SHA-256, hex. The plan is a pure function of those facts, so
 * what it says is what they are; a fact that changes nothing in the plan is not one that it rests on. The host's boot
 * and network namespace belong to it, since another one has other routes.
 */
export function fingerprintOf(plan: Omit<Plan, 'fingerprint'>, host: ObservedHost): string {
  const identity = [host.platform, host.bootId, host.networkNamespace];
  const document = encodePlan({ ...plan, fingerprint: '' });
  const facts = JSON.stringify([identity, document], (key, value: unknown) =>
    NOT_FACTS.has(key) ? undefined : value,
  );
  return createHash('sha256').update(facts).digest('hex');
}
