import type { DesiredState, ProfileContext } from '../../model/desired.ts';
import type { Diagnostic } from '../../model/diagnostic.ts';
import type { MinikubeTunnel, ObservedHost } from '../../model/observed.ts';
import { formatPrefix, samePrefix } from '../../model/prefix.ts';
import { isPlain, MAIN_TABLE, type Route } from '../../model/route.ts';
import { shellWord } from '../../model/shell-word.ts';

/**
 * What minikube's tunnels.json says of each `minikube tunnel`:
 *
 * | its process | its profile is                     | diagnostic                        |
 * |-------------|------------------------------------|-----------------------------------|
 * | runs        | one that the spec wants to serve   | error: both would fight           |
 * | runs        | another one, or all is removed     | warning                           |
 * | is gone     | any                                | warning: what it left             |
 */
export function tunnelDiagnostics(
  desired: Pick<DesiredState, 'mode' | 'profiles'>,
  host: ObservedHost,
): Diagnostic[] {
  const wanted = desired.mode === 'present' ? desired.profiles : [];
  return host.minikubeTunnels.map((tunnel) =>
    tunnel.alive
      ? running(
          tunnel,
          wanted.find((profile) => tunnelsOf(profile, host).includes(tunnel)),
        )
      : ended(tunnel, host),
  );
}

/** The entries of tunnels.json that are of a profile's cluster: minikube names it after its profile, and the context too. */
export function tunnelsOf(
  { name, context }: ProfileContext,
  { minikubeTunnels }: Pick<ObservedHost, 'minikubeTunnels'>,
): MinikubeTunnel[] {
  return minikubeTunnels.filter(({ profile }) => profile === name || profile === context);
}

/** Something of the host that could not be observed, and that a plan can do without. */
export function unknownOfHost(problem: string): Diagnostic {
  return {
    code: 'host-unobserved',
    severity: 'warning',
    summary: problem,
    cause: 'The plan is made without it.',
    fix: 'Make it readable, if you can; else look yourself.',
  };
}

function running(
  { profile, pid, destination }: MinikubeTunnel,
  wanted: ProfileContext | undefined,
): Diagnostic {
  const isWanted = wanted !== undefined;
  return {
    code: 'minikube-tunnel',
    profile: wanted?.name ?? profile,
    severity: isWanted ? 'error' : 'warning',
    summary: `\`minikube tunnel\` is running for profile ${profile} (pid ${pid})`,
    cause: `It routes ${formatPrefix(destination)}, gives every LoadBalancer Service of that cluster its ClusterIP as ingress, and when it ends takes the ingress of all of them away, whoever set it.`,
    fix: isWanted
      ? `Stop it, with Ctrl-C in its terminal or by its pid, then go on.`
      : 'Nothing has to be done: it is left alone.',
    ...(isWanted ? { command: `kill -INT ${pid}` } : {}),
  };
}

function ended(tunnel: MinikubeTunnel, host: ObservedHost): Diagnostic {
  const { profile, pid, destination, gateway } = tunnel;
  const left = leftRoute(tunnel, host);
  const cause =
    'minikube’s tunnels.json still has its entry, which is minikube’s to remove: `minikube tunnel --cleanup` does.';
  return {
    code: 'minikube-tunnel-ended',
    profile,
    severity: 'warning',
    summary: `\`minikube tunnel\` of profile ${profile} (pid ${pid}) ended without cleaning up; its route ${formatPrefix(destination)} via ${gateway} ${left === null ? 'is gone' : 'is still there'}`,
    cause,
    fix:
      left === null ? 'Let minikube clean its file.' : 'Remove the route, once you have seen it in the plan.',
    command:
      left === null ? `minikube tunnel --cleanup -p ${shellWord(profile)}` : 'mkplan cleanup --minikube',
  };
}

/**
 * The route that a tunnel which ended left in the kernel: destination and gateway are those of its entry, and it is what
 * minikube makes, `ip route add DESTINATION via GATEWAY`. Null where there is none, where more than one is, and where a
 * tunnel that runs has the same.
 */
export function leftRoute(tunnel: MinikubeTunnel, host: ObservedHost): Route | null {
  if (tunnel.alive || host.minikubeTunnels.some((other) => other.alive && isSame(other, tunnel))) return null;
  const there = host.routes.filter(
    (route) =>
      route.table === MAIN_TABLE &&
      samePrefix(route.destination, tunnel.destination) &&
      route.gateway === tunnel.gateway,
  );
  const [only] = there;
  // A delete of metric 0 takes any metric (tried), so beside another one it could take the wrong one.
  return only !== undefined && there.length === 1 && isPlain(only) && only.tos === 0 ? only : null;
}

function isSame(a: MinikubeTunnel, b: MinikubeTunnel): boolean {
  return a.gateway === b.gateway && samePrefix(a.destination, b.destination);
}

/** The running `minikube tunnel` that has made a route; null when none has. */
export function tunnelOf(route: Route, host: ObservedHost): MinikubeTunnel | null {
  const made = host.minikubeTunnels.find(
    ({ alive, destination, gateway }) =>
      alive && gateway === route.gateway && samePrefix(destination, route.destination),
  );
  return made ?? null;
}
