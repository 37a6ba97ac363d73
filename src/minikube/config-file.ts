import type { MinikubeConfig } from '../model/observed.ts';
import { formatAddress, parseAddress } from '../model/prefix.ts';

/** What config.json tells, before it is known whether its network can be routed to. */
export interface ProfileFile {
  readonly driver: string;
  /** The `Network` key; empty when it is not set. */
  readonly network: string;
  readonly nodes: MinikubeConfig['nodes'];
  readonly serviceCidr: string | null;
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
}

/**
 * The nodes that have an address, named as Kubernetes names them: the first control plane (and the only node) is
 * called like the profile, every other one `PROFILE-NAME`.
 */
function nodesOf(profile: string, listed: unknown): MinikubeConfig['nodes'] {
  const nodes = (Array.isArray(listed) ? listed : []).map(recordOf);
  const primary = nodes.find((node) => node['ControlPlane'] === true) ?? nodes[0];
  return nodes.flatMap((node) => {
    const ip = parseAddress(textOf(node['IP']));
    const name = textOf(node['Name']);
    return ip === null
      ? []
      : [
          {
            name: node === primary || name === '' ? profile : `${profile}-${name}`,
            ip: formatAddress(ip),
            controlPlane: node['ControlPlane'] === true,
          },
        ];
  });
}

/** Reads the text of a profile's config.json. Throws a SyntaxError when it is not a JSON object. */
export function parseProfileFile(profile: string, text: string): ProfileFile {
  const json: unknown = JSON.parse(text);
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw new SyntaxError('it is not a JSON object');
  }
  const config = recordOf(json);
  const serviceCidr = textOf(recordOf(config['KubernetesConfig'])['ServiceCIDR']);
  return {
    // VMDriver is what minikube before 1.7 wrote.
    driver: textOf(config['Driver']) || textOf(config['VMDriver']),
    network: textOf(config['Network']),
    nodes: nodesOf(profile, config['Nodes']),
    serviceCidr: serviceCidr === '' ? null : serviceCidr,
  };
}
