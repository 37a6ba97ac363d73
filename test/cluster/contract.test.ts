import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createHost } from '../kernel/netns.ts';
import { describeContract } from './contract.ts';
import { ControlPlane } from './control-plane.ts';
import { clusterRefused } from './programs.ts';

describeContract('the real kube-apiserver', clusterRefused, async () => {
  const directory = await mkdtemp(join(tmpdir(), 'mkplan-contract-'));
  const host = await createHost();
  await host.must(['ip', 'address', 'add', '192.168.39.10/24', 'dev', 'lo']);
  const controlPlane = await ControlPlane.start({
    namespace: host,
    address: '192.168.39.10',
    directory,
    serviceCidrs: ['10.96.0.0/12'],
  });
  return {
    client: controlPlane.client,
    forgetHistory: () => controlPlane.forgetHistory(),
    async close() {
      controlPlane.close();
      await host.close();
      await rm(directory, { recursive: true });
    },
  };
});
