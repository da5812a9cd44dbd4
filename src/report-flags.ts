import * as z from 'zod';
import { fileOfReport } from './output/findings/requested.ts';

/** The options of a command that looks for findings, which `reportFlags` parse. */
export const reportOptions: [notation: string, description: string, repeats?: true][] = [
  [
    '--report <format=file>',
    'also write the findings for a CI system: junit, sarif, gitlab, rdjson, markdown or json; the file - is stdout; repeatable',
    true,
  ],
  ['--no-annotations', 'in GitHub Actions, write neither annotations nor a step summary'],
];

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
