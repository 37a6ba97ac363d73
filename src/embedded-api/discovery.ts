import type { Json, JsonObject } from './objects/json.ts';
import { RESOURCES, type Resource } from './resources.ts';

/** The Kubernetes release that the embedded API is held against. */
export const KUBERNETES_VERSION = 'v1.34.4';

const VERBS = ['create', 'delete', 'get', 'list', 'patch', 'update', 'watch'];

function describe(resource: Resource): Json[] {
  const common = { singularName: resource.singular, namespaced: resource.namespaced, kind: resource.kind };
  const shortNames = resource.shortNames.length === 0 ? {} : { shortNames: resource.shortNames };
  const own = { name: resource.plural, ...common, verbs: VERBS, ...shortNames };
  const status = {
    name: `${resource.plural}/status`,
    ...common,
    singularName: '',
    verbs: ['get', 'patch', 'update'],
  };
  return resource.status ? [own, status] : [own];
}

function resourceList(group: string): JsonObject {
  const groupVersion = group === '' ? 'v1' : `${group}/v1`;
  const resources = RESOURCES.filter((resource) => resource.group === group).flatMap(describe);
  if (group !== REVIEW_GROUP) return { kind: 'APIResourceList', apiVersion: 'v1', groupVersion, resources };
  const review = {
    name: 'selfsubjectaccessreviews',
    singularName: 'selfsubjectaccessreview',
    namespaced: false,
    kind: 'SelfSubjectAccessReview',
    verbs: ['create'],
  };
  return { kind: 'APIResourceList', apiVersion: 'v1', groupVersion, resources: [review] };
}

function group(name: string): JsonObject {
  const version = { groupVersion: `${name}/v1`, version: 'v1' };
  return { name, versions: [version], preferredVersion: version };
}

function versionInfo(): JsonObject {
  const [, minor = ''] = KUBERNETES_VERSION.split('.');
  return {
    major: '1',
    minor,
    gitVersion: KUBERNETES_VERSION,
    gitCommit: '',
    gitTreeState: 'clean',
    buildDate: '1970-01-01T00:00:00Z',
    goVersion: '',
    compiler: '',
    platform: 'linux/amd64',
  };
}

/** Served without a resource that is stored. */
const REVIEW_GROUP = 'authorization.k8s.io';

function groupNames(): string[] {
  const names = RESOURCES.map((resource) => resource.group).filter((name) => name !== '');
  return [...new Set([...names, REVIEW_GROUP])].sort();
}

/** Whether a path is of a group that is served; kube-apiserver knows nothing of any other, not even how to say so. */
export function isServedGroup(path: string): boolean {
  const [, root, name] = path.split('/');
  if (root === 'api') return true;
  return root === 'apis' ? name === undefined || groupNames().includes(name) : true;
}

/** What clients ask to find out what is served: /version, /api, /apis and below; undefined for any other path. */
export function discover(path: string): JsonObject | undefined {
  const groups = groupNames();
  if (path === '/version') return versionInfo();
  if (path === '/api') return { kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: [] };
  if (path === '/api/v1') return resourceList('');
  if (path === '/apis') return { kind: 'APIGroupList', apiVersion: 'v1', groups: groups.map(group) };
  for (const name of groups) {
    if (path === `/apis/${name}`) return { kind: 'APIGroup', apiVersion: 'v1', ...group(name) };
    if (path === `/apis/${name}/v1`) return resourceList(name);
  }
  return undefined;
}
