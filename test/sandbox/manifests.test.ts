import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { arrayAt, textAt } from '../../src/embedded-api/objects/json.ts';
import { Failure } from '../../src/model/diagnostic.ts';
import { formatAddress } from '../../src/model/prefix.ts';
import { DEFAULT_NODES, DEFAULT_SERVICES } from '../../src/sandbox/default-manifests.ts';
import { parseManifests, readManifests } from '../../src/sandbox/manifests.ts';

const EXAMPLE = new URL('../../examples/sandbox/', import.meta.url).pathname;

function problemsOf(text: string): { code: string; at: string }[] {
  try {
    parseManifests([{ file: 'a.yaml', text }]);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return error.diagnostics.map(({ code, at }) => ({ code, at: `${at?.file ?? ''}:${at?.line ?? 0}` }));
  }
  return [];
}

const NODE = `apiVersion: v1
kind: Node
metadata: { name: a }
spec: { podCIDRs: [10.244.0.0/24] }
status: { addresses: [{ type: InternalIP, address: 192.168.49.2 }] }
`;

describe('manifests', () => {
  it('are by default those of examples/sandbox, whose tunnel.yaml is left aside', async () => {
    for (const { file, text } of [DEFAULT_NODES, DEFAULT_SERVICES]) {
      expect(await readFile(`${EXAMPLE}${file}`, 'utf8')).toBe(text);
    }
    expect(await readManifests(EXAMPLE)).toEqual(await readManifests(null));
  });

  it('give nodes with their addresses, pod networks and role, Ready unless they say otherwise', () => {
    const { nodes, objects, serviceCidrs } = parseManifests([DEFAULT_NODES]);
    expect(nodes.map((node) => [node.name, node.internalIps.map(formatAddress), node.controlPlane])).toEqual([
      ['minikube', ['192.168.49.2'], true],
      ['minikube-m02', ['192.168.49.3'], false],
    ]);
    expect(arrayAt(objects[0]?.object, 'status', 'conditions').map((entry) => textAt(entry, 'type'))).toEqual(
      ['Ready'],
    );
    expect(serviceCidrs).toEqual(['10.96.0.0/12']);
  });

  it('take the default nodes where there are none, and the first as control plane where none is named', () => {
    expect(parseManifests([DEFAULT_SERVICES]).nodes).toHaveLength(2);
    expect(parseManifests([{ file: 'a.yaml', text: NODE }]).nodes.map((node) => node.controlPlane)).toEqual([
      true,
    ]);
  });

  it('take the service network from ServiceCIDR objects, and the items of a List', () => {
    const cidr =
      'apiVersion: networking.k8s.io/v1\nkind: ServiceCIDR\nmetadata: {name: kubernetes}\nspec: {cidrs: [10.50.0.0/16]}\n';
    expect(parseManifests([{ file: 'a.yaml', text: cidr }]).serviceCidrs).toEqual(['10.50.0.0/16']);
    const list =
      'apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Namespace, metadata: {name: x}}\n';
    expect(parseManifests([{ file: 'a.yaml', text: list }]).objects.at(-1)?.kind).toBe('Namespace');
  });

  it('name file and line of everything that cannot be served', () => {
    const deployment = `${NODE}---\napiVersion: apps/v1\nkind: Deployment\nmetadata: { name: x }\n---\njust text\n`;
    expect(problemsOf(deployment)).toEqual([
      { code: 'manifest-unsupported', at: 'a.yaml:7' },
      { code: 'manifest-invalid', at: 'a.yaml:11' },
    ]);
    expect(problemsOf('a: [1')).toEqual([{ code: 'manifest-invalid', at: 'a.yaml:1' }]);
    expect(problemsOf(NODE.replace('192.168.49.2', '192.168.49'))).toMatchObject([
      { code: 'manifest-invalid' },
    ]);
    expect(problemsOf(NODE.replace('10.244.0.0/24', '10.244.0.1/24'))).toMatchObject([
      { code: 'manifest-invalid' },
    ]);
    expect(problemsOf(NODE.replace('InternalIP', 'Hostname'))).toMatchObject([{ code: 'manifest-invalid' }]);
    expect(problemsOf(`${NODE}---\n${NODE.replace('name: a', 'name: b')}`)).toEqual([
      { code: 'manifest-invalid', at: 'a.yaml:7' },
    ]);
  });

  it('fail clearly where the directory is missing', async () => {
    await expect(readManifests('/nonexistent/manifests')).rejects.toMatchObject({
      diagnostics: [{ code: 'manifest-unreadable' }],
    });
  });
});
