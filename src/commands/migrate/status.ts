import * as z from 'zod';
import { defineCommand } from '../../command.ts';
import { DbopsError } from '../../errors.ts';
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
  ],
  examples: [
    'dbops migrate status',
    'dbops migrate status --check',
    'dbops migrate status --json | jq .counts',
  ],
  flags: z.object({ check: z.boolean().default(false) }),
  async run(context, { check }) {
    const read = await folderOf(context);
    try {
      const session = await context.session();
      const isChosen = context.settings.trackingTable !== undefined;
      return await statusReport(session, await placeFolder(session, read), { isChosen, check });
    } catch (error) {
      if (error instanceof DbopsError && read.findings.length > 0)
        return offlineReport(read, error);
      throw error;
    }
  },
});
