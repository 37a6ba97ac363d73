import { startLoneControlPlane } from './lone-control-plane.ts';
import { clusterRefused } from './programs.ts';
import { describeSuspension } from './suspension.ts';

describeSuspension('the real kube-apiserver', clusterRefused, async () => {
  const { controlPlane, close } = await startLoneControlPlane();
  return { access: controlPlane.access, close };
});
