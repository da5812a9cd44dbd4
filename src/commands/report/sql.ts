import * as z from 'zod';
import { defineCommand } from '../../command.ts';
import { readAdHoc } from '../../reports/sql/ad-hoc.ts';
import { limitOf, queryFlags, queryOptions } from '../../reports/sql/flags.ts';
import { runSqlReport } from '../../reports/sql/run.ts';

export const command = defineCommand({
  description:
    'Runs one query of a file or of stdin in a READ ONLY transaction with a time limit, and prints its rows.',
  arguments: [['<file>', 'a file with one query; - is stdin']],
  options: queryOptions,
  examples: [
    'dbops report sql - < orders.sql',
    'dbops report sql orders.sql --limit 20',
    'dbops report sql orders.sql --all --csv --timeout 10m > orders.csv',
  ],
  flags: z.object({ arguments: z.tuple([z.string()]), ...queryFlags }),
  async run(
    context,
    { arguments: [file], limit, all, param: params, timeout, csv, markdown, html, isHeld },
  ) {
    const report = await readAdHoc(context.io, file);
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
