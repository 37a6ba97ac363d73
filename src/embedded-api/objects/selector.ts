import type { Resource } from '../resources.ts';
import { type Json, type KubeObject, textAt, valueAt } from './json.ts';
import { badRequest } from './status-error.ts';

/** Whether an object is among those that a list or watch asked for. */
export type Selector = (object: KubeObject) => boolean;

type Labels = (key: string) => string | undefined;

function setRequirement(text: string): ((labels: Labels) => boolean) | null {
  const match = /^(\S+)\s+(in|notin)\s*\(([^()]*)\)$/.exec(text);
  if (match === null) return null;
  const [, key = '', operator, list = ''] = match;
  const values = list.split(',').map((value) => value.trim());
  return (labels) => {
    const value = labels(key);
    return (value !== undefined && values.includes(value)) === (operator === 'in');
  };
}

function equalityRequirement(text: string): ((labels: Labels) => boolean) | null {
  const match = /^([^\s=!]+)\s*(==|=|!=)\s*([^\s=!]*)$/.exec(text);
  if (match === null) return null;
  const [, key = '', operator, value] = match;
  return (labels) => (labels(key) === value) === (operator !== '!=');
}

function existenceRequirement(text: string): ((labels: Labels) => boolean) | null {
  const match = /^(!?)\s*([^\s=!(),]+)$/.exec(text);
  if (match === null) return null;
  const [, not, key = ''] = match;
  return (labels) => (labels(key) === undefined) === (not === '!');
}

/** Splits at commas that are not within parentheses. */
function requirements(text: string): string[] {
  return text
    .split(/,(?![^(]*\))/)
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

/** Reads a labelSelector. Throws a StatusError 400 on one that is none. */
export function labelSelector(text: string): Selector {
  const tests = requirements(text).map((part) => {
    const test = setRequirement(part) ?? equalityRequirement(part) ?? existenceRequirement(part);
    if (test === null) throw badRequest(`unable to parse requirement: ${part}`);
    return test;
  });
  return (object) => {
    const labels: Labels = (key) => textAt(object, 'metadata', 'labels', key);
    return tests.every((test) => test(labels));
  };
}

function fieldText(value: Json | undefined): string {
  return value === undefined || value === null ? '' : String(value);
}

/** Reads a fieldSelector. Throws a StatusError 400 on one that is none or names a field that the kind does not index. */
export function fieldSelector(resource: Resource, text: string): Selector {
  const allowed = ['metadata.name', 'metadata.namespace', ...resource.selectable];
  const tests = requirements(text).map((part) => {
    const match = /^([^=!]+)(==|=|!=)(.*)$/.exec(part);
    const [, field = '', operator, value] = match ?? [];
    if (match === null) throw badRequest(`invalid selector: '${text}'; can't understand '${part}'`);
    if (!allowed.includes(field)) throw badRequest(`field label not supported: ${field}`);
    return (object: KubeObject): boolean =>
      (fieldText(valueAt(object, ...field.split('.'))) === value) === (operator !== '!=');
  });
  return (object) => tests.every((test) => test(object));
}
