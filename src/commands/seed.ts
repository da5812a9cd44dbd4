import * as z from 'zod';
import type { Context } from '../context.ts';
import { withLockRetries } from '../db/lock.ts';
import { needsConsent, readLabel, refuseProduction } from '../db/meta.ts';
import type { Session } from '../db/session.ts';
import { databaseName } from '../db/target.ts';
import type { SeedDeclaration } from '../seed/definition.ts';
import { seedReport } from '../seed/report.ts';
import { seed, selectSets, type SeedOptions } from '../seed/run.ts';
import { defineCommand } from '../command.ts';

/** Milliseconds to retry for locks, those of another seed among them. */
const patience = 60_000;

const flags = z.object({
  only: z
    .array(z.string())
    .default([])
    .transform((names) => names.flatMap((name) => name.split(',')).filter(Boolean)),
  reset: z.boolean().default(false),
  check: z.boolean().default(false),
  dryRun: z.boolean().default(false),
});

export const command = defineCommand({
  description:
    'Inserts test data in one transaction. Existing rows are reused and values that testers changed are kept, so it can be run any number of times.',
  options: [
    ['--only <sets...>', 'insert only these sets and those that they need'],
    ['--reset', 'also reset credits, names and dates of seeded rows'],
    ['--check', 'change nothing; exit with 4 when rows are missing or outdated'],
    ['--dry-run', 'change nothing; show what would be inserted and updated'],
  ],
  examples: ['dbops seed', 'dbops seed --only users', 'dbops seed --reset --dry-run'],
  flags,
  async run(context, { only, reset, check, dryRun }) {
    const seeds = await context.application.seeds();
    const chosen = selectSets(seeds.sets, only);
    const session = await context.session();
    const write = !check && !dryRun;
    await guard(context, session, write, seeds);
    const { clock, signal } = context;
    const { lockTimeout, statementTimeout } = context.settings;
    const options: SeedOptions = {
      now: clock(),
      reset,
      write,
      lockTimeout,
      statementTimeout,
      signal,
    };
    const run = () => seed(session, chosen, options);
    const counts = await withLockRetries(session, retries(context), run);
    return seedReport(counts, { write, check });
  },
});

async function guard(
  context: Context,
  session: Session,
  write: boolean,
  { assertSafe }: SeedDeclaration,
): Promise<void> {
  const label = await readLabel(session);
  refuseProduction(session, label, 'seeding');
  if (label.name === null) await assertSafe?.(session);
  if (write && needsConsent(session, label)) {
    await context.consent(
      `This seeds test data into ${databaseName(session.target)}, which is not on this machine.`,
    );
  }
}

function retries(context: Context) {
  return {
    patience,
    signal: context.signal,
    observe: () => context.anotherSession(),
    onWait: () => context.progress.update('waiting for a lock'),
  };
}
