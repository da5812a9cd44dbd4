import * as z from 'zod';
import type { Document } from '../migrate/project.ts';

const foundIn = z.object({
  findings: z.array(
    z.object({ code: z.string(), severity: z.string(), message: z.string(), help: z.string() }),
  ),
});

/** What status found of other tracking tables. */
export const findingsOf = (status: Document) =>
  foundIn.parse(status).findings.filter(({ code }) => code === 'tracking-elsewhere');
