import { defineCommand } from '../../command.ts';
import type { Context } from '../../context.ts';
import { DbopsError } from '../../errors.ts';
import { reportOptions } from '../../output/findings/requested.ts';
import type { Folder } from '../../formats/format.ts';
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
    'dbops migrate status --check --report junit=status.xml',
    'dbops migrate status --json | jq .counts',
  ],
  flags: {
    defaults: { check: false, report: [], annotations: true },
    load: async () => (await import('../../migrate/status-flags.ts')).statusFlags,
  },
  async run(context, { check, report: files }) {
    const read = await folderOf(context);
    const { report, folder } = await stateOf(context, read, check);
    const isInspected = check || files.length > 0;
    if (!isInspected && report.data.findings.length === 0) return report;
    const { inspected } = await import('../../migrate/inspect-status.ts');
    return inspected(report, { context, folder, isInspected });
  },
});

/** Where the database cannot be read, the findings on the folder are reported with the error. */
async function stateOf(context: Context, read: Folder, check: boolean) {
  try {
    const session = await context.session();
    const isChosen = context.settings.trackingTable !== undefined;
    const folder = await placeFolder(session, read);
    return { report: await statusReport(session, folder, { isChosen, check }), folder };
  } catch (error) {
    if (error instanceof DbopsError && read.findings.length > 0)
      return { report: offlineReport(read, error), folder: read };
    throw error;
  }
}
