import { messageOf } from '../model/diagnostic.ts';
import type { MinikubeConfig } from '../model/observed.ts';
import { formatAddress, type Prefix, parseAddress, parseNetwork, truncate } from '../model/prefix.ts';
import { parseRange, prefixesOf } from '../model/range.ts';

/** What config.json tells, before it is known whether its network can be routed to. */
export interface ProfileFile extends Omit<MinikubeConfig, 'unroutable'> {
  /** The `Network` key; empty when it is not set. */
  readonly network: string;
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

/** Nodes as they are listed; minikube before 1.7 wrote the one that it had among Kubernetes' own settings. */
function listedNodes(config: Fields, kubernetes: Fields): Fields[] {
  const listed = config['Nodes'];
  if (Array.isArray(listed)) return listed.map(recordOf);
  const ip = kubernetes['NodeIP'];
  return ip === undefined ? [] : [{ Name: '', IP: ip, ControlPlane: true }];
}

/**
 * The nodes that have an address, named as Kubernetes names them: the first control plane (and the only node) is
 * called like the profile, every other one `PROFILE-NAME`.
 */
function nodesOf(profile: string, nodes: readonly Fields[]): MinikubeConfig['nodes'] {
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

/** The name that minikube gives the API server where `--apiserver-name` gives it none. */
const NO_SERVER_NAME = 'minikubeCA';

/** What the API server is reached by beside the addresses of the nodes: all that minikube had its certificate made for. */
function serversOf(kubernetes: Fields): string[] {
  const lists = [kubernetes['APIServerNames'], kubernetes['APIServerIPs']];
  const texts = [
    textOf(kubernetes['APIServerHAVIP']),
    textOf(kubernetes['APIServerName']),
    ...lists.flatMap((listed) => (Array.isArray(listed) ? listed.map(textOf) : [])),
  ];
  return texts
    .filter((text) => text !== '' && text !== NO_SERVER_NAME)
    .map((text) => {
      const address = parseAddress(text);
      return address === null ? text.toLowerCase() : formatAddress(address);
    });
}

/** The value of `--extra-config=COMPONENT.KEY`; undefined where it was not given. */
function optionOf(kubernetes: Fields, component: string, key: string): string | undefined {
  const listed = kubernetes['ExtraOptions'];
  const options = (Array.isArray(listed) ? listed : []).map(recordOf);
  // Of several, the last counts.
  const found = options.findLast(({ Component, Key }) => Component === component && Key === key);
  return textOf(found?.['Value']) || undefined;
}

/** How much of a value that makes no sense is shown. */
const LONGEST_SHOWN = 60;

function shown(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length > LONGEST_SHOWN ? `${text.slice(0, LONGEST_SHOWN)}…` : text;
}

/** Values that cannot be what their key says. Missing and empty ones are none: minikube writes those for what is not set. */
function strangeOf(config: Fields, kubernetes: Fields, nodes: readonly Fields[]): string[] {
  const isText = (value: unknown) => typeof value === 'string';
  const isAddress = (value: unknown) => isText(value) && parseAddress(textOf(value)) !== null;
  const isRecord = (value: unknown) => typeof value === 'object' && !Array.isArray(value);
  const checks: readonly (readonly [key: string, value: unknown, isRight: (value: unknown) => boolean])[] = [
    ['Driver', config['Driver'], isText],
    ['KubernetesConfig', config['KubernetesConfig'], isRecord],
    ['KubernetesConfig.ServiceCIDR', kubernetes['ServiceCIDR'], isText],
    ['KubernetesConfig.ExtraOptions', kubernetes['ExtraOptions'], Array.isArray],
    ['KubernetesConfig.APIServerHAVIP', kubernetes['APIServerHAVIP'], isAddress],
    ['Nodes', config['Nodes'], Array.isArray],
    ...nodes.map((node, index) => [`Nodes[${index}].IP`, node['IP'], isAddress] as const),
  ];
  return checks
    .filter(([, value, isRight]) => (value ?? '') !== '' && !isRight(value))
    .map(([key, value]) => `${key} ${shown(value)}`);
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

function networksOf(config: Fields, kubernetes: Fields, nodes: readonly Fields[]): Prefix[] {
  const texts = [
    ...textOf(kubernetes['ServiceCIDR']).split(','),
    ...optionNetworks(kubernetes['ExtraOptions']),
    ...['Subnet', 'HostOnlyCIDR', 'StaticIP'].map((key) => textOf(config[key])),
    textOf(kubernetes['APIServerHAVIP']),
    ...nodes.map((node) => textOf(node['IP'])),
  ];
  // The addon MetalLB hands these out.
  const ends = [textOf(kubernetes['LoadBalancerStartIP']), textOf(kubernetes['LoadBalancerEndIP'])];
  const handedOut = parseRange(ends.join('-'));
  return [...texts.flatMap(networkAround), ...(handedOut === null ? [] : prefixesOf(handedOut))];
}

/** Throws a SyntaxError that says in one line what is wrong: an editor or shell may have written it in another encoding. */
function parseJson(text: string): unknown {
  if (text.trim() === '') throw new SyntaxError('it is empty');
  if (text.includes('\0')) throw new SyntaxError('it is not UTF-8 text; UTF-16, it seems');
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new SyntaxError(`it is not JSON: ${messageOf(error).replace(/\s+/g, ' ')}`, { cause: error });
  }
}

/** What a profile's file names as a network or an address and is none, as `KEY VALUE`. */
export function strangeValues({
  strange = [],
  serviceCidr,
  apiServerRange,
  podSubnet,
}: ProfileFile): string[] {
  const lists = {
    ServiceCIDR: serviceCidr,
    'service-cluster-ip-range': apiServerRange,
    'pod-network-cidr': podSubnet,
  };
  const wrong = Object.entries(lists).filter(([, text]) =>
    (text ?? '').split(',').some((cidr) => cidr.trim() !== '' && parseNetwork(cidr.trim()) === null),
  );
  return [...strange, ...wrong.map(([key, text]) => `${key} ${shown(text)}`)];
}

/** Reads the text of a profile's config.json. Throws a SyntaxError when it is not a JSON object. */
export function parseProfileFile(profile: string, text: string): ProfileFile {
  const json = parseJson(text);
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw new SyntaxError('it is not a JSON object');
  }
  const config = recordOf(json);
  const kubernetes = recordOf(config['KubernetesConfig']);
  // minikube before 1.7 wrote the machine apart, and VMDriver for Driver.
  const machine = recordOf(config['MachineConfig']);
  const serviceCidr = textOf(kubernetes['ServiceCIDR']);
  const nodes = listedNodes(config, kubernetes);
  const servers = serversOf(kubernetes);
  const strange = strangeOf(config, kubernetes, nodes);
  const apiServerRange = optionOf(kubernetes, 'apiserver', 'service-cluster-ip-range');
  const podSubnet = optionOf(kubernetes, 'kubeadm', 'pod-network-cidr');
  return {
    driver: textOf(config['Driver']) || textOf(config['VMDriver']) || textOf(machine['VMDriver']),
    network: textOf(config['Network']),
    nodes: nodesOf(profile, nodes),
    serviceCidr: serviceCidr === '' ? null : serviceCidr,
    ...(servers.length === 0 ? {} : { servers }),
    ...(apiServerRange === undefined ? {} : { apiServerRange }),
    ...(podSubnet === undefined ? {} : { podSubnet }),
    ...(strange.length === 0 ? {} : { strange }),
    networks: networksOf(config, kubernetes, nodes),
  };
}
