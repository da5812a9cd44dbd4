import * as z from 'zod';
import { backfillNamed, backfills } from '../backfill/index.ts';
import { runBackfill } from '../backfill/run.ts';
import { exitCodes } from '../errors.ts';
import { formatDuration } from '../output/duration.ts';
import { text, type Block } from '../report.ts';
import { defineCommand } from './command.ts';

export const command = defineCommand({
  description: `Fills empty columns in batches from where their value is known, and never changes a value that is there. Backfills: ${backfills.map(({ name, summary }) => `${name} (${summary})`).join('; ')}.`,
  arguments: [['<name>', 'which backfill']],
  options: [['--dry-run', 'only count what would be filled']],
  examples: [
    'dbops backfill run organization-id',
    'dbops backfill run organization-id --dry-run --json',
  ],
  flags: z.object({ arguments: z.tuple([z.string()]), dryRun: z.boolean().default(false) }),
  async run(context, { arguments: [name], dryRun }) {
    const backfill = backfillNamed(name);
    const session = await context.session();
    const { signal, progress } = context;
    const account = await runBackfill(session, backfill, {
      write: !dryRun,
      signal,
      onProgress: (line) => progress.update(line),
    });
    const { total, right, changed, open, orphans, mismatched, batches, durationMs, samples } =
      account;
    const clean = open === 0 && mismatched === 0;
    const fillable = open - orphans;
    const blocks: Block[] = [
      text(
        `${name}: ${total} rows = ${right} already right + ${changed} changed${fillable > 0 ? ` + ${fillable} to fill` : ''} + ${orphans} orphans + ${mismatched} mismatched`,
        clean ? 'good' : 'warn',
      ),
      text(`${batches} batches in ${formatDuration(durationMs)}`, 'dim'),
    ];
    if (orphans > 0)
      blocks.push(
        ...samples.map((sample) => text(`  ${sample}`, 'warn')),
        text('→ Give their source a value (or delete them), then run the backfill again.'),
      );
    if (mismatched > 0)
      blocks.push(
        text(
          '→ Mismatched rows hold another value than their source; look at them before you change one.',
        ),
      );
    return {
      exitCode: clean || dryRun ? exitCodes.done : exitCodes.findings,
      data: {
        name,
        state: open === 0 ? 'complete' : 'incomplete',
        rowsTotal: total,
        rowsDone: right + changed,
        rowsChanged: changed,
        orphans,
        mismatched,
        batches,
        rowsPerSecond: Math.round(changed / Math.max(durationMs / 1_000, 0.001)),
        etaSeconds: 0,
      },
      blocks,
    };
  },
});
