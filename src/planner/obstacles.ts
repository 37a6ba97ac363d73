import type { DesiredProfile } from '../model/desired.ts';
import type { Diagnostic } from '../model/diagnostic.ts';
import type { ObservedProfile } from '../model/observed.ts';
import type { Aside } from '../model/plan.ts';
import { shellWord } from '../model/shell-word.ts';

/** What is said of one obstacle. */
interface Saying {
  readonly state: Exclude<Aside['state'], 'out-of-reach'>;
  /** A clause that follows `profile NAME: `. */
  readonly what: string;
  /** What helps where minikube made the profile and its context; else what the obstacle itself says. */
  readonly minikube?: {
    readonly fix: string;
    readonly verb: 'start' | 'unpause' | 'status' | 'update-context';
  };
}

const UPDATE_CONTEXT = {
  fix: 'Have minikube write the present address of its VM into the kubeconfig.',
  verb: 'update-context',
} as const;

/**
 * Why a cluster could not be asked, by the code of the obstacle; docs/diagnostics.md has a row for each. One that minikube says is
 * stopped or paused is that, whatever the connection said.
 */
export const OBSTACLES = {
  'vm-stopped': {
    state: 'stopped',
    what: 'its VM is stopped',
    minikube: { fix: 'Start it.', verb: 'start' },
  },
  'cluster-paused': {
    state: 'paused',
    what: 'its cluster is paused',
    minikube: { fix: 'Unpause it.', verb: 'unpause' },
  },
  'cluster-silent': {
    state: 'silent',
    what: 'its API server takes connections and does not answer',
    minikube: { fix: 'A paused cluster behaves like that: unpause it.', verb: 'unpause' },
  },
  'profile-silent': {
    state: 'silent',
    what: 'its cluster did not answer everything in time',
  },
  'cluster-unreachable': {
    state: 'silent',
    what: 'its API server cannot be reached',
    minikube: { fix: 'See whether its VM runs, and at which address.', verb: 'status' },
  },
  'cluster-refused': {
    state: 'silent',
    what: 'its API server refuses connections',
    minikube: { fix: 'See whether its API server runs.', verb: 'status' },
  },
  'cluster-unresolved': {
    state: 'silent',
    what: 'the name of its API server has no address',
    minikube: UPDATE_CONTEXT,
  },
  'cluster-cut': { state: 'silent', what: 'its API server ends connections without an answer' },
  'cluster-busy': { state: 'silent', what: 'its API server is not ready' },
  'cluster-not-tls': {
    state: 'unusable',
    what: 'what answers for its API server does not speak TLS',
    minikube: UPDATE_CONTEXT,
  },
  'certificate-authority': {
    state: 'unusable',
    what: 'the certificate of its API server is of another authority',
    minikube: UPDATE_CONTEXT,
  },
  'certificate-expired': { state: 'unusable', what: 'the certificate of its API server is not valid now' },
  'certificate-name': {
    state: 'unusable',
    what: 'the certificate of its API server is for other names',
    minikube: UPDATE_CONTEXT,
  },
  'client-certificate': { state: 'unusable', what: 'its API server refuses the client certificate' },
  'cluster-unauthorized': { state: 'unusable', what: 'its API server refuses the credentials' },
  'cluster-forbidden': { state: 'unusable', what: 'its API server forbids what mkplan asks for' },
  'cluster-error': { state: 'unusable', what: 'its API server was asked, and an error came back' },
  'api-object-malformed': { state: 'unusable', what: 'what answers for its API server is not Kubernetes' },
  'cluster-proxy': { state: 'unusable', what: 'the proxy to its API server does not lead there' },
  'context-unknown': {
    state: 'unusable',
    what: 'its context is not in the kubeconfig',
    minikube: { fix: 'Have minikube write its context into the kubeconfig.', verb: 'update-context' },
  },
  'kubeconfig-malformed': { state: 'unusable', what: 'the kubeconfig is malformed' },
  'kubeconfig-unreadable': { state: 'unusable', what: 'the kubeconfig cannot be read' },
  'kubeconfig-server': { state: 'unusable', what: 'the kubeconfig names a server that cannot be used' },
  'kubeconfig-proxy': { state: 'unusable', what: 'the proxy to its API server cannot be used' },
  'kubeconfig-credentials': { state: 'unusable', what: 'its credentials cannot be used' },
  'credentials-program': { state: 'unusable', what: 'the program that makes its credentials failed' },
  'program-unapproved': { state: 'unusable', what: 'the program that makes its credentials is not approved' },
  'profile-name': { state: 'unusable', what: 'minikube does not accept its name' },
  'cluster-unobserved': { state: 'silent', what: 'its cluster could not be observed' },
} as const satisfies Readonly<Record<string, Saying>>;

type Code = keyof typeof OBSTACLES;

function isCode(code: string | undefined): code is Code {
  return code !== undefined && Object.hasOwn(OBSTACLES, code);
}

/** What keeps the cluster of a profile from being asked. An observation of another version may not say why, or otherwise. */
function codeOf({ stopped, paused, obstacle }: ObservedProfile): Code {
  if (stopped === true) return 'vm-stopped';
  if (paused === true) return 'cluster-paused';
  return isCode(obstacle?.code) ? obstacle.code : 'cluster-unobserved';
}

/** Whether minikube made the profile, and the context that leads to it: no other one is ever given a command of minikube's. */
function isMinikubes({ name, context }: DesiredProfile, seen: ObservedProfile): boolean {
  if (seen.config === null) return false;
  return seen.context?.fromMinikube === true || context === name;
}

/** Whether a diagnostic of a plan says why a cluster could not be asked. */
export function isOfObstacle({ code }: Pick<Diagnostic, 'code'>): boolean {
  return isCode(code);
}

/** The state that a profile is set aside with whose cluster could not be asked. */
export function obstacleState(seen: ObservedProfile): Saying['state'] {
  return OBSTACLES[codeOf(seen)].state;
}

/** The one diagnostic for a profile whose cluster could not be asked. */
export function obstacleDiagnostic(profile: DesiredProfile, seen: ObservedProfile): Diagnostic {
  const code = codeOf(seen);
  const { what, minikube }: Saying = OBSTACLES[code];
  const { obstacle, problems } = seen;
  const causes = [...(obstacle === undefined ? [] : [obstacle.summary, obstacle.cause]), ...problems];
  const helps =
    minikube !== undefined && isMinikubes(profile, seen)
      ? { fix: minikube.fix, command: `minikube ${minikube.verb} -p ${shellWord(profile.name)}` }
      : {
          fix: obstacle?.fix ?? 'Correct what the cause names, then run the command again.',
          ...(obstacle?.command === undefined ? {} : { command: obstacle.command }),
        };
  return {
    code,
    severity: 'warning',
    summary: `profile ${profile.name}: ${what}`,
    cause:
      causes.length > 0
        ? causes.filter((text) => text !== '').join('\n')
        : `nothing was observed of context ${profile.context}`,
    ...helps,
    at: profile.at,
  };
}
