import * as z from 'zod';
import { reportFlags } from '../report-flags.ts';

/** The flags of `migrate status`. */
export const statusFlags = z.object({ check: z.boolean().default(false), ...reportFlags });
