import type { MinikubeTunnel, ObservedHost } from '../../model/observed.ts';
import type { Conflict, Purpose, RouteStep, ServiceStep, Step } from '../../model/plan.ts';
import { formatPrefix, overlaps } from '../../model/prefix.ts';
import { MAIN_TABLE } from '../../model/route.ts';
import { shellWord } from '../../model/shell-word.ts';
import { likelyOwner } from './owner.ts';

/** What of a profile in tunnel.yaml asks for the routes of a purpose. */
const ASKED_BY: Readonly<Record<Purpose, string>> = {
  services: 'cidrs.services',
  pods: 'cidrs.pods',
  'load-balancer': 'loadBalancer.pool (or list the address under loadBalancer.exclude)',
  guard: 'loadBalancer.pool',
};

/**
 * Who likely keeps undoing a step, and how to resolve it, in one line for people:
 *
 * | what is known                                          | who                                         |
 * |--------------------------------------------------------|---------------------------------------------|
 * | a `minikube tunnel` runs for its profile or its range  | that, with its pid                          |
 * | a foreign route was seen in its place (`taken`)        | the likely owner of that route              |
 * | a VPN has routes on this host                          | something on this host, the VPN perhaps     |
 * | nothing                                                | something on this host, or in the cluster   |
 *
 * A guess, and worded as one, but for `minikube tunnel`, whose own record says what it does.
 */
export function rivalOf(step: Step, host: ObservedHost, taken: Conflict | null): string {
  const tunnel = host.minikubeTunnels.find((one) => one.alive && meets(one, step));
  if (tunnel !== undefined) {
    const { pid, profile } = tunnel;
    return `\`minikube tunnel\` of profile ${profile} (pid ${pid}) undoes it again and again; stop it (kill -INT ${pid})`;
  }
  return step.kind === 'service' ? inCluster(step) : onHost(step, host, taken);
}

function meets(tunnel: MinikubeTunnel, step: Step): boolean {
  if (step.profile === tunnel.profile) return true;
  const route = step.kind === 'route' ? (step.after ?? step.before) : null;
  return route !== null && overlaps(route.destination, tunnel.destination);
}

function inCluster({ profile, namespace, name }: ServiceStep): string {
  const look = `kubectl -n ${shellWord(namespace)} get service ${shellWord(name)} -o yaml --show-managed-fields`;
  return `something in the cluster of profile ${profile} undoes it again and again; see who writes its status (${look}), and stop that or give the Service a class of its own`;
}

function onHost(step: RouteStep, host: ObservedHost, taken: Conflict | null): string {
  const leave = `take it out of ${ASKED_BY[step.purpose]} of profile ${step.profile} in tunnel.yaml`;
  if (taken !== null && taken.foreign !== null) {
    const { foreign, owner } = taken;
    const next = [
      foreign.gateway === null ? '' : ` via ${foreign.gateway}`,
      foreign.device === null ? '' : ` dev ${foreign.device}`,
    ].join('');
    return `what makes the route ${formatPrefix(foreign.destination)}${next} in its place (${owner}) undoes it again and again; stop that, or ${leave}`;
  }
  const vpns = vpnsOf(host);
  const perhaps = vpns.length === 0 ? '' : `, perhaps ${vpns.join(' or ')},`;
  return `something on this host${perhaps} undoes it again and again; see when with \`ip monitor route\` (systemd-networkd does so unless ManageForeignRoutes=no), and stop that, or ${leave}`;
}

/** VPNs that have routes on this host, as `likelyOwner` words them; few, and each once. */
function vpnsOf({ routes }: ObservedHost): string[] {
  const owners = routes.filter(({ table }) => table === MAIN_TABLE).map(likelyOwner);
  return [...new Set(owners.filter((owner) => /VPN|Tailscale|ZeroTier/.test(owner)))]
    .map((owner) => owner.replace(/^likely /, ''))
    .sort()
    .slice(0, 3);
}
