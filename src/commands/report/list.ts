import { defineCommand } from '../../command.ts';
import { none } from '../../flags.ts';
import { listReports } from '../../reports/sql/list.ts';

export const command = defineCommand({
  description:
    'Lists the reports: those of dbops with what they need from the configuration, and your own with their parameters. Needs no database.',
  examples: ['dbops report list', 'dbops report list --json | jq -r .reports[].name'],
  flags: none,
  run: async (context) => listReports(context, await context.declared()),
});
