import * as z from 'zod';
import { chooseBase } from '../check/base.ts';
import { checkedReport, ownCodes } from '../check/report.ts';
import { checkFolder } from '../check/run.ts';
import { defineCommand } from '../command.ts';
import { folderOf } from '../open-project.ts';
import { reportOptions } from '../output/findings/requested.ts';
import { reportFlags } from '../report-flags.ts';
import { judgeOf } from '../verify/judge-findings.ts';
import { waiverFlags, waiverOptions } from '../verify/waiver-flags.ts';

export const command = defineCommand({
  description:
    'Checks the migrations folder without a database: numbers, syntax, a replay in a shadow database, and down migrations. With a base branch also whether published files were edited, and whether new ones come last. Exits with 4 on findings.',
  options: [
    [
      '--base <revision>',
      'compare with this git revision (default: the base branch of the pull request in CI)',
    ],
    ...waiverOptions,
    ...reportOptions,
  ],
  examples: [
    'dbops check',
    'dbops check --base origin/main',
    'dbops check --base origin/main --json',
  ],
  flags: z.object({
    base: z.string().min(1).optional(),
    ...waiverFlags,
    ...reportFlags,
  }),
  async run(context, { base, ...flags }) {
    const folder = await folderOf(context);
    const chosen = chooseBase(base, context.settings.environment);
    const isOwn = (code: string) => ownCodes.has(code);
    const wasChecked = (key: string) => isOwn(key.split(':', 1)[0] ?? '');
    const judge = judgeOf({ context, folder, flags, wasChecked, isRun: isOwn });
    const checked = await checkFolder(context, folder, chosen);
    for (const finding of checked.findings) judge.add(finding);
    return checkedReport(await judge.finish(), checked, flags.maxFindings);
  },
});
