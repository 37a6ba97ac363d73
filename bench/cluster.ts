import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Credentials, writeSandboxFiles } from '../src/sandbox/files.ts';

export const PROFILE = 'minikube';
export const SERVICE_CIDRS: readonly string[] = ['10.96.0.0/12'];
export const POD_CIDR = '10.244.0.0/24';

/** Writes a profile and a kubeconfig as minikube leaves them, and `credentials.json` for the programs of this folder. */
export async function writeUserFiles(
  directory: string,
  address: string,
  { url, ca, clientCert, clientKey }: Credentials,
): Promise<void> {
  const node = {
    name: PROFILE,
    device: '',
    addresses: [`${address}/24`],
    gateways: [],
    podCidrs: [POD_CIDR],
    controlPlane: true,
  };
  await writeSandboxFiles(
    {
      directory,
      profile: PROFILE,
      context: PROFILE,
      topology: { hostAddresses: [], nodes: [node], lan: { address: '', gateway: '' } },
      serviceCidrs: SERVICE_CIDRS,
      objects: [],
      command: ['true'],
      commandEnv: {},
      mkplan: null,
      self: ['true'],
    },
    { url, ca, clientCert, clientKey },
    new Date(),
  );
  await writeFile(
    join(directory, 'credentials.json'),
    JSON.stringify({ url, ca, cert: clientCert, key: clientKey }),
  );
}
