import { resolve } from 'node:path';
import * as z from 'zod';
import { defineCommand } from '../../command.ts';
import type { Context } from '../../context.ts';
import { count } from '../../flags.ts';
import type { Folder } from '../../formats/format.ts';
import { placeFolder } from '../../formats/place.ts';
import type { Migration } from '../../migration.ts';
import { appliedOf, assertNoDefects, indexOfName, planUp } from '../../migrate/plan.ts';
import { folderOf, knownStatuses } from '../../open-project.ts';
import { judgePlan } from '../../plan/judge-plan.ts';
import { planReport, type PlanResult } from '../../plan/report.ts';
import { planLevels, severityOfLevel } from '../../plan/levels.ts';
import { planOffline, planOnline, type MigrationPlanRequest } from '../../plan/run.ts';
import { messageOf } from '../../errors.ts';
import { readSizes } from '../../plan/sizes-file.ts';
import { done, text, type Report } from '../../report.ts';
import { reportOptions } from '../../output/findings/requested.ts';
import { reportFlags } from '../../report-flags.ts';
import { waiverFlags, waiverOptions } from '../../verify/waiver-flags.ts';

const flagsSchema = z.object({
  to: z.string().optional(),
  steps: count.optional(),
  allowOutOfOrder: z.boolean().default(false),
  folder: z.boolean().default(false),
  from: z.string().optional(),
  sizes: z.string().optional(),
  fix: z.boolean().default(false),
  dryRun: z.boolean().default(false),
  failOn: z.enum(planLevels).default('blocks'),
  ...waiverFlags,
  ...reportFlags,
});
type Flags = z.output<typeof flagsSchema>;

export const command = defineCommand({
  description:
    'Shows what pending migrations will do to the database: each statement runs in a shadow database with the schema of the database, where its locks, rewrites, scans and index builds are observed; durations are estimated from the sizes of the tables. The database is only read. Exits with 4 where reads or writes would wait too long, or where rows violate a constraint.',
  options: [
    ['--to <name>', 'plan migrations up to and including this one'],
    ['--steps <n>', 'plan at most N migrations'],
    ['--allow-out-of-order', 'also plan pending migrations that are older than an applied one'],
    ['--folder', 'use no database: replay the folder'],
    ['--from <name>', 'with --folder: plan the migrations after this one'],
    ['--sizes <file>', 'use no database, but the sizes of dbops stats export'],
    ['--fix', 'write the safe form of migrations that block, proven in a shadow database'],
    ['--dry-run', 'with --fix: print the files, and write none'],
    ['--fail-on <verdict>', 'exit with 4 on blocks and fails (blocks), or on warnings too (slow)'],
    ...waiverOptions,
    ...reportOptions,
  ],
  examples: [
    'dbops migrate plan',
    'dbops migrate plan --fix --dry-run',
    'dbops migrate plan --sizes sizes.json --report sarif=plan.sarif',
  ],
  flags: flagsSchema,
  async run(context, flags) {
    const isOffline = flags.folder || flags.sizes !== undefined;
    const { folder, applied, pending, plan } = isOffline
      ? await offline(context, flags)
      : await online(context, flags);
    if (pending.length === 0)
      return done({ migrations: [], findings: [] }, text('✓ No pending migrations', 'good'));
    const request = { context, folder, applied, pending, limits: context.settings.plan };
    const result = await plan(request);
    const judged = await judgePlan({ context, folder, pending, flags }, result);
    const report = planReport(judged, result, {
      failOn: severityOfLevel[flags.failOn],
      maxFindings: flags.maxFindings,
      isVerbose: context.flags.verbose ?? false,
    });
    return flags.fix && !judged.written ? fixed(report, request, result, flags) : report;
  },
});

async function fixed(
  report: Report,
  request: MigrationPlanRequest,
  result: PlanResult,
  { dryRun }: Flags,
) {
  const { fixesFor } = await import('../../plan/fix.ts');
  const { isUsable, withFixes } = await import('../../plan/fix-report.ts');
  const { recipeFilesOf, writeFiles } = await import('../../plan/recipes/write-files.ts');
  const { fixes, unfixed } = await fixesFor(request, result);
  const { context, folder } = request;
  const written = [];
  for (const fix of fixes) {
    const { migration, files, backfills } = fix;
    if (dryRun || !isUsable(fix)) {
      written.push(
        isUsable(fix)
          ? { fix }
          : { fix, reason: 'its schema or its plan is not that of a safe form.' },
      );
      continue;
    }
    const asked = { folder, migration, files, backfills, now: context.clock() };
    const texts = await recipeFilesOf(asked).catch((error: unknown) => messageOf(error));
    if (typeof texts === 'string') written.push({ fix, reason: texts });
    else {
      writeFiles(texts);
      written.push({ fix, files: texts });
    }
  }
  return withFixes(report, { written, unfixed, cwd: context.io.cwd });
}

interface Chosen {
  folder: Folder;
  applied: Migration[];
  pending: Migration[];
  plan: (request: Parameters<typeof planOffline>[0]) => Promise<PlanResult>;
}

async function online(context: Context, flags: Flags): Promise<Chosen> {
  const [session, read] = await Promise.all([context.session(), folderOf(context)]);
  const folder = await placeFolder(session, read);
  assertNoDefects(folder);
  const statuses = await knownStatuses(context, session, folder);
  return {
    folder,
    applied: appliedOf(statuses),
    pending: planUp(statuses, flags),
    plan: (request) => planOnline(request, session),
  };
}

/** Without a database, what is applied is what the file of sizes lists, or what comes up to `--from`. */
async function offline(context: Context, { sizes, from, to, steps }: Flags): Promise<Chosen> {
  const folder = await folderOf(context);
  assertNoDefects(folder);
  const facts = sizes === undefined ? undefined : readSizes(resolve(context.io.cwd, sizes), sizes);
  const { migrations } = folder;
  const start = from === undefined ? 0 : indexOfName(migrations, from, '--from') + 1;
  const known = new Set(facts?.applied);
  const isApplied = ({ name }: Migration) =>
    from === undefined
      ? known.has(name)
      : migrations.findIndex((each) => each.name === name) < start;
  const end = to === undefined ? migrations.length : indexOfName(migrations, to) + 1;
  return {
    folder,
    applied: migrations.filter(isApplied),
    pending: migrations
      .slice(0, end)
      .filter((each) => !isApplied(each))
      .slice(0, steps),
    plan: (request) => planOffline(request, facts),
  };
}
