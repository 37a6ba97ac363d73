import type { Access } from '../embedded-api/client.ts';

/** A kubeconfig with one context of that name, as anything but minikube writes it. */
export function plainKubeconfig(name: string, { url, ca, clientCert, clientKey }: Access): string {
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': name,
    clusters: [{ name, cluster: { server: url, 'certificate-authority-data': base64(ca) } }],
    users: [
      {
        name,
        user: {
          'client-certificate-data': base64(clientCert),
          'client-key-data': base64(clientKey),
        },
      },
    ],
    contexts: [{ name, context: { cluster: name, user: name } }],
  });
}
