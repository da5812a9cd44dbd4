import * as z from 'zod';
import { backfillNamed, backfillsOf } from '../../backfill/index.ts';
import type { Backfill } from '../../backfill/definition.ts';
import { definitionSchema } from '../../backfill/definition.ts';
import { inspectBackfill, runBackfill } from '../../backfill/run.ts';
import type { Context } from '../../context.ts';
import { usageError } from '../../errors.ts';
import { readExpression } from '../../sql/expression.ts';
import { accountReport } from '../../backfill/report.ts';
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

type Flags = z.infer<typeof flagsSchema>;

export const command = defineCommand({
  description:
    'Fills an empty column of a table that is in use: in batches, each committed together with its checkpoint, so that it can be stopped and run again at any time. A value that is there is never changed, unless --fix-mismatched says so. Definitions: dbops backfill list.',
  arguments: [['[name]', 'which backfill']],
  options: [
    ['--table <table>', 'without a definition: the table to fill'],
    ['--set <assignment>', "'COLUMN = EXPRESSION'"],
    ['--from <table>', 'where the values come from'],
    ['--on <condition>', 'which row of it belongs to a row of the table'],
    ['--where <condition>', 'only rows for which it holds'],
    ['--done <condition>', 'rows for which it holds need nothing (default: those with a value)'],
    ['--orphans <policy>', 'rows without an answer: fail, skip or set=VALUE (default fail)'],
    ['--fix-mismatched', 'also change rows that have another value than their source says'],
    ['--no-trigger', 'the application writes the column already: make no trigger for new rows'],
    ['--remove-trigger', 'take the trigger for new rows away at the end'],
    ['--workers <n>', 'how many batches at a time (default 1)'],
    ['--batch-time <duration>', 'what no batch should exceed (default 250ms)'],
    ['--max-rate <n>', 'rows a second at the most'],
    ['--max-lag <duration>', 'pause while a replica is further behind (default 10s)'],
    ['--max-wal-rate <size>', 'slow down above so much WAL a second (default 128MB)'],
    ['--pause-when <expression>', 'pause while this SQL expression holds'],
    ['--max-failures <n>', 'give up when so many rows have failed (default 100)'],
    ['--restart', 'begin anew where an earlier run was cut off'],
    ['--dry-run', 'only count'],
    ['--wait <duration>', 'how long to wait for another run and for locks (default 10s)'],
  ],
  examples: [
    'dbops backfill run organization-id --dry-run',
    'dbops backfill run organization-id --workers 2 --max-rate 20000',
    "dbops backfill run --table purchases --set 'organization_id = content.organization_id' --from content --on 'content.id = purchases.content_id'",
  ],
  flags: flagsSchema,
  async run(context, flags) {
    const backfill = backfillOfFlags(context, flags);
    if (flags.pauseWhen !== undefined) await readExpression(flags.pauseWhen, '--pause-when');
    const session = await context.session();
    if (flags.dryRun)
      return accountReport(backfill.name, await inspectBackfill(session, backfill, flags), true);
    const { maxRate, maxLag, maxWalRate, pauseWhen, wait: patience, ...rest } = flags;
    const result = await runBackfill(session, backfill, {
      ...optionsOf(context),
      ...rest,
      patience,
      limits: { maxLag, maxWalRate, ...(pauseWhen !== undefined && { pauseWhen }) },
      ...(maxRate !== undefined && { maxRate }),
    });
    return accountReport(backfill.name, result, false);
  },
});

/** The backfill that is named, or that the flags define. @throws usage error */
function backfillOfFlags(
  context: Context,
  { arguments: [name], table, set, from, on, where, done }: Flags,
): Backfill {
  const parts = Object.entries({ table, set, from, on, where, done });
  const given = Object.fromEntries(parts.filter(([, part]) => part !== undefined));
  if (Object.keys(given).length === 0) {
    if (name !== undefined) return backfillNamed(backfillsOf(context), name);
    const known = backfillsOf(context).map((each) => each.name);
    throw usageError(
      'BACKFILL.NAME',
      'Say which backfill.',
      `Known backfills: ${known.join(', ')}. Or define one with --table, --set, --from and --on.`,
    );
  }
  const parsed = definitionSchema.safeParse({ targets: [given] });
  if (parsed.success && set !== undefined)
    return { ...parsed.data, name: name ?? `${table}.${/^\s*"?([^"\s=]+)/.exec(set)?.[1] ?? ''}` };
  throw usageError(
    'BACKFILL.FLAGS',
    'The flags do not define a backfill.',
    "Give --table TABLE and --set 'COLUMN = EXPRESSION'; --from and --on go together.",
    parsed.error?.issues.map(({ path, message }) => `--${String(path.at(-1))}: ${message}`),
  );
}
