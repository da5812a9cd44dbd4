import * as z from 'zod';
import { defineCommand } from '../../command.ts';
import { reportNamed, sqlReportsOf } from '../../reports/sql/find.ts';
import { limitOf, queryFlags, queryOptions } from '../../reports/sql/flags.ts';
import { runSqlReport } from '../../reports/sql/run.ts';

export const command = defineCommand({
  description:
    'Runs a report of your own: one that the configuration declares, or a file in reports beside it. Read-only; dbops report list names them.',
  arguments: [['[name]', 'the report']],
  options: queryOptions,
  examples: [
    'dbops report list',
    'dbops report churn --param month=2026-11-01',
    'dbops report churn --param month=2026-11-01 --all --csv > churn.csv',
  ],
  flags: z.object({ arguments: z.tuple([z.string().default('')]), ...queryFlags }),
  async run(
    context,
    { arguments: [name], limit, all, param: params, timeout, csv, markdown, html, isHeld },
  ) {
    const declared = await context.declared();
    const report = reportNamed(sqlReportsOf(context.settings.root, declared.reports), name);
    const options = {
      params,
      limit: limitOf({ limit, all }),
      timeout,
      csv,
      markdown,
      html,
      isHeld,
    };
    return runSqlReport(context, report, options);
  },
});
