/** Operating systems that a plan may be for, by the names that Node gives them. */
export const SYSTEMS = ['linux', 'darwin', 'win32'] as const;

export type System = (typeof SYSTEMS)[number];

/** What a system can do that others cannot. The planner asks the snapshot for these, and never for the system's name. */
export interface Capabilities {
  /** A route carries a protocol of its maker's choice, which tells mkplan's routes at a glance. */
  readonly protocols: boolean;
  /** A route can refuse its packets, and so close a pool behind the addresses that are in use. */
  readonly guards: boolean;
  /** Container engines keep their networks on the host itself, and not inside a VM. */
  readonly hostContainers: boolean;
}

export const ALL_CAPABILITIES: Capabilities = { protocols: true, guards: true, hostContainers: true };
const NONE: Capabilities = { protocols: false, guards: false, hostContainers: false };

/** What each system can do. A recording says so only where it differs. */
export const USUAL_CAPABILITIES: Readonly<Record<System, Capabilities>> = {
  linux: ALL_CAPABILITIES,
  darwin: NONE,
  win32: NONE,
};

/** What shows a person by which way packets to an address leave, on the system that a plan is for. */
export const ASK_ROUTE: Readonly<Record<System, string>> = {
  linux: 'ip route get',
  darwin: 'route -n get',
  win32: 'Find-NetRoute -RemoteIPAddress',
};
