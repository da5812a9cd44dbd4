import type { ReportDeclarations } from '../../application.ts';
import { usage } from './usage.ts';

/** The reports of the bundled application. */
export const reports: ReportDeclarations = { usage };
