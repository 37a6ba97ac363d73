import type { Change, Plan, RouteStep, ServiceStep } from '../model/plan.ts';
import { formatPrefix } from '../model/prefix.ts';
import type { RouteChange } from '../platform/route-table.ts';
import type { IntendedChange } from '../registry/registry.ts';
import { keyOf } from './key.ts';
import type { KeyedRoute } from './table-view.ts';

/** A route change with the route that it adds or deletes. */
export interface KeyedChange extends KeyedRoute {
  readonly intended: IntendedChange;
  readonly op: RouteChange['op'];
}

/** One change of the ingress of a Service. */
export interface ServiceChange {
  readonly change: Change;
  readonly step: ServiceStep;
}

/** Finds the route of an intended change. Throws a TypeError for a step that has none: no plan contains such. */
export function keyedChange(intended: IntendedChange): KeyedChange {
  const { change, step } = intended;
  const route = change.op === 'add' ? step.after : change.op === 'delete' ? step.before : null;
  if (route === null || (change.op !== 'add' && change.op !== 'delete')) {
    throw new TypeError(`step ${change.step} has no route to ${change.op}`);
  }
  return { intended, op: change.op, route, key: keyOf(route) };
}

/** The changes of one wave, by what they change. */
export function splitWave(
  plan: Plan,
  wave: readonly Change[],
): { readonly routes: readonly KeyedChange[]; readonly services: readonly ServiceChange[] } {
  const routes: KeyedChange[] = [];
  const services: ServiceChange[] = [];
  for (const change of wave) {
    const step = plan.steps[change.step];
    if (step === undefined) throw new TypeError(`the plan has no step ${change.step}`);
    if (step.kind === 'route') routes.push(keyedChange({ change, step }));
    else services.push({ change, step });
  }
  return { routes, services };
}

/** What a person calls a step: its number, counted from 1, and what it does. */
export function stepName(change: Change, step: RouteStep | ServiceStep): string {
  const number = change.step + 1;
  if (step.kind === 'service')
    return `step ${number} (${step.action} ingress of ${step.namespace}/${step.name})`;
  const route = step.after ?? step.before;
  return `step ${number} (${step.action} route ${route === null ? '' : formatPrefix(route.destination)})`;
}
