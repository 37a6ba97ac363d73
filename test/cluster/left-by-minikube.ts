import { textAt } from '../../src/embedded-api/objects/json.ts';
import type { TestClient } from '../embedded-api/client.ts';

/**
 * Shows the ClusterIP of a Service as its ingress, as `minikube tunnel` v1.38.1 does: by a JSON patch of its status, with no
 * field manager named, so that the API server takes the program's name for one. Returns the ClusterIP.
 */
export async function leaveAsMinikube(
  client: TestClient,
  service: string,
  program = 'minikube',
): Promise<string> {
  const ip = textAt((await client.get(service)).body, 'spec', 'clusterIP') ?? '';
  const { code, body } = await client.send(
    'PATCH',
    `${service}/status`,
    [{ op: 'add', path: '/status/loadBalancer/ingress', value: [{ ip }] }],
    'application/json-patch+json',
    { 'User-Agent': `${program}/v0.0.0 (linux/amd64) kubernetes/$Format` },
  );
  if (code !== 200) throw new Error(`the status was not patched: ${JSON.stringify(body)}`);
  return ip;
}
