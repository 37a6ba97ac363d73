import { describeWatching } from '../faults/watching.ts';
import { startLoneControlPlane } from './lone-control-plane.ts';
import { clusterRefused } from './programs.ts';

describeWatching('a watch of the real kube-apiserver', clusterRefused, async () => {
  const { controlPlane, close } = await startLoneControlPlane();
  const { client, access } = controlPlane;
  return { client, access, forgetHistory: () => controlPlane.forgetHistory(), close };
});
