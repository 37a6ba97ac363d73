import type { Answer, ObservedHost } from '../../model/observed.ts';
import type { Relation } from '../../model/plan.ts';
import { contains, formatAddress, formatPrefix, type Prefix, parseAddress } from '../../model/prefix.ts';
import { PrefixIndex } from '../../model/prefix-index.ts';
import { formatRoute, LOCAL_TABLE, MAIN_TABLE, type Route } from '../../model/route.ts';
import type { WantedRoute } from '../networks/wanted.ts';
import { type ForeignRoute, isOnLink } from './foreign.ts';
import { type Decision, describeRule, Forwarding, REJECTS } from './forwarding.ts';
import { likelyOwner } from './owner.ts';

/** What a relation's conflict says; the rest of it is the same for all. */
export interface Dispute {
  readonly relation: Relation;
  readonly foreign: Route | null;
  readonly owner: string;
  readonly disputed: string;
  readonly winner: string;
  readonly summary: string;
}

/** What is asked before table main and would leave a route there dead: rules that reject, and other tables. */
export class Preemption {
  readonly #host: ObservedHost;
  readonly #foreign: PrefixIndex<ForeignRoute>;
  readonly #answers: PrefixIndex<Answer>;
  readonly #forwarding: Forwarding;
  readonly #rejections = new Map<string, Dispute | null>();

  constructor(host: ObservedHost, foreign: PrefixIndex<ForeignRoute>) {
    this.#host = host;
    this.#foreign = foreign;
    this.#forwarding = new Forwarding(host);
    this.#answers = new PrefixIndex(
      host.answers.filter((answer) => parseAddress(answer.address) !== null),
      (answer) => parseAddress(answer.address) as Prefix,
    );
  }

  /** Whether nothing that is asked before main rejects a next hop. */
  mayPass(gateway: string | null): boolean {
    return gateway === null || this.#rejectionOf(gateway) === null;
  }

  /** The first part of a destination that something asked before table main decides about; one is enough to say. */
  of(destination: Prefix): Dispute[] {
    // A system without policy rules asks its one table.
    if (!this.#host.rules.some((rule) => rule.family === destination.family)) return [];
    for (const address of this.#forwarding.parts(destination)) {
      const decision = this.#forwarding.decide(address, destination);
      const found =
        decision.by === 'unknown' ? this.#settled(destination) : preemption(destination, address, decision);
      // What overlaps a network of the host is told of as that.
      if (found !== null && !this.#isOnLink(address)) return [found];
    }
    return [];
  }

  /** A next hop that is itself rejected before main is asked: the kernel would not take a route by it (tried). */
  ofGateway({ gateway, destination }: WantedRoute): Dispute[] {
    const found = gateway === null ? null : this.#rejectionOf(gateway);
    return found === null ? [] : [{ ...found, disputed: formatPrefix(destination) }];
  }

  /** What rejects a gateway before main is asked for it; looked at once for each, since thousands of routes share it. */
  #rejectionOf(gateway: string): Dispute | null {
    const known = this.#rejections.get(gateway);
    if (known !== undefined) return known;
    const found = this.#lookForRejection(parseAddress(gateway));
    this.#rejections.set(gateway, found);
    return found;
  }

  #lookForRejection(gateway: Prefix | null): Dispute | null {
    if (gateway === null) return null;
    const decision = this.#forwarding.decide(gateway, gateway);
    const isRejected =
      decision.by === 'rule' || (decision.by === 'route' && REJECTS.has(decision.route.type));
    return isRejected ? preemption(gateway, gateway, decision) : null;
  }

  #isOnLink(address: Prefix): boolean {
    const over = [...this.#foreign.exact(address), ...this.#foreign.ancestors(address)];
    return over.some((one) => isOnLink(one.route, this.#host));
  }

  /** What the kernel itself said, where the model cannot tell. */
  #settled(destination: Prefix): Dispute | null {
    const rules = this.#forwarding.rulesBefore(destination).filter((rule) => rule.table !== LOCAL_TABLE);
    const isBefore = (answer: Answer) =>
      rules.some((rule) =>
        answer.table === null
          ? rule.action === answer.type
          : rule.table === answer.table && answer.table !== MAIN_TABLE,
      );
    const asked = [...this.#answers.exact(destination), ...this.#answers.descendants(destination)];
    const answer = asked.find(isBefore);
    if (answer === undefined) return null;
    const by = answer.table === null ? `a policy rule (${answer.type})` : `table ${answer.table}`;
    return {
      relation: 'preempted',
      foreign: null,
      owner: answer.table === null ? by : `${by}, which a policy rule asks before main`,
      disputed: formatPrefix(destination),
      winner: `${by} (dev ${answer.device ?? '-'})`,
      summary: `${answer.address} is answered by ${by} before main is asked: our route would be dead`,
    };
  }
}

/** Who decides about an address of the destination before a route to that in main could; null where that one does. */
function preemption(destination: Prefix, address: Prefix, decision: Decision): Dispute | null {
  const text = formatAddress(address);
  const dead = 'before main is asked: our route would be dead';
  const relation = 'preempted';
  switch (decision.by) {
    case 'route': {
      const { rule, route } = decision;
      const disputed = formatPrefix(
        contains(destination, route.destination) ? route.destination : destination,
      );
      const owner = `table ${rule.table}, which a policy rule asks before main; ${likelyOwner(route)}`;
      const winner = `table ${rule.table} (${formatRoute(route)})`;
      const summary = `${text} is answered by table ${rule.table} ${dead}`;
      return { relation, foreign: null, owner, disputed, winner, summary };
    }
    case 'rule': {
      const { rule } = decision;
      const owner = describeRule(rule);
      const disputed = formatPrefix(
        rule.to !== null && contains(destination, rule.to) ? rule.to : destination,
      );
      const summary = `${text} is rejected by ${owner} ${dead}`;
      return { relation, foreign: null, owner, disputed, winner: `nobody: ${rule.action}`, summary };
    }
    case 'nobody': {
      const summary = `no policy rule asks table main for ${text}: our route would be dead`;
      const owner = 'the policy rules of this host';
      return {
        relation,
        foreign: null,
        owner,
        disputed: formatPrefix(destination),
        winner: 'nobody',
        summary,
      };
    }
    default:
      return null;
  }
}
