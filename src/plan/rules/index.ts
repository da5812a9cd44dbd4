import { drop } from './drop.ts';
import { indexIfNotExists } from './index-if-not-exists.ts';
import { recreate } from './recreate.ts';
import { rename } from './rename.ts';
import type { Rule } from './rule.ts';
import { unbatchedWrite } from './unbatched-write.ts';

/** Rules on what cannot be observed. */
export const rules: readonly Rule[] = [rename, drop, recreate, indexIfNotExists, unbatchedWrite];
