import { parseAddress } from '../../model/prefix.ts';
import { arrayAt, type Json, type JsonObject, objectAt, textAt, valueAt } from '../objects/json.ts';
import {
  forbidden,
  invalidFields,
  type Problem,
  problem,
  required,
  unsupported,
} from '../objects/status-error.ts';
import { SERVICES } from '../resources.ts';
import { NO_ADDRESS } from './cluster-ips.ts';

/** What kube-apiserver refuses of a Service (k8s.io/kubernetes, core validation), as far as mkplan can meet it. */

const TYPES = ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort'];
const IP_MODES = ['Proxy', 'VIP'];

/** A name with an optional DNS prefix. */
const QUALIFIED_NAME = /^([a-z0-9]([-a-z0-9.]*[a-z0-9])?\/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;

/** Whether a text is an address of either family. */
export function isAddress(text: string): boolean {
  return parseAddress(text) !== null;
}

function portProblems(port: Json, field: string, several: boolean): Problem[] {
  const outside = (key: string): Problem[] => {
    const value = valueAt(port, key);
    if (typeof value !== 'number' || (value >= 1 && value <= 65_535)) return [];
    return [problem(`${field}.${key}`, value, 'must be between 1 and 65535, inclusive')];
  };
  const unnamed = several && (textAt(port, 'name') ?? '') === '' ? [required(`${field}.name`)] : [];
  return [...unnamed, ...outside('port'), ...outside('targetPort')];
}

function portsProblems(spec: JsonObject): Problem[] {
  const ports = arrayAt(spec, 'ports');
  const needless = textAt(spec, 'type') === 'ExternalName' || textAt(spec, 'clusterIP') === 'None';
  if (ports.length === 0) return needless ? [] : [required('spec.ports')];
  return ports.flatMap((port, index) => portProblems(port, `spec.ports[${index}]`, ports.length > 1));
}

function typeProblems(spec: JsonObject): Problem[] {
  const type = textAt(spec, 'type') ?? '';
  const [loadBalancerClass, policy] = [
    textAt(spec, 'loadBalancerClass'),
    textAt(spec, 'externalTrafficPolicy'),
  ];
  const problems: Problem[] = TYPES.includes(type) ? [] : [unsupported('spec.type', type, TYPES)];
  if (loadBalancerClass !== undefined && !QUALIFIED_NAME.test(loadBalancerClass)) {
    const why =
      "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
    problems.push(problem('spec.loadBalancerClass', loadBalancerClass, why));
  }
  if (loadBalancerClass !== undefined && type !== 'LoadBalancer') {
    problems.push(forbidden('spec.loadBalancerClass', "may only be used when `type` is 'LoadBalancer'"));
  }
  if (policy !== undefined && !['LoadBalancer', 'NodePort'].includes(type)) {
    problems.push(
      problem('spec.externalTrafficPolicy', policy, 'may only be set for externally-accessible services'),
    );
  }
  return problems;
}

function ingressProblems(entry: Json, field: string): Problem[] {
  const [ip, mode] = [textAt(entry, 'ip'), textAt(entry, 'ipMode')];
  if (ip !== undefined && !isAddress(ip)) return [problem(`${field}.ip`, ip, NO_ADDRESS)];
  if (ip !== undefined && mode === undefined) {
    return [required(`${field}.ipMode`, 'must be specified when `ip` is set')];
  }
  if (ip === undefined && mode !== undefined) {
    return [forbidden(`${field}.ipMode`, 'may not be specified when `ip` is not set')];
  }
  return mode === undefined || IP_MODES.includes(mode)
    ? []
    : [unsupported(`${field}.ipMode`, mode, IP_MODES)];
}

function statusProblems(service: JsonObject): Problem[] {
  const ingress = arrayAt(service, 'status', 'loadBalancer', 'ingress');
  if (ingress.length === 0) return [];
  const field = 'status.loadBalancer.ingress';
  if (textAt(service, 'spec', 'type') !== 'LoadBalancer') {
    return [forbidden(field, "may only be used when `spec.type` is 'LoadBalancer'")];
  }
  return ingress.flatMap((entry, index) => ingressProblems(entry, `${field}[${index}]`));
}

function refuse(name: string, problems: readonly Problem[]): void {
  if (problems.length > 0) throw invalidFields(SERVICES, name, problems);
}

/** Throws a StatusError 422 that names all that is wrong with a new Service whose defaults are set. */
export function checkService(name: string, service: JsonObject): void {
  const spec = objectAt(service, 'spec');
  refuse(name, [...portsProblems(spec), ...typeProblems(spec), ...statusProblems(service)]);
}

/** Throws a StatusError 422 that names all that is wrong with a changed Service. */
export function checkChangedService(name: string, live: JsonObject, service: JsonObject): void {
  const [before, spec] = [objectAt(live, 'spec'), objectAt(service, 'spec')];
  const [held, asked] = [textAt(before, 'loadBalancerClass'), textAt(spec, 'loadBalancerClass')];
  const stays = textAt(before, 'type') === 'LoadBalancer' && textAt(spec, 'type') === 'LoadBalancer';
  const moved =
    stays && held !== asked
      ? [problem('spec.loadBalancerClass', asked ?? null, 'may not change once set')]
      : [];
  refuse(name, [...moved, ...portsProblems(spec), ...typeProblems(spec), ...statusProblems(service)]);
}
