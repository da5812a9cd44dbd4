import * as z from 'zod';
import { chooseBase } from '../check/base.ts';
import { checkedReport } from '../check/report.ts';
import { checkFolder } from '../check/run.ts';
import { defineCommand } from '../command.ts';
import { folderOf } from '../open-project.ts';
import { readBaseline, sortFindings, writeBaseline } from '../verify/known-findings.ts';
import { baselineWritten } from '../verify/report.ts';

export const command = defineCommand({
  description:
    'Checks the migrations folder without a database: numbers, syntax, a replay in a shadow database, and down migrations. With a base branch also whether published files were edited, and whether new ones come last. Exits with 4 on findings.',
  options: [
    [
      '--base <revision>',
      'compare with this git revision (default: the base branch of the pull request in CI)',
    ],
    ['--ignore <patterns...>', 'ignore findings with these keys; * matches any text'],
    ['--baseline <file>', 'report only findings that are not in this file'],
    ['--write-baseline <file>', 'write the current findings to this file'],
  ],
  examples: [
    'dbops check',
    'dbops check --base origin/main',
    'dbops check --base origin/main --json',
  ],
  flags: z.object({
    base: z.string().min(1).optional(),
    ignore: z.array(z.string()).default([]),
    baseline: z.string().optional(),
    writeBaseline: z.string().optional(),
  }),
  async run(context, { base, ignore, baseline, writeBaseline: output }) {
    const { io, settings } = context;
    const known = baseline === undefined ? [] : readBaseline(io.cwd, baseline);
    const folder = await folderOf(context);
    const chosen = chooseBase(base, settings.environment);
    const checked = await checkFolder(context, folder, chosen);
    const sorted = sortFindings(checked.findings, {
      ignore: [...settings.scope.ignore, ...ignore],
      baseline: known,
      wasChecked: () => true,
    });
    if (output === undefined) return checkedReport(sorted, checked);
    writeBaseline(io.cwd, output, sorted.findings);
    return baselineWritten(output, sorted.findings, 'check');
  },
});
