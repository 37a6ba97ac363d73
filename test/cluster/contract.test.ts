import { describeContract } from './contract.ts';
import { startLoneControlPlane } from './lone-control-plane.ts';
import { clusterRefused } from './programs.ts';

describeContract('the real kube-apiserver', clusterRefused, async () => {
  const { controlPlane, close } = await startLoneControlPlane();
  return { client: controlPlane.client, forgetHistory: () => controlPlane.forgetHistory(), close };
});
