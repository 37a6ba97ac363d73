import { readFileSync } from 'node:fs';
import { messageOf } from '../../model/diagnostic.ts';
import { procUnreadable } from './proc.ts';

const USER_MAP = '/proc/self/uid_map';

/**
 * Whether this process is in the first user namespace, or in one that maps every user (user_namespaces(7)). Throws a Failure
 * without proc(5).
 */
export function knowsEveryUser(): boolean {
  try {
    return /^\s*0\s+0\s+4294967295\s*$/.test(readFileSync(USER_MAP, 'utf8'));
  } catch (thrown) {
    throw procUnreadable(USER_MAP, messageOf(thrown));
  }
}
