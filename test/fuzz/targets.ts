import type { Target } from './target.ts';
import { ANSWERS } from './targets/answers.ts';
import { CLUSTER } from './targets/cluster.ts';
import { HELPER } from './targets/helper.ts';
import { KERNEL } from './targets/kernel.ts';
import { SPEC } from './targets/spec.ts';
import { STATE } from './targets/state.ts';

/** Every reader of input that somebody else wrote. */
export const TARGETS: readonly Target[] = [...SPEC, ...STATE, ...HELPER, ...KERNEL, ...CLUSTER, ...ANSWERS];
