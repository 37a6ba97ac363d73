import { createLinuxHelper } from '../linux/helper/index.ts';
import type { HelperPlatform } from './platform.ts';

/**
 * The system that the helper runs on; apart from mkplan's own selection, so that the helper holds nothing of what that is made
 * of. Throws an Error where mkplan has no adapters for it.
 */
export function selectHelperPlatform(): HelperPlatform {
  if (process.platform === 'linux') return createLinuxHelper();
  throw new Error(`routes cannot be changed on ${process.platform}`);
}
