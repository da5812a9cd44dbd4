import { credits } from '../reference/reports/credits.ts';
import { usage } from '../reference/reports/usage.ts';

/** Every report. */
export const reports = [usage, credits] as const;
