import {
  checkName,
  checkPlace,
  nameNew,
  prepareReplacement,
  setDefaults,
  stampChanged,
  stampNew,
} from '../admission/admission.ts';
import { ClusterIpAllocator } from '../admission/cluster-ips.ts';
import { NodePortAllocator, nodePortsOf } from '../admission/node-ports.ts';
import { checkObject } from '../admission/rules.ts';
import {
  clusterIpsOf,
  finishChangedService,
  prepareNewService,
  type ServiceAllocators,
} from '../admission/services.ts';
import { type Location, NAMESPACES, type Resource, SERVICES } from '../resources.ts';
import {
  arrayAt,
  type Json,
  type JsonObject,
  type KubeObject,
  objectAt,
  sameJson,
  textAt,
  without,
} from './json.ts';
import { type Author, applyConfiguration, trackUpdate, type Writer } from './managed-fields.ts';
import { Objects } from './objects.ts';
import {
  alreadyExists,
  badRequest,
  conflict,
  invalid,
  MODIFIED,
  notFound,
  preconditionFailed,
  StatusError,
} from './status-error.ts';

export interface StoreOptions {
  /** Canonical CIDRs, the first family being the cluster's default. */
  readonly serviceCidrs: readonly string[];
  /** How many changes a watch can resume over, at least. */
  readonly historyLimit: number;
  readonly now: () => Date;
}

/** The objects of an API, and what its verbs make of them. */
export class Store extends Objects {
  readonly #now: () => Date;
  readonly #allocators: ServiceAllocators;

  constructor({ serviceCidrs, historyLimit, now }: StoreOptions) {
    super(historyLimit);
    this.#now = now;
    this.#allocators = { ips: new ClusterIpAllocator(serviceCidrs), ports: new NodePortAllocator() };
  }

  /** Stores a new object. Throws a StatusError 404 (no such namespace), 409 (name taken), 422 (not valid). */
  create(at: Omit<Location, 'name'>, body: JsonObject, author: Author): KubeObject {
    const { resource, namespace } = at;
    const named = nameNew(resource, body);
    const location = { resource, namespace, name: named.name };
    if ((textAt(named.body, 'metadata', 'resourceVersion') ?? '') !== '') {
      const message = 'resourceVersion should not be set on objects to be created';
      throw new StatusError(500, '', message);
    }
    const complete = setDefaults(resource, this.#checkNew(location, named.body));
    const withoutStatus = resource.status ? without(complete, 'status') : complete;
    const managed = trackUpdate(
      resource,
      null,
      without(withoutStatus, 'apiVersion', 'kind'),
      this.#writer(author),
    );
    return this.#insert(location, managed);
  }

  /**
   * Stores an object of a manifest as it is, its status and field managers included; such as what the kubelet and
   * other controllers of a running cluster have written already.
   */
  seed(resource: Resource, body: JsonObject, author: Author): KubeObject {
    const location = {
      resource,
      namespace: resource.namespaced ? (textAt(body, 'metadata', 'namespace') ?? 'default') : '',
      name: textAt(body, 'metadata', 'name') ?? '',
    };
    const complete = setDefaults(resource, this.#checkNew(location, body));
    const tracked =
      arrayAt(complete, 'metadata', 'managedFields').length > 0
        ? complete
        : trackUpdate(
            resource,
            trackUpdate(resource, null, complete, this.#writer(author)),
            complete,
            this.#writer({ ...author, subresource: 'status' }),
          );
    return this.#insert(location, tracked);
  }

  /**
   * Replaces an object (PUT), or with `subresource: 'status'` its status; of some kinds it makes the object when there
   * is none. Returns whether it did. Throws a StatusError 404, 409 (uid or resourceVersion are others) or 422.
   */
  update(at: Location, body: JsonObject, author: Author): { object: KubeObject; created: boolean } {
    const found = this.find(at);
    if (found === undefined && at.resource.createOnUpdate && author.subresource === '') {
      checkPlace(at, body);
      const fresh = { ...body, metadata: without(objectAt(body, 'metadata'), 'resourceVersion', 'uid') };
      return { object: this.create(at, fresh, author), created: true };
    }
    const live = found ?? this.get(at);
    const uid = textAt(body, 'metadata', 'uid');
    if (uid !== undefined && uid !== live.metadata.uid) {
      const why = `StorageError: invalid object, Code: 4, AdditionalErrorMsg: Precondition failed: UID in precondition: ${uid}, UID in object meta: ${live.metadata.uid}`;
      throw conflict(at.resource, at.name, why);
    }
    if (!at.resource.unconditionalUpdate && textAt(body, 'metadata', 'resourceVersion') === undefined) {
      throw invalid(
        at.resource,
        at.name,
        'metadata.resourceVersion',
        'Invalid value: 0: must be specified for an update',
      );
    }
    const track = (next: JsonObject): JsonObject =>
      trackUpdate(at.resource, live, next, this.#writer(author));
    return { object: this.#replace(at, live, body, track, author), created: false };
  }

  /** Changes an object by a function of its present state (PATCH other than apply). Throws like {@link update}. */
  patch(at: Location, change: (live: KubeObject) => Json, author: Author): KubeObject {
    const live = this.get(at);
    const body = objectAt({ body: change(live) }, 'body');
    return this.#replace(
      at,
      live,
      body,
      (next) => trackUpdate(at.resource, live, next, this.#writer(author)),
      author,
    );
  }

  /**
   * Server-side apply. Makes the object when there is none. Returns whether it did.
   * Throws a StatusError 409 on a field that another manager owns, and on an outdated resourceVersion.
   */
  apply(
    at: Location,
    body: JsonObject,
    author: Author,
    force: boolean,
  ): { object: KubeObject; created: boolean } {
    const { resource } = at;
    const live = this.find(at);
    const writer = this.#writer(author);
    if (live !== undefined) {
      const applied = applyConfiguration(resource, live, body, writer, force);
      // Name, uid and resourceVersion of the configuration are conditions on the object that it is applied to.
      const given = without(
        objectAt(body, 'metadata'),
        'labels',
        'annotations',
        'finalizers',
        'ownerReferences',
      );
      const conditional = { ...applied, metadata: { ...objectAt(applied, 'metadata'), ...given } };
      return { object: this.#replace(at, live, conditional, (next) => next, author), created: false };
    }
    // What may be made by an update is made by one of its status, too, if it is valid then; no Service is.
    if (author.subresource !== '' && !resource.createOnUpdate) throw notFound(resource, at.name);
    const uid = textAt(body, 'metadata', 'uid');
    if (uid !== undefined) {
      const why = `uid mismatch: the provided object specified uid ${uid}, and no existing object was found`;
      throw conflict(resource, at.name, why);
    }
    if ((textAt(body, 'metadata', 'name') ?? '') === '') {
      const message = `the name of the object (${at.name} based on URL) was undeterminable: name must be provided`;
      throw badRequest(message);
    }
    const applied = applyConfiguration(resource, {}, this.#checkNew(at, body), writer, force);
    return { object: this.#insert(at, setDefaults(resource, applied)), created: true };
  }

  /**
   * Deletes an object, or marks it deleted while it has finalizers; a namespace goes with everything in it.
   * Throws a StatusError 404, or 409 when a precondition fails.
   */
  delete(
    at: Location,
    preconditions: { uid?: string | undefined; resourceVersion?: string | undefined } = {},
  ): KubeObject {
    const live = this.get(at);
    const { uid, resourceVersion } = preconditions;
    if (uid !== undefined && uid !== live.metadata.uid) {
      throw preconditionFailed(at.resource, at.name, 'UID', uid, live.metadata.uid);
    }
    if (resourceVersion !== undefined && resourceVersion !== live.metadata.resourceVersion) {
      const own = live.metadata.resourceVersion;
      throw preconditionFailed(at.resource, at.name, 'ResourceVersion', resourceVersion, own);
    }
    if (arrayAt(live, 'metadata', 'finalizers').length > 0) {
      if (textAt(live, 'metadata', 'deletionTimestamp') !== undefined) return live;
      const marked = { deletionTimestamp: this.#time(), deletionGracePeriodSeconds: 0 };
      return this.commit('MODIFIED', at, { ...live, metadata: { ...live.metadata, ...marked } }, live);
    }
    if (at.resource === NAMESPACES) this.#empty(at.name);
    return this.#remove(at, live);
  }

  #empty(namespace: string): void {
    for (const resource of this.kinds()) {
      if (!resource.namespaced) continue;
      for (const object of this.list(resource, namespace)) {
        this.#remove({ resource, namespace, name: object.metadata.name }, object);
      }
    }
  }

  #remove(at: Location, live: KubeObject): KubeObject {
    if (at.resource === SERVICES) {
      this.#allocators.ips.release(clusterIpsOf(live));
      this.#allocators.ports.release(nodePortsOf(live));
    }
    return this.commit('DELETED', at, live, live);
  }

  #time(): string {
    return `${this.#now().toISOString().slice(0, 19)}Z`;
  }

  #writer(author: Author): Writer {
    return { ...author, time: this.#time() };
  }

  /** The body, known to be one that may be stored there, in the namespace of its place. */
  #checkNew(at: Location, body: JsonObject): JsonObject {
    const { resource, namespace, name } = at;
    checkName(resource, name);
    checkPlace(at, body);
    if (
      resource.namespaced &&
      this.find({ resource: NAMESPACES, namespace: '', name: namespace }) === undefined
    ) {
      throw notFound(NAMESPACES, namespace);
    }
    if (this.find(at) !== undefined) throw alreadyExists(resource, name);
    return resource.namespaced ? { ...body, metadata: { ...objectAt(body, 'metadata'), namespace } } : body;
  }

  #insert(at: Location, body: JsonObject): KubeObject {
    checkObject(at.resource, at.name, body, null);
    const prepared = at.resource === SERVICES ? prepareNewService(body, this.#allocators) : body;
    const object = stampNew(at, prepared, this.#time());
    return this.commit('ADDED', at, object, null);
  }

  #replace(
    at: Location,
    live: KubeObject,
    body: JsonObject,
    track: (next: JsonObject) => JsonObject,
    author: Author,
  ): KubeObject {
    const { resource } = at;
    checkPlace(at, body);
    const resourceVersion = textAt(body, 'metadata', 'resourceVersion');
    if (
      resourceVersion !== undefined &&
      resourceVersion !== '' &&
      resourceVersion !== live.metadata.resourceVersion
    ) {
      throw conflict(resource, at.name, MODIFIED);
    }
    const uid = textAt(body, 'metadata', 'uid') ?? live.metadata.uid;
    if (uid !== live.metadata.uid) {
      throw invalid(resource, at.name, 'metadata.uid', `Invalid value: "${uid}": field is immutable`);
    }
    const tracked = track(prepareReplacement(resource, live, setDefaults(resource, body), author));
    checkObject(resource, at.name, tracked, live);
    const finished =
      resource === SERVICES ? finishChangedService(live, tracked, this.#allocators.ports) : tracked;
    const next = stampChanged(resource, live, finished);
    if (sameJson(next, live)) return live;
    const doomed = textAt(live, 'metadata', 'deletionTimestamp') !== undefined;
    if (doomed && arrayAt(next, 'metadata', 'finalizers').length === 0) return this.#remove(at, next);
    return this.commit('MODIFIED', at, next, live);
  }
}
