import { credits } from './credits.ts';
import { usage } from './usage.ts';

/** Every report. */
export const reports = [usage, credits] as const;
