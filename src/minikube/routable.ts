import type { System } from '../model/system.ts';

/** What decides whether the network of a minikube driver can be routed to. */
export interface DriverFacts {
  /** As config.json names it: docker, podman, kvm2, qemu2, hyperv, … */
  readonly driver: string;
  /** The `Network` of config.json; QEMU: builtin, user or socket_vmnet; empty in files of older minikube. */
  readonly network: string;
  readonly platform: System;
  /** Linux under the Windows Subsystem for Linux, whose engine is not known to run in the distribution itself. */
  readonly wsl: boolean;
  /** The container engine runs without root, its networks in a namespace of its own. */
  readonly rootless: boolean;
  /** The container engine is Docker Desktop's, inside its own VM. */
  readonly dockerDesktop: boolean;
  /** The container engine is on another host: DOCKER_HOST or CONTAINER_HOST names one. */
  readonly remoteEngine: boolean;
}

const PLATFORM_NAMES = { linux: 'Linux', darwin: 'macOS', win32: 'Windows' } as const;

function containerReason(facts: DriverFacts): string | null {
  const { driver } = facts;
  if (facts.platform !== 'linux') {
    return `driver ${driver} on ${PLATFORM_NAMES[facts.platform]} keeps its networks inside a VM of its own`;
  }
  if (facts.wsl) return `driver ${driver} under WSL keeps its networks inside the engine’s own VM`;
  if (facts.remoteEngine) return `driver ${driver} uses a container engine on another host`;
  if (facts.dockerDesktop) return `Docker Desktop keeps the networks of driver ${driver} inside its own VM`;
  if (facts.rootless) return `driver ${driver} without root keeps its networks in a namespace of its own`;
  return null;
}

/** Why the driver's network cannot be routed to from this host; null where it can be. */
export function unroutableReason(facts: DriverFacts): string | null {
  switch (facts.driver) {
    case 'docker':
    case 'podman':
      return containerReason(facts);
    case 'qemu':
    case 'qemu2':
      // Older minikube writes no network, and has no other.
      return ['', 'builtin', 'user'].includes(facts.network)
        ? 'QEMU’s builtin network has no address that the host can reach'
        : null;
    default:
      return null;
  }
}
