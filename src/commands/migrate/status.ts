import { setImmediate } from 'node:timers/promises';
import { defineCommand } from '../../command.ts';
import type { Context } from '../../context.ts';
import { DbopsError } from '../../errors.ts';
import { reportOptions } from '../../output/findings/requested.ts';
import type { Folder } from '../../formats/format.ts';
import { placeFolder } from '../../formats/place.ts';

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
    // The server starts its process for the connection while the formats are loaded and the folder is read.
    void context.session();
    await setImmediate();
    const { folderOf } = await import('../../open-project.ts');
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
  const { offlineReport, statusReport } = await import('../../migrate/status.ts');
  try {
    const session = await context.session();
    const isChosen = context.settings.trackingTable !== undefined;
    const folder = await placeFolder(session, read);
    return { report: await statusReport(session, folder, { isChosen, check }), folder };
  } catch (error) {
    const report = error instanceof DbopsError ? offlineReport(read, error) : undefined;
    if (report) return { report, folder: read };
    throw error;
  }
}
