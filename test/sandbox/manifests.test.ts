import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { arrayAt, textAt, textsAt } from '../../src/embedded-api/objects/json.ts';
import { Store } from '../../src/embedded-api/objects/store.ts';
import { Failure } from '../../src/model/diagnostic.ts';
import { formatAddress } from '../../src/model/prefix.ts';
import { DEFAULT_NODES, DEFAULT_SERVICES } from '../../src/sandbox/manifests/defaults.ts';
import { type Manifests, parseManifests, readManifests } from '../../src/sandbox/manifests/manifests.ts';
import { describeSkipped } from '../../src/sandbox/manifests/skipped.ts';
import { seedManifests } from '../../src/sandbox/seeding.ts';

const EXAMPLE = new URL('../../examples/sandbox/', import.meta.url).pathname;

function problemsOf(text: string): { code: string; at: string }[] {
  try {
    parse(text);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return error.diagnostics.map(({ code, at }) => ({ code, at: `${at?.file}:${at?.line}:${at?.column}` }));
  }
  return [];
}

function parse(text: string): Manifests {
  return parseManifests([{ file: 'a.yaml', text }]);
}

function namesOf({ objects }: Manifests): string[] {
  return objects.map(({ kind, object }) => `${kind} ${textAt(object, 'metadata', 'name')}`);
}

const NODE = `apiVersion: v1
kind: Node
metadata: { name: a }
spec: { podCIDRs: [10.244.0.0/24] }
status: { addresses: [{ type: InternalIP, address: 192.168.49.2 }] }
`;

const SERVICE = 'apiVersion: v1\nkind: Service\nmetadata: { name: web }\nspec: { ports: [{ port: 80 }] }\n';

let directory = '';
afterEach(async () => {
  if (directory !== '') await rm(directory, { recursive: true });
  directory = '';
});

/** A repository of the given files. */
async function repository(files: Readonly<Record<string, string>>): Promise<string> {
  directory = await mkdtemp(join(tmpdir(), 'mkplan-test-manifests-'));
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(directory, name)), { recursive: true });
    await writeFile(join(directory, name), text);
  }
  return directory;
}

describe('manifests', () => {
  it('are by default those of examples/sandbox, whose tunnel.yaml is left aside', async () => {
    for (const { file, text } of [DEFAULT_NODES, DEFAULT_SERVICES]) {
      expect(await readFile(`${EXAMPLE}${file}`, 'utf8')).toBe(text);
    }
    const [example, builtIn] = [await readManifests(EXAMPLE), await readManifests(null)];
    const object = ({ object: value }: Manifests['objects'][number]) => value;
    expect(example.objects.map(object)).toEqual(builtIn.objects.map(object));
    expect(example.nodes).toEqual(builtIn.nodes);
    expect(example.skipped).toEqual([]);
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
    expect(parse(NODE).nodes.map((node) => node.controlPlane)).toEqual([true]);
  });

  it('name file, line and column of everything that is wrong in a kind that is used', () => {
    expect(problemsOf('kind: Service\na: [1')).toEqual([{ code: 'manifest-invalid', at: 'a.yaml:2:6' }]);
    for (const wrong of [
      NODE.replace('192.168.49.2', '192.168.49'),
      NODE.replace('10.244.0.0/24', '10.244.0.1/24'),
      NODE.replace('InternalIP', 'Hostname'),
      NODE.replace('{ name: a }', '{}'),
      NODE.replace('apiVersion: v1', 'apiVersion: v2'),
      NODE.replace('apiVersion: v1', 'x: y'),
    ]) {
      expect(problemsOf(wrong), wrong).toEqual([{ code: 'manifest-invalid', at: 'a.yaml:1:1' }]);
    }
    expect(problemsOf(`${NODE}---\n${NODE.replace('name: a', 'name: b')}`)).toEqual([
      { code: 'manifest-invalid', at: 'a.yaml:7:1' },
    ]);
    const list = 'apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Service, metadata: {}}\n';
    expect(problemsOf(list)).toEqual([{ code: 'manifest-invalid', at: 'a.yaml:4:3' }]);
  });

  it('name file and line of every object that the API refuses', () => {
    const text = `${NODE}---\n${SERVICE.replace('port: 80', 'port: 70000')}---\n${SERVICE.replace('web', 'Web')}`;
    const { objects } = parse(text);
    const store = new Store({ serviceCidrs: ['10.96.0.0/12'], historyLimit: 10, now: () => new Date(0) });
    const told = (): Failure | null => {
      try {
        seedManifests(store, objects);
        return null;
      } catch (error) {
        return error as Failure;
      }
    };
    expect(told()?.diagnostics).toMatchObject([
      { summary: expect.stringContaining('spec.ports[0].port'), at: { file: 'a.yaml', line: 7, column: 1 } },
      { summary: expect.stringContaining('metadata.name'), at: { file: 'a.yaml', line: 12, column: 1 } },
    ]);
  });

  it('fail clearly where there are none to read', async () => {
    await expect(readManifests('/nonexistent/manifests')).rejects.toMatchObject({
      diagnostics: [{ code: 'manifest-unreadable' }],
    });
    await expect(readManifests(await repository({ 'README.md': '# hello' }))).rejects.toMatchObject({
      diagnostics: [{ code: 'manifest-unreadable' }],
    });
  });
});

describe('the networks of manifests', () => {
  const SERVICE_CIDR =
    'apiVersion: networking.k8s.io/v1\nkind: ServiceCIDR\nmetadata: {name: kubernetes}\nspec: {cidrs: [10.50.0.0/16]}\n';
  const kubeadm = (networking: string) => `apiVersion: v1
kind: ConfigMap
metadata: { name: kubeadm-config, namespace: kube-system }
data:
  ClusterConfiguration: |
    kind: ClusterConfiguration
    networking: ${networking}
`;

  it('are those of ServiceCIDR objects', () => {
    expect(parse(SERVICE_CIDR).serviceCidrs).toEqual(['10.50.0.0/16']);
  });

  it("are those of kubeadm's record, which default Nodes move into", () => {
    const manifests = parse(kubeadm('{ podSubnet: 10.100.0.0/16, serviceSubnet: 10.60.0.0/16 }'));
    expect(manifests.serviceCidrs).toEqual(['10.60.0.0/16']);
    expect(manifests.objects.map(({ object }) => textsAt(object, 'spec', 'podCIDRs'))).toEqual([
      ['10.100.0.0/24'],
      ['10.100.1.0/24'],
      [],
    ]);
    expect(namesOf(manifests)).toEqual(['Node minikube', 'Node minikube-m02', 'ConfigMap kubeadm-config']);
    const both = parse(
      kubeadm('{ podSubnet: "10.100.0.0/24,fd01::/48", serviceSubnet: "10.60.0.0/16,fd02::/112" }'),
    );
    expect(both.serviceCidrs).toEqual(['10.60.0.0/16', 'fd02::/112']);
    expect(textsAt(both.objects[1]?.object, 'spec', 'podCIDRs')).toEqual([
      '10.100.0.128/25',
      'fd01:0:0:1::/64',
    ]);
  });

  it("leave Nodes of the manifests alone, and put ServiceCIDR objects before kubeadm's record", () => {
    const text = `${NODE}---\n${SERVICE_CIDR}---\n${kubeadm('{ podSubnet: 10.100.0.0/16, serviceSubnet: 10.60.0.0/16 }')}`;
    expect(parse(text).serviceCidrs).toEqual(['10.50.0.0/16']);
    expect(textsAt(parse(text).objects[0]?.object, 'spec', 'podCIDRs')).toEqual(['10.244.0.0/24']);
  });

  it('are refused where they are not networks', () => {
    for (const wrong of ['{ serviceSubnet: 10.60.0.1/16 }', '{ podSubnet: here }', '[']) {
      expect(problemsOf(kubeadm(wrong)), wrong).toEqual([{ code: 'manifest-invalid', at: 'a.yaml:1:1' }]);
    }
  });
});

describe('what the sandbox has no use for', () => {
  const skippedOf = (text: string) => describeSkipped(parse(text).skipped);

  it.each([
    [
      'a Deployment',
      'apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: x }\n',
      '1 object: 1 Deployment',
    ],
    [
      'an Ingress, twice',
      '{kind: Ingress, metadata: {name: a}}\n---\n{kind: Ingress, metadata: {name: b}}',
      '2 objects: 2 Ingresses',
    ],
    [
      'a NetworkPolicy, twice',
      'kind: NetworkPolicy\n---\nkind: NetworkPolicy\n',
      '2 objects: 2 NetworkPolicies',
    ],
    ['a ConfigMap', '{apiVersion: v1, kind: ConfigMap, metadata: {name: x}}', '1 object: 1 ConfigMap'],
    [
      "another group's Service",
      '{apiVersion: serving.knative.dev/v1, kind: Service, metadata: {name: x}}',
      '1 object: 1 Service of serving.knative.dev/v1',
    ],
    ['a broken Deployment', 'kind: Deployment\na: [1', '1 object: 1 Deployment'],
    ['values', 'image: nginx\nreplicas: 2\n', '1 object: 1 document without a kind'],
    ['a list of patches', '- op: replace\n  path: /x\n', '1 object: 1 document without a kind'],
    ['plain text', 'just text', '1 object: 1 document without a kind'],
    ['a kind with control characters', 'kind: "a\\e[31m"', '1 object: 1 document without a kind'],
    ['a template', 'kind: Service\nmetadata:\n  name: {{ .Values.name }}\n', '1 object: 1 template (a.yaml)'],
    [
      'a template that is not YAML',
      '{{- if .Values.on }}\nkind: Service\n{{- end }}\n',
      '1 object: 1 template (a.yaml)',
    ],
    ['a Service of the same name', `${SERVICE}---\n${SERVICE}`, '1 object: 1 duplicate (a.yaml)'],
  ])('is counted: %s', (_, text, expected) => {
    expect(skippedOf(text)).toBe(expected);
  });

  it.each([
    ['comments alone', '# nothing\n'],
    ['nothing', ''],
    ['empty documents', '---\n---\n'],
    ['a tunnel.yaml', 'apiVersion: mkplan/v1alpha1\nkind: Tunnel\n'],
    ['a local file', 'kind: X\nmetadata: { annotations: { config.kubernetes.io/local-config: "true" } }\n'],
    ['a templated value in a used kind', `${SERVICE}# {{ a comment }}\n`],
  ])('is not %s', (_, text) => {
    expect(parse(text).skipped).toEqual([]);
  });

  it('is found among the items of lists, typed ones too', () => {
    const items = `[{apiVersion: v1, kind: Service, metadata: {name: x}}, {kind: Secret}, {kind: List, items: [{kind: Secret}]}]`;
    const list = parse(`{apiVersion: v1, kind: List, items: ${items}}`);
    expect([namesOf(list).at(-1), describeSkipped(list.skipped)]).toEqual([
      'Service x',
      '2 objects: 2 Secrets',
    ]);
    const typed = parse('{apiVersion: v1, kind: ServiceList, items: [{metadata: {name: y}}]}');
    expect(namesOf(typed).at(-1)).toBe('Service y');
  });

  it('is counted in one line, the most numerous first, however many kinds there are', () => {
    const kinds = Array.from({ length: 12 }, (_, index) => `Kind${String.fromCharCode(65 + index)}`);
    const text = [...kinds, 'KindC'].map((kind) => `kind: ${kind}\n`).join('---\n');
    expect(skippedOf(text)).toMatch(/^13 objects: 2 KindCs, 1 KindA, .*, 4 of other kinds$/);
  });

  it('is found in a repository as it comes, and never keeps the Services from being used', async () => {
    const root = await repository({
      'README.md': '# mine',
      'k8s/base/service.yaml': SERVICE,
      'k8s/base/deployment.json': '{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"x"}}',
      'k8s/overlays/prod/service.yaml':
        'apiVersion: v1\nkind: Service\nmetadata: { name: web }\nspec: { type: NodePort }\n',
      'k8s/overlays/prod/kustomization.yaml': 'resources: [../../base]\n',
      'chart/Chart.yaml': 'apiVersion: v2\nname: chart\nversion: 0.1.0\n',
      'chart/values.yaml': 'name: x\n',
      'chart/templates/_helpers.tpl': '{{ define "x" }}',
      'chart/templates/service.yaml': SERVICE.replace('web', '"{{ .Release.Name }}"'),
      'crds/large.yaml': `kind: CustomResourceDefinition\nx: ${'y'.repeat(1024 * 1024)}\n`,
      'node_modules/x/service.yaml': SERVICE.replace('web', 'foreign'),
      '.github/workflows/ci.yaml': 'on: push\n',
    });
    await symlink(root, join(root, 'loop.yaml'));
    await symlink(root, join(root, 'loop'));
    const manifests = await readManifests(root);
    expect(namesOf(manifests).filter((name) => name.startsWith('Service'))).toEqual(['Service web']);
    expect(describeSkipped(manifests.skipped)).toBe(
      '7 objects: 2 documents without a kind, 1 Deployment, 1 Kustomization, 1 duplicate (k8s/overlays/prod/service.yaml), 1 file over 1 MiB (crds/large.yaml), 1 template (chart/templates/service.yaml)',
    );
    expect(namesOf(await readManifests(join(root, 'k8s/base/service.yaml'))).at(-1)).toBe('Service web');
  });

  it('is not a pipe, which is refused at once', async () => {
    const root = await repository({});
    execFileSync('mkfifo', [join(root, 'pipe.yaml')]);
    for (const path of [root, join(root, 'pipe.yaml')]) {
      await expect(readManifests(path)).rejects.toMatchObject({
        diagnostics: [{ code: 'manifest-unreadable', summary: expect.stringContaining('it is a pipe') }],
      });
    }
  });
});
