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
  /** What helps where minikube made the profile and its context; elsewhere the obstacle's own fix does. */
  readonly minikube?: {
    readonly fix: string;
    readonly verb: 'start' | 'unpause' | 'status' | 'update-context';
  };
}

/** The kubeconfig may still have the address that the VM had before, which another machine has by now. */
const MOVED = {
  fix: 'Let minikube write the VM’s present address into the kubeconfig.',
  verb: 'update-context',
} as const;

/**
 * Why a cluster could not be observed, by the code of the obstacle. `minikube start` is the fix only for what it mends: a
 * stopped VM, and certificates that have expired.
 */
export const OBSTACLES = {
  'vm-stopped': {
    state: 'stopped',
    what: 'its VM is stopped',
    minikube: { fix: 'Start the profile.', verb: 'start' },
  },
  'cluster-paused': {
    state: 'paused',
    what: 'its cluster is paused',
    minikube: { fix: 'Unpause the profile.', verb: 'unpause' },
  },
  'cluster-silent': {
    state: 'silent',
    what: 'its API server takes connections but does not answer',
    minikube: { fix: 'See whether it is paused; if so, run `minikube unpause`.', verb: 'status' },
  },
  'profile-silent': { state: 'silent', what: 'its cluster did not answer everything in time' },
  'cluster-unreachable': {
    state: 'silent',
    what: 'its API server cannot be reached',
    minikube: {
      fix: 'See whether its VM runs. If it has another address by now, run `minikube update-context`.',
      verb: 'status',
    },
  },
  'cluster-refused': {
    state: 'silent',
    what: 'its API server refuses connections',
    minikube: {
      fix: 'See whether its API server runs. If the server has another port by now, run `minikube update-context`.',
      verb: 'status',
    },
  },
  'cluster-unresolved': { state: 'silent', what: 'the name of its API server cannot be resolved' },
  'cluster-cut': { state: 'silent', what: 'its API server ends connections without an answer' },
  'cluster-busy': { state: 'silent', what: 'its API server is not ready' },
  'cluster-not-tls': {
    state: 'unusable',
    what: 'the address of its API server does not speak TLS',
    minikube: MOVED,
  },
  'certificate-authority': {
    state: 'unusable',
    what: 'the certificate of its API server is from another authority',
    minikube: MOVED,
  },
  'certificate-expired': {
    state: 'unusable',
    what: 'the certificate of its API server is not valid now',
    minikube: {
      fix: 'Correct the clock of this host if it is wrong; otherwise start the profile, which renews its certificates.',
      verb: 'start',
    },
  },
  'certificate-name': {
    state: 'unusable',
    what: 'the certificate of its API server is for other names',
    minikube: MOVED,
  },
  'client-certificate': { state: 'unusable', what: 'its API server refuses the client certificate' },
  'cluster-unauthorized': { state: 'unusable', what: 'its API server refuses the credentials' },
  'cluster-forbidden': { state: 'unusable', what: 'its API server forbids what mkplan asks for' },
  'cluster-error': {
    state: 'unusable',
    what: 'its API server, or what stands before it, answers with an error',
  },
  'api-object-malformed': {
    state: 'unusable',
    what: 'the address of its API server does not speak Kubernetes',
  },
  'cluster-proxy': { state: 'unusable', what: 'the proxy does not lead to its API server' },
  'context-unknown': {
    state: 'unusable',
    what: 'its context is not in the kubeconfig',
    minikube: { fix: 'Let minikube write the context into the kubeconfig.', verb: 'update-context' },
  },
  'kubeconfig-malformed': { state: 'unusable', what: 'the kubeconfig is malformed' },
  'kubeconfig-unreadable': { state: 'unusable', what: 'the kubeconfig cannot be read' },
  'kubeconfig-server': { state: 'unusable', what: 'the kubeconfig names a server that cannot be used' },
  'kubeconfig-proxy': { state: 'unusable', what: 'the kubeconfig names a proxy that cannot be used' },
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

/** Whether minikube made both the profile and the context that leads to it: its commands help no other cluster. */
function isMinikubes({ name, context }: DesiredProfile, { config, context: seen }: ObservedProfile): boolean {
  return config !== null && (seen?.fromMinikube === true || context === name);
}

/**
 * A minikube profile that is stopped or paused is just that, whatever the connection said. A recording of another version may
 * give no code, or another one.
 */
function codeOf(profile: DesiredProfile, seen: ObservedProfile): Code {
  const { stopped = false, paused = false, obstacle } = seen;
  if (stopped && isMinikubes(profile, seen)) return 'vm-stopped';
  if (paused && isMinikubes(profile, seen)) return 'cluster-paused';
  return isCode(obstacle?.code) ? obstacle.code : 'cluster-unobserved';
}

/** Whether a diagnostic of a plan says why a cluster could not be observed. */
export function isOfObstacle({ code }: Pick<Diagnostic, 'code'>): boolean {
  return isCode(code);
}

/** The state in which a profile is set aside when its cluster could not be observed. */
export function obstacleState(profile: DesiredProfile, seen: ObservedProfile): Saying['state'] {
  return OBSTACLES[codeOf(profile, seen)].state;
}

/** The one diagnostic for a profile whose cluster could not be observed. */
export function obstacleDiagnostic(profile: DesiredProfile, seen: ObservedProfile): Diagnostic {
  const code = codeOf(profile, seen);
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
