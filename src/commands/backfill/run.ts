import * as z from 'zod';
import { chooseBackfill, recordedBackfill } from '../../backfill/choose-backfill.ts';
import { inspectBackfill, runBackfill } from '../../backfill/run.ts';
import { readExpression } from '../../sql/expression.ts';
import { noteSavedValues, restoreBeforeBackfill } from '../../migrate/restore-before-backfill.ts';
import { retireUnfillable } from '../../backfill/retire.ts';
import { accountReport, retiredReport } from '../../backfill/report.ts';
import { optionsOf, orphans, size } from '../../backfill/options.ts';
import { defineCommand } from '../../command.ts';
import { count, milliseconds } from '../../flags.ts';

const flagsSchema = z.object({
  arguments: z.tuple([z.string().optional()]),
  dryRun: z.boolean().default(false),
  table: z.string().optional(),
  set: z.string().optional(),
  from: z.string().optional(),
  on: z.string().optional(),
  where: z.string().optional(),
  done: z.string().optional(),
  orphans: orphans.default({ policy: 'fail' }),
  fixMismatched: z.boolean().default(false),
  trigger: z.boolean().default(true),
  removeTrigger: z.boolean().default(false),
  restore: z.boolean().default(true),
  restart: z.boolean().default(false),
  workers: count.default(1),
  batchTime: milliseconds.default(250),
  maxRate: count.optional(),
  maxLag: milliseconds.default(10_000),
  maxWalRate: size.default(128 * 1_048_576),
  maxFailures: count.default(100),
  pauseWhen: z.string().optional(),
  wait: milliseconds.default(10_000),
});

export const command = defineCommand({
  description:
    'Fills a column of a table that is in use, in batches. Each batch commits together with its checkpoint, so a run can be stopped and resumed at any time. Existing values are never changed, unless with --fix-mismatched.',
  arguments: [['[name]', 'name of a defined backfill (see dbops backfill list)']],
  options: [
    ['--table <table>', 'without a definition: table to fill'],
    ['--set <assignment>', "'COLUMN = EXPRESSION'"],
    ['--from <table>', 'table that holds the values'],
    ['--on <condition>', 'join condition between the two tables'],
    ['--where <condition>', 'fill only rows that match'],
    ['--done <condition>', 'skip rows that match (default: rows with a value)'],
    ['--orphans <policy>', 'rows without a source: fail, skip or set=VALUE (default: fail)'],
    ['--fix-mismatched', 'also change values that differ from their source'],
    ['--no-trigger', 'create no trigger for new rows: the application fills the column'],
    ['--remove-trigger', 'drop the trigger for new rows at the end'],
    ['--no-restore', 'leave values that a rollback saved from the column in dbops_rescue'],
    ['--workers <n>', 'number of parallel batches (default: 1)'],
    ['--batch-time <duration>', 'maximum duration of a batch (default: 250ms)'],
    ['--max-rate <n>', 'maximum rows per second'],
    ['--max-lag <duration>', 'pause while a replica lags further behind (default: 10s)'],
    ['--max-wal-rate <size>', 'slow down above this much WAL per second (default: 128MB)'],
    ['--pause-when <expression>', 'pause while this SQL expression is true'],
    ['--max-failures <n>', 'stop after this many failed rows (default: 100)'],
    ['--restart', 'discard an interrupted run and start over'],
    ['--dry-run', 'count the rows and change nothing'],
    ['--wait <duration>', 'wait at most this long for another run and for locks (default: 10s)'],
  ],
  examples: [
    'dbops backfill run organization-id --dry-run',
    'dbops backfill run organization-id --workers 2 --max-rate 20000',
    "dbops backfill run --table purchases --set 'organization_id = content.organization_id' --from content --on 'content.id = purchases.content_id'",
  ],
  flags: flagsSchema,
  async run(context, flags) {
    const {
      arguments: [name],
      table,
      set,
      from,
      on,
      where,
      done,
    } = flags;
    const parts = { table, set, from, on, where, done };
    const defined = await chooseBackfill(context, { name, parts });
    if (flags.pauseWhen !== undefined) await readExpression(flags.pauseWhen, '--pause-when');
    const session = await context.session();
    const backfill = defined ?? (await recordedBackfill(context, session, name));
    if (flags.restore)
      await (flags.dryRun ? noteSavedValues : restoreBeforeBackfill)(context, session, backfill);
    if (flags.dryRun)
      return accountReport(backfill.name, await inspectBackfill(session, backfill, flags), true);
    const { maxRate, maxLag, maxWalRate, pauseWhen, wait: patience, ...rest } = flags;
    const options = { ...optionsOf(context), ...rest, patience };
    const reason = flags.removeTrigger && (await retireUnfillable(session, backfill, options));
    if (reason) return retiredReport(backfill.name, reason);
    const result = await runBackfill(session, backfill, {
      ...options,
      limits: { maxLag, maxWalRate, ...(pauseWhen !== undefined && { pauseWhen }) },
      ...(maxRate !== undefined && { maxRate }),
    });
    return accountReport(backfill.name, result, false);
  },
});
