import * as z from 'zod';
import { fileOfReport } from './output/findings/requested.ts';

/** Flags whose files and annotations `src/execute.ts` writes, whatever becomes of the command. */
export const reportFlags = {
  report: z
    .array(
      z.string().transform((value, context) => {
        const found = fileOfReport(value);
        if (!('problem' in found)) return found;
        context.addIssue({ code: 'custom', message: found.problem });
        return z.NEVER;
      }),
    )
    .refine((files) => files.filter(({ file }) => file === '-').length < 2, {
      message: 'only one report can be written to stdout',
    })
    .default([]),
  annotations: z.boolean().default(true),
};
