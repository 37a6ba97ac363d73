import type { MinikubeConfig, MinikubeTunnel } from '../model/observed.ts';
import type { Prefix } from '../model/prefix.ts';

/** How a profile rests. */
export type Rest = 'stopped' | 'paused';

/** What minikube itself knows of its profiles. */
export interface Profiles {
  /** The profile's config.json under MINIKUBE_HOME; null when there is no such profile. Throws a Failure when it cannot be read. */
  config(name: string): Promise<MinikubeConfig | null>;
  /** `minikube ip -p NAME`; null when there is no such program or it has no answer. */
  ip(name: string, signal?: AbortSignal): Promise<string | null>;
  /**
   * What `minikube status -p NAME` says: that the VM, or each of several, is stopped, or that the cluster is paused. Null where it
   * says anything else, has no answer, or there is no such program: a VM that hangs is neither.
   */
  rest(name: string, signal?: AbortSignal): Promise<Rest | null>;
  /** Names of all profiles, sorted; also of those whose config.json cannot be read. */
  list(): Promise<readonly string[]>;
  /** Every `minikube tunnel` that minikube has recorded, of all profiles. */
  tunnels(): Promise<RecordedTunnels>;
}

/** What minikube's tunnels.json has, as far as it was understood. */
export interface RecordedTunnels {
  readonly tunnels: readonly MinikubeTunnel[];
  /** Why it, or an entry of it, could not be read; for people. */
  readonly problems: readonly string[];
}

/** Where minikube is told which profile is the current one. */
export interface CurrentProfile {
  readonly name: string;
  /** For people: the variable or the file. */
  readonly source: string;
}

/** What choosing a profile and a pool for it takes beside. */
export interface ProfileSettings {
  /** For people: where profiles are looked for, and what says so. */
  readonly place: string;
  /**
   * The profile that minikube takes where none is named: MINIKUBE_PROFILE, else what `minikube profile NAME` wrote; null
   * where neither says. It may be one that is not there. `problem`: why minikube's settings could not be read, for people.
   */
  current(): Promise<{ readonly profile: CurrentProfile | null; readonly problem: string | null }>;
  /** Every network that the profile's config.json names, of both families; with `problem`, those of them that could be read. */
  networks(name: string): Promise<{ readonly networks: readonly Prefix[]; readonly problem: string | null }>;
}
