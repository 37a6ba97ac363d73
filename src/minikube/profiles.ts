import type { MinikubeConfig, MinikubeTunnel } from '../model/observed.ts';

/** What minikube itself knows of its profiles. */
export interface Profiles {
  /** The profile's config.json under MINIKUBE_HOME; null when there is no such profile. Throws a Failure when it cannot be read. */
  config(name: string): Promise<MinikubeConfig | null>;
  /** `minikube ip -p NAME`; null when there is no such program or it has no answer. */
  ip(name: string, signal?: AbortSignal): Promise<string | null>;
  /** Names of all profiles, sorted. */
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
