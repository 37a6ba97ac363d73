import { describe, expect, it } from 'vitest';
import { type DriverFacts, unroutableReason } from '../../src/minikube/routable.ts';

const facts = (changes: Partial<DriverFacts>): DriverFacts => ({
  driver: 'docker',
  network: '',
  platform: 'linux',
  wsl: false,
  rootless: false,
  dockerDesktop: false,
  remoteEngine: false,
  ...changes,
});

describe('unroutableReason', () => {
  it.each<Partial<DriverFacts>>([
    { driver: 'docker' },
    { driver: 'podman' },
    { driver: 'kvm2', rootless: true },
    { driver: 'hyperv', platform: 'win32' },
    { driver: 'vfkit', platform: 'darwin' },
    { driver: 'qemu2', network: 'socket_vmnet', platform: 'darwin' },
    { driver: 'none' },
    { driver: 'virtualbox', wsl: true },
  ])('has none for %j', (changes) => {
    expect(unroutableReason(facts(changes))).toBeNull();
  });

  it.each<[Partial<DriverFacts>, RegExp]>([
    [{ driver: 'docker', platform: 'darwin' }, /docker on macOS/],
    [{ driver: 'podman', platform: 'win32' }, /podman on Windows/],
    [{ driver: 'docker', wsl: true }, /WSL/],
    [{ driver: 'docker', dockerDesktop: true }, /Docker Desktop/],
    [{ driver: 'docker', rootless: true }, /without root/],
    [{ driver: 'podman', rootless: true }, /podman without root/],
    [{ driver: 'docker', remoteEngine: true }, /another host/],
    [{ driver: 'qemu2', network: 'builtin' }, /QEMU/],
    [{ driver: 'qemu', network: 'user' }, /QEMU/],
    [{ driver: 'qemu2', network: '' }, /QEMU/],
    [{ driver: 'qemu2', network: '', platform: 'darwin' }, /QEMU/],
  ])('names it for %j', (changes, reason) => {
    expect(unroutableReason(facts(changes))).toMatch(reason);
  });
});
