import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createHost } from '../kernel/netns.ts';
import { ControlPlane } from './control-plane.ts';

/** A control plane without nodes. */
export interface LoneControlPlane {
  readonly controlPlane: ControlPlane;
  /** Files for the test; removed with it. */
  readonly directory: string;
  close(): Promise<void>;
}

/** Starts a control plane in a namespace of its own. Leaves nothing behind when that fails. */
export async function startLoneControlPlane(): Promise<LoneControlPlane> {
  const directory = await mkdtemp(join(tmpdir(), 'mkplan-control-plane-'));
  const namespace = await createHost();
  const end = async (): Promise<void> => {
    await namespace.close();
    await rm(directory, { recursive: true });
  };
  try {
    const address = '192.168.39.10';
    await namespace.must(['ip', 'address', 'add', `${address}/24`, 'dev', 'lo']);
    const serviceCidrs = ['10.96.0.0/12'];
    const controlPlane = await ControlPlane.start({ namespace, address, directory, serviceCidrs });
    const close = async (): Promise<void> => {
      controlPlane.close();
      await end();
    };
    return { controlPlane, directory, close };
  } catch (error) {
    await end();
    throw error;
  }
}
