import { describeLeaving } from './leaving.ts';
import { startLoneControlPlane } from './lone-control-plane.ts';
import { clusterRefused } from './programs.ts';

describeLeaving('the real kube-apiserver', clusterRefused, async () => {
  const { controlPlane, close } = await startLoneControlPlane();
  return { access: controlPlane.access, close };
});
