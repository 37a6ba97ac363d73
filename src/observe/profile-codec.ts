import type { Allocation, AllocationRecord } from '../model/allocation.ts';
import type { ObservedCondition } from '../model/condition.ts';
import type { Obstacle } from '../model/diagnostic.ts';
import type {
  ClusterIdentity,
  MinikubeConfig,
  ObservedCluster,
  ObservedContext,
  ObservedEndpoints,
  ObservedNode,
  ObservedProfile,
  ObservedService,
} from '../model/observed.ts';
import { FIELD_MANAGER, RIGHTS } from '../model/observed.ts';
import type { ObservedParticipant, Serving } from '../model/participant.ts';
import {
  address,
  canonicalCidr,
  converted,
  count,
  dictionary,
  flag,
  list,
  nullable,
  omitted,
  oneOf,
  record,
  required,
  text,
  usually,
} from './codec.ts';

const config = record<MinikubeConfig>({
  driver: required(text),
  unroutable: usually(nullable(text), null),
  serviceCidr: usually(nullable(text), null),
  servers: omitted(list(text)),
  apiServerRange: omitted(text),
  podSubnet: omitted(text),
  strange: omitted(list(text)),
  nodes: usually(
    list(
      record<MinikubeConfig['nodes'][number]>({
        name: required(text),
        ip: required(address),
        controlPlane: usually(flag, false),
      }),
    ),
    [],
  ),
});

/** Arguments and environment of a program may hold a secret, and observations go into bug reports. */
const programName = converted<string, string>(
  text,
  'a program',
  (program) => program.replace(/ .*/s, ' …'),
  (held) => held,
);

const context = record<ObservedContext>({
  name: required(text),
  server: required(text),
  fromMinikube: usually(flag, false),
  answeredAt: usually(nullable(address), null),
  program: usually(nullable(programName), null),
  proxy: usually(nullable(address), null),
});

const node = record<ObservedNode>({
  name: required(text),
  ready: usually(flag, true),
  controlPlane: usually(flag, false),
  internalIps: usually(list(address), []),
  podCidrs: usually(list(canonicalCidr), []),
  provider: omitted(text),
  serviceRange: omitted(text),
  bootId: omitted(text),
  strange: omitted(list(text)),
});

const condition = record<ObservedCondition>({
  status: required(oneOf('True', 'False', 'Unknown')),
  reason: required(text),
  message: required(text),
  lastTransitionTime: usually(nullable(text), null),
  manager: usually(text, FIELD_MANAGER),
});

const service = record<ObservedService>({
  namespace: required(text),
  name: required(text),
  uid: required(text),
  resourceVersion: required(text),
  created: required(text),
  type: usually(text, 'LoadBalancer'),
  loadBalancerClass: usually(nullable(text), null),
  ipFamilyPolicy: usually(nullable(text), null),
  ipFamilies: usually(list(oneOf('IPv4', 'IPv6')), []),
  clusterIps: usually(list(address), []),
  externalTrafficPolicy: usually(nullable(text), null),
  // What a user wrote: it may be no address at all, which the plan then says.
  loadBalancerIp: usually(nullable(text), null),
  requestedIp: usually(nullable(text), null),
  otherRequests: usually(dictionary(text), {}),
  ingress: usually(list(address), []),
  ingressNames: usually(list(text), []),
  ingressManager: usually(nullable(text), null),
  condition: usually(nullable(condition), null),
  hasSelector: usually(flag, true),
  ports: usually(list(text), []),
  hasController: omitted(flag),
});

const endpoints = record<ObservedEndpoints>({
  namespace: required(text),
  service: required(text),
  slices: usually(count, 1),
  readyByNode: usually(dictionary(count), {}),
  readyElsewhere: usually(count, 0),
});

const unclassed = converted<Serving['unclassed'], string>(
  text,
  'auto, true or false, as text',
  String,
  (held) => (held === 'auto' ? held : held === 'true' ? true : held === 'false' ? false : null),
);

const serving = record<Serving>({
  class: required(text),
  unclassed: required(unclassed),
  pool: required(nullable(list(text))),
});

const cluster = record<ObservedCluster>({
  version: usually(text, ''),
  identity: usually(
    nullable(record<ClusterIdentity>({ uid: required(text), created: required(text) })),
    null,
  ),
  serviceCidrs: usually(list(canonicalCidr), []),
  kubeadm: usually(
    nullable(
      record<NonNullable<ObservedCluster['kubeadm']>>({
        serviceSubnet: usually(nullable(text), null),
        podSubnet: usually(nullable(text), null),
        apiServerRange: omitted(text),
      }),
    ),
    null,
  ),
  strange: omitted(list(text)),
  otherLoadBalancers: usually(list(text), []),
  nodes: usually(list(node), []),
  services: usually(list(service), []),
  endpoints: usually(nullable(list(endpoints)), []),
  allocations: usually(
    nullable(
      record<AllocationRecord>({
        resourceVersion: usually(nullable(text), null),
        allocations: usually(
          list(record<Allocation>({ address: required(address), service: required(text) })),
          [],
        ),
      }),
    ),
    null,
  ),
  participants: usually(
    nullable(
      list(
        record<ObservedParticipant>({
          name: required(text),
          holder: usually(text, ''),
          own: usually(flag, false),
          live: usually(flag, true),
          lasting: omitted(flag),
          leaving: usually(flag, false),
          serves: usually(nullable(list(serving)), null),
        }),
      ),
    ),
    [],
  ),
  strayPods: usually(
    list(record<ObservedCluster['strayPods'][number]>({ address: required(address), node: required(text) })),
    [],
  ),
  podBlocks: omitted(
    list(
      record<NonNullable<ObservedCluster['podBlocks']>[number]>({
        cidr: required(canonicalCidr),
        node: required(text),
        plugin: required(text),
      }),
    ),
  ),
  missingRights: usually(list(oneOf(...RIGHTS)), []),
});

/** What a profile and its cluster were found to be. */
export const profile = record<ObservedProfile>({
  name: required(text),
  problems: usually(list(text), []),
  config: usually(nullable(config), null),
  minikubeIp: usually(nullable(address), null),
  context: usually(nullable(context), null),
  cluster: usually(nullable(cluster), null),
  stopped: omitted(flag),
  paused: omitted(flag),
  obstacle: omitted(
    record<Obstacle>({
      code: required(text),
      summary: required(text),
      cause: required(text),
      fix: required(text),
      command: omitted(text),
    }),
  ),
});
