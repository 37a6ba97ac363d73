import { Failure } from '../../model/diagnostic.ts';
import { shellWord } from '../../model/shell-word.ts';
import type { Argv } from '../../platform/command.ts';

/**
 * A program that makes credentials, as the `exec` of a kubeconfig user names it
 * (https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins).
 */
export interface CredentialProgram {
  readonly argv: Argv;
  /** Of the protocol: what the program is told, and has to answer with. */
  readonly apiVersion: string;
  /** Added to its environment. */
  readonly env: Readonly<Record<string, string>>;
  /** Whether it is told which cluster the credentials are for. */
  readonly takesCluster: boolean;
  /** What the kubeconfig says about getting it; empty where it says nothing. */
  readonly installHint: string;
}

/** They differ in nothing that we send or read. */
const API_VERSIONS = ['client.authentication.k8s.io/v1', 'client.authentication.k8s.io/v1beta1'];

type Entry = Readonly<Record<string, unknown>>;

function isEntry(value: unknown): value is Entry {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

/** The program as a person would type it, with what is added to its environment: that may make another program of it. */
export function programText({ argv, env }: CredentialProgram): string {
  const added = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  return [...(added.length === 0 ? [] : ['env', ...added]), ...argv].map(shellWord).join(' ');
}

function unusable(context: string, why: string, fix: string): Failure {
  return new Failure('error', [
    {
      code: 'kubeconfig-credentials',
      severity: 'error',
      summary: `context "${context}": the program that makes its credentials cannot be used: ${why}`,
      cause: 'Its `exec` entry in the kubeconfig says so.',
      fix,
    },
  ]);
}

/** Reads the `exec` of a kubeconfig user; null where there is none. Throws a Failure when it cannot be used. */
export function readProgram(context: string, exec: unknown): CredentialProgram | null {
  if (exec === undefined || exec === null) return null;
  const entry = isEntry(exec) ? exec : {};
  const correct = 'Correct the kubeconfig.';
  const { command, apiVersion } = entry;
  if (!isText(command) || command === '') throw unusable(context, 'it names no command', correct);
  if (!isText(apiVersion) || !API_VERSIONS.includes(apiVersion)) {
    const why = `its apiVersion is ${isText(apiVersion) ? apiVersion : 'missing'}`;
    throw unusable(context, why, `Write one of ${API_VERSIONS.join(', ')}.`);
  }
  if (entry['interactiveMode'] === 'Always') {
    const fix =
      'Log in by hand first, and write `interactiveMode: IfAvailable` if the program can then do without.';
    throw unusable(context, 'it has to ask at a terminal, and is given none', fix);
  }
  const args: readonly unknown[] = Array.isArray(entry['args']) ? entry['args'] : [];
  if (!args.every(isText)) throw unusable(context, 'its args are not all text', correct);
  const hint = entry['installHint'];
  return {
    argv: [command, ...args],
    apiVersion,
    env: envOf(context, entry['env']),
    takesCluster: entry['provideClusterInfo'] === true,
    installHint: isText(hint) ? hint.trim() : '',
  };
}

function envOf(context: string, env: unknown): Record<string, string> {
  const listed: readonly unknown[] = Array.isArray(env) ? env : [];
  return Object.fromEntries(
    listed.map((item) => {
      const [name, value] = isEntry(item) ? [item['name'], item['value']] : [];
      if (isText(name) && isText(value)) return [name, value];
      throw unusable(context, 'its env is not a list of names and values', 'Correct the kubeconfig.');
    }),
  );
}

/** Refuses to run a program that nobody approved. `command` is what runs it, for copying. */
export function unapprovedProgram(context: string, program: CredentialProgram, command: string): Failure {
  return new Failure('conflict', [
    {
      code: 'program-unapproved',
      severity: 'error',
      summary: `context "${context}": its credentials come from a program, which is not run unasked: ${programText(program)}`,
      cause:
        'The spec chose the context, and it is not the one that minikube wrote for the profile, with the profile’s own server.',
      fix: 'Look at what it would run. If that is right, approve it at a terminal with `mkplan allow`, which remembers it, or allow `credentials`: `context` alone does not let a program run.',
      command,
    },
  ]);
}
