import { textAt } from '../embedded-api/objects/json.ts';
import type { Author } from '../embedded-api/objects/managed-fields.ts';
import { StatusError } from '../embedded-api/objects/status-error.ts';
import type { Store } from '../embedded-api/objects/store.ts';
import { NAMESPACES, resourceOfKind } from '../embedded-api/resources.ts';
import { type Diagnostic, Failure } from '../model/diagnostic.ts';
import type { Manifest } from './manifests/manifests.ts';

/** Who wrote what the manifests hold. */
const AUTHOR: Author = { manager: 'kubectl', subresource: '' };

/** Namespaces first, then Services that name their clusterIP, so that no other Service is given it before. */
function rank(manifest: Manifest): number {
  if (manifest.kind === 'Namespace') return 0;
  return manifest.kind === 'Service' && textAt(manifest.object, 'spec', 'clusterIP') === undefined ? 2 : 1;
}

function seed(store: Store, manifest: Manifest): void {
  const resource = resourceOfKind(manifest.apiVersion, manifest.kind);
  if (resource === undefined) return;
  const name = textAt(manifest.object, 'metadata', 'name') ?? '';
  const namespace = resource.namespaced
    ? (textAt(manifest.object, 'metadata', 'namespace') ?? 'default')
    : '';
  const home = { resource: NAMESPACES, namespace: '', name: namespace };
  if (namespace !== '' && store.find(home) === undefined)
    store.seed(NAMESPACES, { metadata: { name: namespace } }, AUTHOR);
  // A cluster that was recorded whole has what every cluster has from the start.
  if (store.find({ resource, namespace, name }) !== undefined) return;
  store.seed(resource, manifest.object, AUTHOR);
}

function refused({ kind, object, at }: Manifest, { message }: StatusError): Diagnostic {
  return {
    code: 'manifest-invalid',
    severity: 'error',
    summary: message,
    cause: `the API refuses ${kind} ${textAt(object, 'metadata', 'name') ?? ''}, as a cluster would`,
    fix: 'Correct the manifest.',
    at,
  };
}

/** Fills a store with the objects of manifests. Throws a Failure that names every object that the API refuses. */
export function seedManifests(store: Store, manifests: readonly Manifest[]): void {
  const problems: Diagnostic[] = [];
  for (const manifest of [...manifests].sort((a, b) => rank(a) - rank(b))) {
    try {
      seed(store, manifest);
    } catch (error) {
      if (!(error instanceof StatusError)) throw error;
      problems.push(refused(manifest, error));
    }
  }
  if (problems.length > 0) throw new Failure('error', problems);
}
