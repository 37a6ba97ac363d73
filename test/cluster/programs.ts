import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { requireNamespaces } from '../kernel/netns.ts';

/** Absolute paths of what a cluster is made of. */
export interface Programs {
  readonly etcd: string;
  readonly 'kube-apiserver': string;
  readonly 'kube-proxy': string;
  readonly kubectl: string;
}

type Found = { programs: Programs; missing: null } | { programs: null; missing: string };

/** Finds them as scripts/testbed.mjs does, which also says how to get them. */
function find(): Found {
  const script = fileURLToPath(new URL('../../scripts/testbed.mjs', import.meta.url));
  const { stdout, stderr } = spawnSync(process.execPath, [script, '--where'], { encoding: 'utf8' });
  if (stdout === '') throw new Error(`${script}: ${stderr}`);
  return JSON.parse(stdout) as Found;
}

const found = find();

/** Why no cluster can be made here; null when one can. */
export const clusterRefused: string | null = found.missing ?? requireNamespaces();

/** The programs. Throws when they are not there. */
export function requirePrograms(): Programs {
  if (found.programs === null) throw new Error(found.missing);
  return found.programs;
}

/** Why a program that kube-proxy programs the kernel with is not there; null when it is. */
export function commandMissing(name: string): string | null {
  return spawnSync(name, ['--version']).error === undefined ? null : `${name}(8) is not installed`;
}
