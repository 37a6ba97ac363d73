import { KUBERNETES_VERSION } from './discovery.ts';
import type { JsonObject } from './objects/json.ts';
import { apiVersionOf, RESOURCES, type Resource } from './resources.ts';

/**
 * As much of the OpenAPI v3 documents as kubectl reads before it writes: that PATCH takes `fieldValidation`, which
 * tells it to leave validation to the server. There are no schemas in them.
 */

function pathOf(resource: Resource): string {
  const root = resource.group === '' ? 'api' : 'apis';
  const scope = resource.namespaced ? 'namespaces/{namespace}/' : '';
  return `/${root}/${apiVersionOf(resource)}/${scope}${resource.plural}/{name}`;
}

function patchOperation(resource: Resource): JsonObject {
  const { group, version, kind } = resource;
  return {
    patch: {
      parameters: [{ name: 'fieldValidation', in: 'query', schema: { type: 'string' } }],
      responses: {},
      'x-kubernetes-action': 'patch',
      'x-kubernetes-group-version-kind': { group, version, kind },
    },
  };
}

/** The document at a path below /openapi/v3; undefined where there is none. */
export function describeOpenApi(path: string): JsonObject | undefined {
  const groupVersions = [...new Set(RESOURCES.map(apiVersionOf))];
  const keyOf = (groupVersion: string): string =>
    groupVersion.includes('/') ? `apis/${groupVersion}` : `api/${groupVersion}`;
  if (path === '/openapi/v3') {
    return {
      paths: Object.fromEntries(
        groupVersions.map((name) => [keyOf(name), { serverRelativeURL: `/openapi/v3/${keyOf(name)}` }]),
      ),
    };
  }
  const groupVersion = groupVersions.find((name) => path === `/openapi/v3/${keyOf(name)}`);
  if (groupVersion === undefined) return undefined;
  const served = RESOURCES.filter((resource) => apiVersionOf(resource) === groupVersion);
  return {
    openapi: '3.0.0',
    info: { title: 'Kubernetes', version: KUBERNETES_VERSION },
    paths: Object.fromEntries(served.map((resource) => [pathOf(resource), patchOperation(resource)])),
  };
}
