import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { parse } from 'yaml';
import type { DesiredState } from '../../../src/model/desired.ts';
import { decodeObserved, encodeObserved, printObserved } from '../../../src/observe/document.ts';
import { parseSpec } from '../../../src/spec/parse.ts';
import { type Json, UNKNOWN_KEY } from '../mutate.ts';
import { mustBeHostAddress, mustBeRoute } from '../shape.ts';
import { must, type Target, textInputs, tried } from '../target.ts';

const example = (name: string, file = 'tunnel.yaml') => readFileSync(join('examples', name, file), 'utf8');

const FULL = `apiVersion: mkplan/v1alpha1
kind: Tunnel
metadata: { name: dev, annotations: { a.example/b: "true" } }
spec:
  conflictPolicy: abort
  profiles:
    - name: minikube
      context: other
      via: auto
      gateway: { ipv4: 192.168.39.2, ipv6: fd00:39::2 }
      cidrs: { services: [10.96.0.0/12, { cidr: "fd00:96::/112", conflictPolicy: skip }], pods: auto }
      loadBalancer:
        assign: pool
        pool: [10.200.0.0/24, 10.201.0.10-10.201.0.50]
        exclude: [10.200.0.1]
        class: mkplan/tunnel
        unclassed: auto
        reservations: { default/nginx: 10.200.0.10 }
`;

const SPECS = [FULL, example('kvm'), example('two-clusters'), example('hyperv'), example('vpn')];

const readJson = (text: string) => parse(text) as Json;

const isTunnel = new Ajv2020({ strict: true, allowUnionTypes: true }).compile(
  JSON.parse(readFileSync('schema/tunnel.schema.json', 'utf8')) as object,
);

/** Without positions, which another layout changes. */
function withoutPositions(desired: DesiredState): unknown {
  return JSON.parse(
    JSON.stringify(desired, (key, value: unknown) => {
      if (key === 'at') return undefined;
      if (typeof value === 'bigint') return value.toString();
      return value instanceof Map ? [...(value as Map<unknown, unknown>)] : value;
    }),
  );
}

const spec: Target = {
  name: 'spec',
  make: textInputs(SPECS, SPECS.map(readJson)),
  read: (input) => {
    const text = input.toString('utf8');
    const found = tried(() => parseSpec(text, 'tunnel.yaml'));
    if (found === null) return false;
    const value: unknown = parse(text);
    must(isTunnel(value), `accepted against the schema: ${JSON.stringify(isTunnel.errors?.[0])}`);
    const again = parseSpec(JSON.stringify(value, null, 1), 'tunnel.yaml');
    must(
      isDeepStrictEqual(withoutPositions(again.desired), withoutPositions(found.value.desired)),
      'the same values, written as JSON, are another spec',
    );
    return true;
  },
};

const OVERLAYS = [
  'spec: { profiles: [{ name: minikube, gateway: 192.168.39.9 }] }\n',
  'spec:\n  conflictPolicy: skip\n  profiles:\n    - name: minikube\n      context: laptop\n      loadBalancer: { pool: [10.203.0.0/24], exclude: [], reservations: {} }\n',
];

const overlay: Target = {
  name: 'overlay',
  make: textInputs(OVERLAYS, OVERLAYS.map(readJson)),
  read: (input) => {
    const text = input.toString('utf8');
    const found = tried(() => parseSpec(FULL, 'tunnel.yaml', { text, file: 'tunnel.local.yaml' }));
    if (found === null) return false;
    must(!hasUnknownKey(parse(text)), 'an unknown key was accepted');
    const value: unknown = parse(text);
    if (value === null) return true;
    const json = { text: JSON.stringify(value), file: 'tunnel.local.yaml' };
    const again = parseSpec(FULL, 'tunnel.yaml', json);
    must(
      isDeepStrictEqual(withoutPositions(again.desired), withoutPositions(found.value.desired)),
      'as JSON it is another',
    );
    return true;
  },
};

/** Maps whose keys are names of the user's. */
const DICTIONARIES = new Set(['annotations', 'labels', 'reservations', 'readyByNode']);

function hasUnknownKey(value: unknown): boolean {
  if (Array.isArray(value)) return value.some(hasUnknownKey);
  if (typeof value !== 'object' || value === null) return false;
  return Object.entries(value).some(
    ([key, inner]) => key === UNKNOWN_KEY || (!DICTIONARIES.has(key) && hasUnknownKey(inner)),
  );
}

/** Something of everything, and little of each: most of the time goes into reading YAML. */
const OBSERVATIONS = [
  `apiVersion: mkplan/v1alpha1
kind: Observation
host:
  platform: linux
  networkNamespace: "4026531840"
  links: [{ name: eth0, up: false }]
  addresses: [{ address: 192.168.39.1/24, device: virbr1 }]
  rules:
    - { family: 4, priority: 100, action: prohibit, to: 10.9.0.0/16, selector: to 10.9.0.0/16 prohibit }
    - { family: 6, priority: 32766, table: 254, suppressPrefixLength: 0 }
  routes:
    - { destination: 0.0.0.0/0, gateway: 192.168.0.1, device: eth0, metric: 600, protocol: 16 }
    - { destination: "fd00::/64", type: unreachable, device: lo, nextHops: [{ device: a, weight: 1 }] }
  answers: [{ address: 10.96.0.1, gateway: 192.168.0.1 }]
  critical: [{ kind: dns-server, address: 192.168.0.1, detail: /etc/resolv.conf }]
`,
  `apiVersion: mkplan/v1alpha1
kind: Observation
host: { platform: linux }
registry:
  claims:
    - profile: minikube
      purpose: services
      created: "2026-01-01T00:00:00Z"
      route: { destination: 10.96.0.0/12, gateway: 192.168.39.2, device: virbr1, metric: 109, protocol: 109 }
      owner: { spec: /p, mode: persistent, pid: 1, startTime: "2", bootId: b, networkNamespace: "3" }
profiles:
  - name: minikube
    config: { driver: kvm2, nodes: [{ name: minikube, ip: 192.168.39.2, controlPlane: true }] }
    context: { name: minikube, server: "https://192.168.39.2:8443", fromMinikube: true }
    cluster:
      version: v1.34.0
      nodes: [{ name: minikube, internalIps: [192.168.39.2], podCidrs: [10.244.0.0/24] }]
      endpoints: [{ namespace: default, service: web, readyByNode: { minikube: 1 } }]
      missingRights: [list pods]
`,
];

const observation: Target = {
  name: 'observation',
  make: textInputs(OBSERVATIONS, OBSERVATIONS.map(readJson)),
  read: (input) => {
    const text = input.toString('utf8');
    const found = tried(() => decodeObserved(text, 'observed.yaml'));
    if (found === null) return false;
    const { host } = found.value;
    host.routes.forEach(mustBeRoute);
    host.addresses.forEach(mustBeHostAddress);
    must(!hasUnknownKey(parse(text)), 'an unknown key was accepted');
    const again = decodeObserved(printObserved(encodeObserved(found.value)), 'again.yaml');
    must(isDeepStrictEqual(again, found.value), 'the observation reads back otherwise');
    return true;
  },
};

export const SPEC: readonly Target[] = [spec, overlay, observation];
