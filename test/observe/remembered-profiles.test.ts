import { expect, test } from 'vitest';
import type { Profiles } from '../../src/minikube/profiles.ts';
import { rememberAddresses } from '../../src/observe/remembered-profiles.ts';

function hypervisor() {
  const asked: ((address: string | null) => void)[] = [];
  const profiles: Profiles = {
    config: async () => null,
    list: async () => ['minikube'],
    rest: async () => null,
    tunnels: async () => ({ tunnels: [], problems: [] }),
    ip: () => new Promise((resolve) => asked.push(resolve)),
  };
  let now = 0;
  let changes = 0;
  const remembered = rememberAddresses({ profiles, now: () => now, onChange: () => void changes++ });
  return {
    remembered,
    asked,
    changes: () => changes,
    pass: (ms: number) => {
      now += ms;
    },
  };
}

test('a hypervisor that does not answer holds nobody up', async () => {
  const { remembered, asked } = hypervisor();
  expect(await remembered.ip('minikube')).toBeNull();
  expect(await remembered.ip('minikube')).toBeNull();
  expect(asked).toHaveLength(1);
});

test('what it says is told once it is known, and remembered', async () => {
  const { remembered, asked, changes } = hypervisor();
  await remembered.ip('minikube');
  asked[0]?.('192.168.39.174');
  await Promise.resolve();
  expect(changes()).toBe(1);
  expect(await remembered.ip('minikube')).toBe('192.168.39.174');
  expect(asked).toHaveLength(1);
});

test('it is asked again after a while, and a VM that kept its address is no news', async () => {
  const { remembered, asked, changes, pass } = hypervisor();
  await remembered.ip('minikube');
  asked[0]?.('192.168.39.174');
  await Promise.resolve();
  pass(30_000);
  expect(await remembered.ip('minikube')).toBe('192.168.39.174');
  asked[1]?.('192.168.39.174');
  await Promise.resolve();
  expect(changes()).toBe(1);
});
