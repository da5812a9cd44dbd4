import * as z from 'zod';
import { defineCommand } from '../../command.ts';
import { DbopsError } from '../../errors.ts';
import { reportFlags, reportOptions } from '../../report-flags.ts';
import { placeFolder } from '../../formats/place.ts';
import { offlineReport, statusReport } from '../../migrate/status.ts';
import { folderOf } from '../../open-project.ts';

export const command = defineCommand({
  description:
    'Lists the migrations of the folder with their state in the database, and reports where folder and tracking table disagree.',
  options: [
    [
      '--check',
      'exit with 6 when folder and database disagree, 4 on other findings, 5 when migrations are pending',
    ],
    ...reportOptions,
  ],
  examples: [
    'dbops migrate status',
    'dbops migrate status --check',
    'dbops migrate status --check --report junit=status.xml',
    'dbops migrate status --json | jq .counts',
  ],
  flags: z.object({ check: z.boolean().default(false), ...reportFlags }),
  async run(context, { check, report: files }) {
    const read = await folderOf(context);
    try {
      const session = await context.session();
      const isChosen = context.settings.trackingTable !== undefined;
      const folder = await placeFolder(session, read);
      const report = await statusReport(session, folder, { isChosen, check });
      if (!check && files.length === 0 && report.data.findings.length === 0) return report;
      const { inspected } = await import('../../migrate/inspect-status.ts');
      return inspected(report, { context, folder, isInspected: check || files.length > 0 });
    } catch (error) {
      if (error instanceof DbopsError && read.findings.length > 0)
        return offlineReport(read, error);
      throw error;
    }
  },
});
