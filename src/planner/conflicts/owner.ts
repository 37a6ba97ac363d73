import { PROTOCOL_NAMES, type Route } from '../../model/route.ts';

/** Device names and what usually makes them. The first match holds. */
const DEVICES: readonly (readonly [RegExp, string])[] = [
  [/^tailscale/, 'Tailscale'],
  [/^(wg|nordlynx|mullvad)/, 'a WireGuard VPN'],
  [/^(tun|utun|tap|ppp|cscotun|gpd|ipsec|vpn|nebula)/, 'a VPN'],
  [/^zt/, 'ZeroTier'],
  [/^docker\d/, "Docker's default bridge"],
  [/^br-[0-9a-f]{12}$/, 'a Docker network'],
  [/^(cni|podman)/, 'Podman'],
  [/^virbr/, 'a libvirt network'],
  [/^(vboxnet|vmnet|vEthernet|bridge1\d\d)/, 'a virtual machine network'],
  [/^(lxcbr|lxdbr|incusbr)/, 'an LXC network'],
  [/^(flannel|cali|cilium|kube)/, 'a Kubernetes network plugin'],
];

/** Protocols and who sets them, where the name alone says little. */
const INSTALLERS: Readonly<Record<number, string>> = {
  2: 'made by the kernel from an address of the host',
  3: 'added by hand or by a script, with ip route add',
  4: 'added by the administrator or a network manager',
  16: 'learned by DHCP',
};

/** The likely owner of a foreign route, from its device and its protocol; a guess, and worded as one. */
export function likelyOwner(route: Route): string {
  const device = route.device ?? route.nextHops[0]?.device ?? '';
  const maker = DEVICES.find(([pattern]) => pattern.test(device))?.[1];
  const name = PROTOCOL_NAMES[route.protocol] ?? route.protocol;
  // Protocol 0 is what systems show that do not tell who installed a route.
  const installer = route.protocol === 0 ? null : (INSTALLERS[route.protocol] ?? `protocol ${name}`);
  if (maker === undefined) return installer ?? 'unknown';
  return `likely ${maker} (${[device, installer].filter((word) => word !== null).join('; ')})`;
}
