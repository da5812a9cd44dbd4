import type { ReportDeclarations } from '../../application.ts';
import { credits } from './credits.ts';

/** The reports of the bundled application. */
export const reports: ReportDeclarations = { credits };
