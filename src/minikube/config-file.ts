import type { MinikubeConfig } from '../model/observed.ts';
import { formatAddress, type Prefix, parseAddress, truncate } from '../model/prefix.ts';
import { parseRange, prefixesOf } from '../model/range.ts';

/** What config.json tells, before it is known whether its network can be routed to. */
export interface ProfileFile {
  readonly driver: string;
  /** The `Network` key; empty when it is not set. */
  readonly network: string;
  readonly nodes: MinikubeConfig['nodes'];
  readonly serviceCidr: string | null;
  /** Every network that the file names, for whoever wants to keep out of them. */
  readonly networks: readonly Prefix[];
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

type Fields = Readonly<Record<string, unknown>>;

function recordOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {};
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

/** The network of a driver is a /24 unless it says otherwise. */
const USUAL_LENGTH = { 4: 24, 6: 64 } as const;

/** The network around an address, which minikube writes with or without a length, and with host bits or not. */
function networkAround(text: string): Prefix[] {
  const [, host = '', digits] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text.trim()) ?? [];
  const address = parseAddress(host);
  if (address === null) return [];
  const length = digits === undefined ? USUAL_LENGTH[address.family] : Number(digits);
  return length > address.length ? [] : [truncate(address, length)];
}

/** Options for Kubernetes' own programs, whatever they are called, as far as they name networks (kubeadm.pod-network-cidr). */
function optionNetworks(listed: unknown): string[] {
  const values = (Array.isArray(listed) ? listed : []).map((option) => textOf(recordOf(option)['Value']));
  return values.flatMap((value) => value.split(',')).filter((value) => value.includes('/'));
}

function networksOf(config: Fields, kubernetes: Fields): Prefix[] {
  const nodes = (Array.isArray(config['Nodes']) ? config['Nodes'] : []).map((node) =>
    textOf(recordOf(node)['IP']),
  );
  const texts = [
    ...textOf(kubernetes['ServiceCIDR']).split(','),
    ...optionNetworks(kubernetes['ExtraOptions']),
    ...['Subnet', 'HostOnlyCIDR', 'StaticIP'].map((key) => textOf(config[key])),
    ...nodes,
  ];
  // The addon MetalLB hands these out.
  const ends = [textOf(kubernetes['LoadBalancerStartIP']), textOf(kubernetes['LoadBalancerEndIP'])];
  const handedOut = parseRange(ends.join('-'));
  return [...texts.flatMap(networkAround), ...(handedOut === null ? [] : prefixesOf(handedOut))];
}

/** Reads the text of a profile's config.json. Throws a SyntaxError when it is not a JSON object. */
export function parseProfileFile(profile: string, text: string): ProfileFile {
  const json: unknown = JSON.parse(text);
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw new SyntaxError('it is not a JSON object');
  }
  const config = recordOf(json);
  const kubernetes = recordOf(config['KubernetesConfig']);
  const serviceCidr = textOf(kubernetes['ServiceCIDR']);
  return {
    // VMDriver is what minikube before 1.7 wrote.
    driver: textOf(config['Driver']) || textOf(config['VMDriver']),
    network: textOf(config['Network']),
    nodes: nodesOf(profile, config['Nodes']),
    serviceCidr: serviceCidr === '' ? null : serviceCidr,
    networks: networksOf(config, kubernetes),
  };
}
