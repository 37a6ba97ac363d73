import type { DesiredProfile } from '../../model/desired.ts';
import type { Diagnostic } from '../../model/diagnostic.ts';
import type { ObservedProfile } from '../../model/observed.ts';

/** A value that makes no sense: who has it, and what helps. */
interface Strange {
  /** `config.json of profile minikube`. */
  readonly source: string;
  /** `Nodes[1].IP "192.168.039.3"`. */
  readonly value: string;
  readonly fix: string;
}

function strangeOf({ name, config, cluster }: ObservedProfile): Strange[] {
  const file = `config.json of profile ${name}`;
  return [
    ...(config?.strange ?? []).map((value) => ({
      source: file,
      value,
      fix: `Correct that value in ${file}.`,
    })),
    ...(cluster?.strange ?? []).map((value) => ({
      source: 'the cluster',
      value,
      fix: 'Correct that object in the cluster.',
    })),
    ...(cluster?.nodes ?? []).flatMap((node) =>
      (node.strange ?? []).map((value) => ({
        source: `Node ${node.name}`,
        value,
        fix: `Correct what sets it: the kubelet’s --node-ip for an address, kube-controller-manager or the network plugin for a podCIDR.`,
      })),
    ),
  ];
}

/**
 * Names what was found of a profile and could not be understood, or not be read at all. Where the cluster itself is unobserved, the
 * profile is set aside, which says it.
 */
export function strangeFacts(profile: DesiredProfile, observed: ObservedProfile): Diagnostic[] {
  const { name, at } = profile;
  const cause = 'It tells nothing, so other sources are asked, and routes of its networks that stand stay.';
  const unread = observed.cluster === null ? [] : observed.problems;
  return [
    ...unread.map(
      (problem): Diagnostic => ({
        code: 'profile-unobserved',
        severity: 'warning',
        summary: `profile ${name}: not everything that minikube knows of it could be read`,
        cause: problem,
        fix: 'Do what is said there; the plan is made without it meanwhile, and routes of its networks that stand stay.',
        at,
      }),
    ),
    ...strangeOf(observed).map(
      ({ source, value, fix }): Diagnostic => ({
        code: 'fact-unreadable',
        severity: 'warning',
        summary: `profile ${name}: ${source} has ${value}, which makes no sense`,
        cause,
        fix,
        at,
      }),
    ),
  ];
}
