import type { Argv } from '../../src/platform/command.ts';

/** How the policy of a host that a test makes up is there. */
export interface MadePolicy {
  readonly text: string;
  /** Octal, of the file. */
  readonly mode?: string;
  /** Octal, of /etc/mkplan. */
  readonly directoryMode?: string;
  /** Whether another file holds it, and the policy is a link to that. */
  readonly link?: boolean;
}

/** The policy's JSON. */
export function policyText(rest: {
  readonly allow?: readonly string[];
  readonly ranges?: readonly string[];
}): string {
  return JSON.stringify({ apiVersion: 'mkplan/v1alpha1', kind: 'Policy', ...rest });
}

/** argv that runs `argv` where /etc holds this policy alone: on a mount that nobody else sees. */
export function underPolicy(
  { text, mode = '644', directoryMode = '755', link = false }: MadePolicy,
  argv: Argv,
): Argv {
  const script = [
    'set -e',
    'mount -t tmpfs tmpfs /etc',
    'mkdir /etc/mkplan',
    'printf %s "$1" >/etc/mkplan/given',
    link ? 'ln -s given /etc/mkplan/policy.json' : 'mv /etc/mkplan/given /etc/mkplan/policy.json',
    `chmod ${mode} /etc/mkplan/policy.json`,
    `chmod ${directoryMode} /etc/mkplan`,
    'shift',
    'exec "$@"',
  ];
  return ['unshare', '--mount', 'sh', '-c', script.join('\n'), 'sh', text, ...argv];
}
